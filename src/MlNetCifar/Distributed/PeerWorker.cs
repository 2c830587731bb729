using System.Security.Cryptography;
using System.Runtime.InteropServices;
using System.Text;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>
/// A worker that makes steps together with others: it keeps a copy of weights and moments, to which it does what the run does to its own. Whatever goes wrong, the run begins another generation and sends all of it
/// anew, so that no copy matters.
/// </summary>
internal sealed class PeerWorker : IDisposable
{
    readonly RunLine _line;
    readonly WorkerSession _session;
    readonly PeerDoor _door;
    readonly Lock _gate = new();
    PeerExchange? _exchange;
    CancellationTokenSource? _step;
    bool _hasState;
    TimeSpan _waited;

    /// <summary>Prepares.</summary>
    /// <param name="line">To the run.</param>
    /// <param name="session">What is trained.</param>
    /// <param name="door">Where others come in; owned.</param>
    public PeerWorker(RunLine line, WorkerSession session, PeerDoor door) => (_line, _session, _door) = (line, session, door);

    /// <summary>Where others reach this worker.</summary>
    public PeerAddress Address => _door.Address;

    /// <summary>Whether a frame is for this.</summary>
    public static bool Takes(FrameKind kind) => kind is FrameKind.Link or FrameKind.Abandon or FrameKind.Step or FrameKind.Check;

    /// <summary>Does what a frame says.</summary>
    /// <param name="kind">One that this takes.</param>
    /// <param name="waited">How long the worker has waited for work so far.</param>
    /// <param name="strike">Called before a step is computed.</param>
    public void Take(FrameKind kind, TimeSpan waited, Action<long> strike)
    {
        switch (kind)
        {
            case FrameKind.Link:
                Link(LinkPlan.Read(_line.Reader.Rest()));
                break;
            case FrameKind.Abandon:
                var generation = _line.Reader.Rest();
                Drop();
                _line.Write(FrameKind.Abandoned, generation);
                break;
            case FrameKind.Step:
                Step(waited, strike);
                break;
            case FrameKind.Check:
                Check();
                break;
        }
    }

    public void Dispose()
    {
        Drop();
        _door.Dispose();
    }

    /// <summary>Connects with the others of a generation; from now on the line is watched.</summary>
    void Link(LinkPlan plan)
    {
        _line.Watch(Came);
        Drop();
        using var beat = _line.Beat();
        var links = _door.Link(plan, out var missing);
        if (missing is null)
        {
            lock (_gate)
                _exchange = new PeerExchange(plan, links, _line, _session.Format);
        }
        else
        {
            foreach (var link in links)
                link?.Dispose();
        }

        _line.Write(FrameKind.Linked, new LinkReport(plan.Generation, missing).ToJson());
    }

    void Step(TimeSpan waited, Action<long> strike)
    {
        Span<byte> bytes = stackalloc byte[WorkHead.Length];
        _line.Reader.Read(bytes);
        var work = WorkHead.Read(bytes);
        _session.Enter(work);
        var exchange = ReadState(out var generation);
        using var step = new CancellationTokenSource();
        lock (_gate)
            _step = step;
        _line.Release();
        try
        {
            if (exchange is null)
                throw new PeerFault("the generation has ended");
            exchange.Begin(work.Ticket, _session.SlicesOf(work), _session.Lengths.Gradients, _session.Lengths.Statistics, (waited + _waited).TotalSeconds);
            strike(work.Place.Step + 1);
            _session.Compute(work, TreeSums.Own, exchange.Offer, step.Token);
            using var beat = _line.Beat();
            var begun = TimeProvider.System.GetTimestamp();
            var sum = exchange.Reduce();
            _waited += TimeProvider.System.GetElapsedTime(begun);
            _session.Update(sum, work);
        }
        catch (Exception e) when (e is PeerFault or OperationCanceledException)
        {
            Drop();
            _line.Write(FrameKind.Broken, new LinkReport(generation, e.Message).ToJson());
        }
        finally
        {
            lock (_gate)
                _step = null;
        }
    }

    /// <summary>Tells the hash of what this worker holds.</summary>
    void Check()
    {
        if (ReadState(out var generation) is null)
        {
            _line.Write(FrameKind.Broken, new LinkReport(generation, "the generation has ended").ToJson());
            return;
        }

        _line.Write(FrameKind.Digest, HashOf(_session.Copy()));
    }

    /// <summary>SHA-256 of everything that a step changes.</summary>
    public static byte[] HashOf(IReadOnlyList<StateBlock> blocks)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var block in blocks)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(block.Name));
            hash.AppendData(MemoryMarshal.AsBytes(block.Values()));
        }

        return hash.GetHashAndReset();
    }

    /// <summary>How many blocks of the state are sent.</summary>
    public static int Blocks(SentState sent, int all) => sent switch { SentState.None => 0, SentState.Weights => 2, _ => all };

    /// <summary>Reads what is ahead of a state, and the state.</summary>
    /// <returns>The generation; null where it is another than that of this worker.</returns>
    PeerExchange? ReadState(out long generation)
    {
        Span<byte> bytes = stackalloc byte[StateHead.Length];
        _line.Reader.Read(bytes);
        var head = StateHead.Read(bytes);
        generation = head.Generation;
        var blocks = _session.Copy();
        for (var i = 0; i < Blocks(head.State, blocks.Count); i++)
            _line.Reader.Read(blocks[i].Values());
        _line.Reader.End();
        if (head.State != SentState.None)
            _session.Changed(first: true);
        lock (_gate)
        {
            _hasState = _exchange?.Generation == head.Generation && (_hasState || head.State == SentState.All);
            return _hasState ? _exchange : null;
        }
    }

    /// <summary>The run says something, or is gone: whatever is under way in a generation that it gives up thereby is of no use.</summary>
    void Came(FrameKind? kind)
    {
        if (kind is FrameKind.Step or FrameKind.Check)
            return;
        lock (_gate)
        {
            _step?.Cancel();
            _exchange?.Close();
        }
    }

    void Drop()
    {
        PeerExchange? dropped;
        lock (_gate)
        {
            (dropped, _exchange, _hasState) = (_exchange, null, false);
        }

        dropped?.Dispose();
    }
}
