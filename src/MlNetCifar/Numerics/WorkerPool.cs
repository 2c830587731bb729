using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace MlNetCifar.Numerics;

/// <summary>Work that falls into numbered blocks. Which blocks exist depends on the shapes alone, never on the number of threads.</summary>
internal interface IParallelJob
{
    /// <summary>Does one block. Called once per block, by any thread.</summary>
    /// <param name="block">0 … blocks − 1.</param>
    /// <param name="worker">0 … threads − 1: which worker's scratch to use.</param>
    void Execute(int block, int worker);
}

/// <summary>
/// A fixed set of threads that execute blocks of a job. Blocks are dealt statically in contiguous runs, nothing is allocated per call,
/// and the caller works along as worker 0. One job at a time; <see cref="Run"/> may be called from one thread only.
/// Where there are more workers than processors, waiting threads sleep at once instead of spinning first.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    readonly Thread[] _threads;
    readonly CounterGate[] _start;
    readonly CounterGate _done;
    readonly Lock _failureLock = new();
    delegate*<void*, int, int, void> _invoke;
    void* _job;
    int _blocks;
    int _pending;
    ExceptionDispatchInfo? _failure;
    volatile bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Workers including the caller, ≥ 1.</param>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        var spins = threads <= DefaultThreads;
        _done = new CounterGate(spins);
        _threads = new Thread[threads - 1];
        _start = new CounterGate[threads - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _start[i] = new CounterGate(spins);
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"mlnetcifar-{worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Processors this process may use, as the operating system and its control groups grant them.</summary>
    public static int DefaultThreads => Environment.ProcessorCount;

    /// <summary>Workers including the caller.</summary>
    public int Threads { get; }

    /// <summary>Executes all blocks and returns when the last one is done. What a block throws first is thrown here as it is; of the others some may not be done then.</summary>
    /// <param name="job">The work; lives on the caller's stack for the length of the call.</param>
    /// <param name="blocks">Number of blocks, ≥ 0.</param>
    public void Run<TJob>(ref TJob job, int blocks)
        where TJob : struct, IParallelJob
    {
        if (Threads == 1 || blocks <= 1)
        {
            for (var block = 0; block < blocks; block++)
                job.Execute(block, 0);
            return;
        }

        _job = Unsafe.AsPointer(ref job);
        _invoke = &Invoke<TJob>;
        _blocks = blocks;
        _pending = Threads - 1;
        foreach (var start in _start)
            start.Open();
        Share(0);
        _done.Wait();
        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stopping = true;
        foreach (var start in _start)
            start.Open();
        foreach (var thread in _threads)
            thread.Join();
        foreach (var start in _start)
            start.Dispose();
        _done.Dispose();
    }

    static void Invoke<TJob>(void* job, int block, int worker)
        where TJob : struct, IParallelJob
        => Unsafe.AsRef<TJob>(job).Execute(block, worker);

    void Loop(int worker)
    {
        while (true)
        {
            _start[worker - 1].Wait();
            if (_stopping)
                return;
            Share(worker);
            if (Interlocked.Decrement(ref _pending) == 0)
                _done.Open();
        }
    }

    void Share(int worker)
    {
        try
        {
            var first = (int)((long)_blocks * worker / Threads);
            var end = (int)((long)_blocks * (worker + 1) / Threads);
            for (var block = first; block < end; block++)
                _invoke(_job, block, worker);
        }
        catch (Exception e)
        {
            lock (_failureLock)
                _failure ??= ExceptionDispatchInfo.Capture(e);
        }
    }
}
