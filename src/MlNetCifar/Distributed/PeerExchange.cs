using MlNetCifar.Data;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>
/// The members of a generation as one of them sees it. In a step each owns a range of the floats: it gets that range of every node of the tree that others hold, adds them up in the tree's order, and sends what comes
/// of it to all others and to the run. So each float is added as one process adds it, whoever has computed which slices, and nobody's link carries more than about two sums a step.
/// </summary>
internal sealed class PeerExchange : IDisposable
{
    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    readonly LinkPlan _plan;
    readonly PeerLink[] _others;
    readonly WorkerPool _pool;
    readonly GradientFormat _format;
    readonly List<SliceSum> _nodes = [];
    SliceTree? _own;
    SliceSum? _total;
    (int Gradients, int Statistics) _lengths;
    SumHead _sum;
    long _ticket = -1;
    int _slices;
    int _arrived;
    int _totals;
    int _receiving;
    string? _fault;
    bool _closed;

    /// <summary>Takes the connections.</summary>
    /// <param name="plan">Who the members are.</param>
    /// <param name="links">To all others; owned.</param>
    /// <param name="pool">Borrowed threads, which add.</param>
    /// <param name="format">Of the gradients.</param>
    public PeerExchange(LinkPlan plan, PeerLink?[] links, WorkerPool pool, GradientFormat format)
    {
        (_plan, _pool, _format) = (plan, pool, format);

        // The next one first: so that not all send to the same one at once.
        _others = [.. links.OfType<PeerLink>().OrderBy(link => (link.Index - plan.Index + links.Length) % links.Length)];
        foreach (var link in _others)
            new Thread(() => Receive(link)) { IsBackground = true, Name = "mlnetcifar-link" }.Start();
    }

    /// <summary>Number of the generation.</summary>
    public long Generation => _plan.Generation;

    /// <summary>Bytes sent to others so far.</summary>
    public long Sent => _others.Sum(link => link.Sent);

    int Members => _plan.Members.Count;

    int Floats => _lengths.Gradients + _lengths.Statistics;

    /// <summary>Begins a step: what others send is taken from now on, while this worker computes.</summary>
    /// <param name="ticket">Of the step.</param>
    /// <param name="slices">Of its batch.</param>
    /// <param name="gradients">Floats of the gradients.</param>
    /// <param name="statistics">Floats of the running statistics.</param>
    public void Begin(long ticket, int slices, int gradients, int statistics)
    {
        if (_lengths != (gradients, statistics) || _total is null)
            Resize(gradients, statistics);
        lock (_gate)
        {
            (_ticket, _slices, _arrived, _totals) = (ticket, slices, 0, 0);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Sums a batch up with the others.</summary>
    /// <param name="nodes">What this worker has computed: whole nodes of the tree, in order.</param>
    /// <param name="line">To the run, which gets this worker's range.</param>
    /// <param name="waited">Seconds that it has waited for work so far.</param>
    /// <returns>The sum of all slices, valid until the next step.</returns>
    /// <exception cref="PeerFault">It could not be done with all of them.</exception>
    public SliceSum Reduce(IReadOnlyList<SliceSum> nodes, RunLine line, double waited)
    {
        var (first, end) = RangeOf(_plan.Index);
        foreach (var link in _others)
        {
            foreach (var node in nodes)
                Send(link, FrameKind.Node, new(Generation, _ticket, node.First, node.Count, node.Correct, node.Loss, node.Weight), node, RangeOf(link.Index));
        }

        foreach (var node in nodes)
        {
            var part = _own!.Rent();
            (part.First, part.Count, part.Correct, part.Loss, part.Weight) = (node.First, node.Count, node.Correct, node.Loss, node.Weight);
            node.Values[first..end].CopyTo(part.Values);
            Arrive(part);
        }

        Wait(() => _arrived == _slices, "its sums");
        var root = Root();
        root.Values.CopyTo(_total!.Values[first..end]);
        (_total.First, _total.Count, _total.Correct, _total.Loss, _total.Weight) = (0, _slices, root.Correct, root.Loss, root.Weight);
        var sum = new SumHead(Generation, _ticket, 0, _slices, root.Correct, root.Loss, root.Weight);
        Span<byte> head = stackalloc byte[SumHead.Length];
        (sum with { Waited = waited, Passed = Sent }).Write(head);
        line.Write(FrameKind.Total, head, _total.Values[first..end], PeerRange.Gradients((first, end), _lengths.Gradients), _format);
        foreach (var link in _others)
            Send(link, FrameKind.Total, sum, _total, (first, end));
        lock (_gate)
        {
            Agree(sum);
            Monitor.PulseAll(_gate);
        }

        Wait(() => _totals == Members, "the whole sum");
        _own!.Clear();
        return _total;
    }

    /// <summary>Ends all connections; a step that is under way fails. May be called from any thread.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            _fault ??= "the run gave the step up";
            Monitor.PulseAll(_gate);
        }

        foreach (var link in _others)
            link.Dispose();
    }

    public void Dispose()
    {
        Close();

        // Whoever receives writes into these.
        lock (_gate)
        {
            while (_receiving > 0)
                Monitor.Wait(_gate);
        }

        _own?.Dispose();
        _total?.Dispose();
    }

    (int First, int End) RangeOf(int index) => PeerRange.Of(index, Members, Floats);

    void Resize(int gradients, int statistics)
    {
        _own?.Dispose();
        _total?.Dispose();
        _lengths = (gradients, statistics);
        var (first, end) = RangeOf(_plan.Index);
        var owned = PeerRange.Gradients((first, end), gradients);
        _own = new SliceTree(owned, end - first - owned, _pool, _format);
        _total = new SliceSum(gradients, statistics);
        var most = Enumerable.Range(0, Members).Max(i => RangeOf(i) is var (from, to) ? to - from : 0);
        foreach (var link in _others)
            link.Begin(most);
    }

    SliceSum Root()
    {
        lock (_gate)
        {
            _nodes.Sort(static (a, b) => a.First.CompareTo(b.First));
            foreach (var node in _nodes)
                _own!.Push(node);
            _nodes.Clear();
        }

        return _own!.Root();
    }

    void Send(PeerLink link, FrameKind kind, SumHead head, SliceSum sum, (int First, int End) range)
    {
        try
        {
            link.Write(kind, head, sum.Values[range.First..range.End], PeerRange.Gradients(range, _lengths.Gradients), _format);
        }
        catch (Exception e) when (IsOfLink(e))
        {
            Fail(link, e);
            throw new PeerFault(_fault!);
        }
    }

    void Receive(PeerLink link)
    {
        try
        {
            for (var last = -1L; ;)
            {
                lock (_gate)
                {
                    while (_ticket == last && !_closed)
                        Monitor.Wait(_gate);
                    if (_closed)
                        return;
                    last = _ticket;
                    _receiving++;
                }

                try
                {
                    Receive(link, new SlicePart(link.Index, link.Index + 1, Members).In(_slices));
                }
                finally
                {
                    lock (_gate)
                    {
                        _receiving--;
                        Monitor.PulseAll(_gate);
                    }
                }
            }
        }
        catch (Exception e) when (IsOfLink(e))
        {
            Fail(link, e);
        }
    }

    void Receive(PeerLink link, (int First, int End) slices)
    {
        for (var next = slices.First; next < slices.End;)
        {
            var head = link.Expect(FrameKind.Node);
            Check(head, head.First == next && head.Count >= 1 && int.IsPow2(head.Count) && head.First % head.Count == 0 && head.Count <= slices.End - next);
            var node = _own!.Rent();
            (node.First, node.Count, node.Correct, node.Loss, node.Weight) = (head.First, head.Count, head.Correct, head.Loss, head.Weight);
            link.Reader.Read(node.Values, node.Gradients.Length, _format);
            link.Reader.End();
            next += head.Count;
            Arrive(node);
        }

        var total = link.Expect(FrameKind.Total);
        Check(total, total.First == 0 && total.Count == _slices);
        var range = RangeOf(link.Index);
        link.Reader.Read(_total!.Values[range.First..range.End], PeerRange.Gradients(range, _lengths.Gradients), _format);
        link.Reader.End();
        lock (_gate)
        {
            Agree(total);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A message of another generation or step is none of this one's, whoever sent it.</summary>
    void Check(SumHead head, bool fits)
    {
        if (head.Generation != Generation || head.Ticket != _ticket || !fits)
            throw new InvalidDataException(FormattableString.Invariant($"it sent {head.Count} slices from {head.First} of step {head.Ticket} in generation {head.Generation}, which are none of step {_ticket} in generation {Generation}"));
    }

    void Arrive(SliceSum node)
    {
        lock (_gate)
        {
            _nodes.Add(node);
            _arrived += node.Count;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>All have summed up the same: each adds the figures of all slices in the same order.</summary>
    void Agree(SumHead sum)
    {
        if (_totals > 0 && !sum.Agrees(_sum))
            _fault ??= "workers have summed the same slices up to different figures";
        _sum = sum;
        _totals++;
    }

    void Wait(Func<bool> isThere, string what)
    {
        var begun = TimeProvider.System.GetTimestamp();
        lock (_gate)
        {
            while (_fault is null && !isThere())
            {
                if (!Monitor.Wait(_gate, _plan.Patience) || TimeProvider.System.GetElapsedTime(begun) > _plan.Patience)
                    _fault ??= FormattableString.Invariant($"another worker did not send {what} within {_plan.Patience.TotalSeconds:0.#} s");
            }

            if (_fault is not null)
                throw new PeerFault(_fault);
        }
    }

    void Fail(PeerLink link, Exception e)
    {
        lock (_gate)
        {
            _fault ??= FormattableString.Invariant($"worker {link.Worker + 1}: {e.Message.TrimEnd('.')}");
            Monitor.PulseAll(_gate);
        }
    }

    static bool IsOfLink(Exception e) => e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or InvalidDataException or MlNetCifarException;
}
