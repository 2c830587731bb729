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
/// A fixed set of threads that execute blocks of a job. Blocks are dealt in contiguous runs, and who has done its own takes from the ends of the others',
/// so that a thread which the operating system holds back holds back no more than the block it is at. Nothing is allocated per call,
/// and the caller works along as worker 0. One job at a time; <see cref="Run"/> may be called from one thread only.
/// Where there are more workers than processors, waiting threads sleep at once instead of spinning first.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    // Runs lie two cache lines apart.
    const int RunStride = 16;

    readonly Thread[] _threads;
    readonly CounterGate[] _start;
    readonly CounterGate _done;
    readonly Lock _failureLock = new();
    delegate*<void*, int, int, void> _invoke;

    // Each worker's blocks that nobody has taken yet: the first one in the upper half, the end in the lower. Who takes a block does so in one exchange,
    // and until it is counted the job that it belongs to stays the one that _job points to.
    readonly long[] _runs;
    void* _job;
    int _remaining;
    volatile ExceptionDispatchInfo? _failure;
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
        _runs = new long[(threads + 1) * RunStride];
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
        _remaining = blocks;
        for (var worker = 0; worker < Threads; worker++)
            Volatile.Write(ref UntakenOf(worker), ((long)blocks * worker / Threads << 32) | ((long)blocks * (worker + 1) / Threads));
        foreach (var start in _start)
            start.Open();
        if (!Share(0))
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
            if (Share(worker))
                _done.Open();
        }
    }

    ref long UntakenOf(int worker) => ref _runs[(worker + 1) * RunStride];

    /// <summary>Does blocks until there is none left to take; whether they were the last ones of the job to be done.</summary>
    bool Share(int worker)
    {
        var done = 0;
        for (var other = worker; other < worker + Threads; other++)
        {
            ref var untaken = ref UntakenOf(other % Threads);
            while (TryTake(ref untaken, first: other == worker, out var block))
            {
                Execute(block, worker);
                done++;
            }
        }

        return done > 0 && Interlocked.Add(ref _remaining, -done) == 0;
    }

    static bool TryTake(ref long untaken, bool first, out int block)
    {
        while (true)
        {
            var run = Volatile.Read(ref untaken);
            int next = (int)(run >> 32), end = (int)run;
            block = first ? next : end - 1;
            if (next >= end)
                return false;
            if (Interlocked.CompareExchange(ref untaken, first ? run + (1L << 32) : run - 1, run) == run)
                return true;
        }
    }

    void Execute(int block, int worker)
    {
        try
        {
            if (_failure is null)
                _invoke(_job, block, worker);
        }
        catch (Exception e)
        {
            lock (_failureLock)
                _failure ??= ExceptionDispatchInfo.Capture(e);
        }
    }
}
