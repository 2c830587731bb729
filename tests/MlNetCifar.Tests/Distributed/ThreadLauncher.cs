using System.Net;
using MlNetCifar.Distributed;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Workers on threads of this process, each on a wire of its own.</summary>
/// <param name="open">Opens their images.</param>
/// <param name="fault">What goes wrong with a worker: its number, and how often one was started before it.</param>
/// <param name="secret">That workers know; null for none.</param>
sealed class ThreadLauncher(Func<Welcome, WorkerImages> open, Func<int, int, (WireFault Fault, long After)>? fault = null, string? secret = null) : IWorkerLauncher
{
    readonly Dictionary<int, (Thread Thread, FaultyWire Wire)> _workers = [];
    readonly Dictionary<int, int> _starts = [];
    readonly List<Exception> _errors = [];
    readonly List<FaultyWire> _wires = [];

    [ThreadStatic]
    static FaultyWire? t_wire;

    /// <summary>The first worker is lost twice, and the second once.</summary>
    public static Func<int, int, (WireFault Fault, long After)> Losing(WireFault fault, long firstAfter, long secondAfter) => (worker, start) => (worker, start) switch
    {
        (0, 0) => (fault, firstAfter),
        (0, 1) or (1, 0) => (fault, secondAfter),
        _ => (WireFault.None, 0),
    };

    /// <summary>Cancels when workers have answered, and then answer no more for a second: they stall. Disposed by the caller.</summary>
    public static Timer StopAtStall(WorkerGroup group, CancellationTokenSource stop)
    {
        var seen = 0L;
        return new Timer(_ =>
        {
            var now = group.Figures.Sum(f => f.Slices);
            if (now > 0 && now == Interlocked.Exchange(ref seen, now))
                stop.Cancel();
        }, null, 1000, 1000);
    }

    /// <summary>All that has passed between each worker and the run.</summary>
    public IReadOnlyList<byte[]> Passed => [.. _wires.Select(wire => wire.Passed)];

    /// <summary>Bytes that have come from each worker.</summary>
    public long[] Answered => [.. _wires.Select(wire => wire.Answered)];

    /// <summary>Bytes that have come from the worker on this thread.</summary>
    public static long AnsweredHere => t_wire!.Answered;

    /// <summary>The tokens of workers, with all that was said beside them.</summary>
    public List<string> Tokens { get; } = [];

    /// <summary>What workers have ended with.</summary>
    public IReadOnlyList<Exception> Errors => _errors;

    /// <summary>Workers started in all.</summary>
    public int Starts => _starts.Values.Sum();

    /// <summary>How many more may be started.</summary>
    public int? Room { get; set; }

    public int? FindRoom() => Room;

    public void Start(int worker, IPEndPoint address, string token)
    {
        var start = _starts.GetValueOrDefault(worker);
        _starts[worker] = start + 1;
        var (kind, after) = fault?.Invoke(worker, start) ?? (WireFault.None, 0);
        var wire = new FaultyWire(address, kind, after);
        _wires.Add(wire);
        Tokens.Add(token);
        var thread = new Thread(() => Work(wire, token)) { IsBackground = true, Name = $"worker {worker}" };
        lock (_workers)
            _workers[worker] = (thread, wire);
        thread.Start();
    }

    public Exception? Ended(int worker)
    {
        lock (_workers)
            return _workers.TryGetValue(worker, out var found) && !found.Thread.IsAlive ? new InvalidOperationException("its thread ended") : null;
    }

    public void End(int worker)
    {
        lock (_workers)
        {
            if (!_workers.Remove(worker, out var found))
                return;
            found.Wire.Dispose();
            Assert.IsTrue(found.Thread.Join(TimeSpan.FromSeconds(60)), "a worker does not end with its connection");
        }
    }

    public void Dispose()
    {
        foreach (var worker in _starts.Keys)
            End(worker);
    }

    void Work(FaultyWire wire, string token)
    {
        t_wire = wire;
        try
        {
            WorkerProgram.Run(wire.Address, token, open, secret: secret is null ? null : new(secret));
        }
        catch (Exception e)
        {
            lock (_errors)
                _errors.Add(e);
        }
    }
}
