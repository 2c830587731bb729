using MlNetCifar.Data;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>
/// The members of a generation as one of them sees it. In a step each owns a range of every part of the floats: it gets that range of every node of the tree that others hold, adds them up in the tree's order, and
/// sends what comes of it to all others and to the run. So each float is added as one process adds it, whoever has computed which slices, and nobody's link carries more than about two sums a step. A part is
/// sent and added up as soon as it is final, by threads of this, while the worker computes those in front of it. Nothing is copied for that or queued: a thread sends what the tree holds, at its own pace.
/// </summary>
internal sealed class PeerExchange : IDisposable
{
    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    readonly LinkPlan _plan;
    readonly PeerLink[] _others;
    readonly RunLine _line;
    readonly WorkerPool _pool = new(1);
    readonly GradientFormat _format;
    readonly List<Thread> _threads = [];
    IReadOnlyList<SliceSum> _nodes = [];
    SharedPart[] _own = [];
    SliceSum? _total;
    (int Gradients, int Statistics) _lengths;
    SumParts _parts;
    SumHead _sum;
    long _ticket = -1;
    long _before;
    long _ahead;
    double _waited;
    int _slices;
    int _offered;
    int _added;
    int _told;
    int _totals;
    string? _fault;
    bool _closed;

    /// <summary>Takes the connections.</summary>
    /// <param name="plan">Who the members are.</param>
    /// <param name="links">To all others; owned.</param>
    /// <param name="line">To the run, which gets this worker's ranges; borrowed.</param>
    /// <param name="format">Of the gradients.</param>
    public PeerExchange(LinkPlan plan, PeerLink?[] links, RunLine line, GradientFormat format)
    {
        (_plan, _line, _format) = (plan, line, format);

        // The next one first: so that not all send to the same one at once.
        _others = [.. links.OfType<PeerLink>().OrderBy(link => (link.Index - plan.Index + links.Length) % links.Length)];
        foreach (var link in _others)
        {
            Start("link", $"worker {link.Worker + 1}", () => Receive(link));
            Start("send", $"worker {link.Worker + 1}", () => Send(link));
        }

        Start("sum", "the run", AddUp);
    }

    /// <summary>Number of the generation.</summary>
    public long Generation => _plan.Generation;

    /// <summary>Bytes sent to others so far.</summary>
    public long Sent => _others.Sum(link => link.Sent);

    int Members => _plan.Members.Count;

    /// <summary>Begins a step: what others send is taken from now on, while this worker computes.</summary>
    /// <param name="ticket">Of the step.</param>
    /// <param name="slices">Of its batch.</param>
    /// <param name="gradients">Floats of the gradients.</param>
    /// <param name="statistics">Floats of the running statistics.</param>
    /// <param name="waited">Seconds that this worker has waited for work so far.</param>
    public void Begin(long ticket, int slices, int gradients, int statistics, double waited)
    {
        lock (_gate)
        {
            if (_lengths != (gradients, statistics) || _total is null)
                Resize(gradients, statistics);
            (_ticket, _slices, _waited, _before) = (ticket, slices, waited, Sent);
            (_offered, _added, _told, _totals) = (0, 0, 0, 0);
            foreach (var link in _others)
                link.Parts = (0, 0);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Sends parts that are final, and adds them up; returns at once.</summary>
    /// <param name="nodes">What this worker computes: whole nodes of the tree, in order; kept until the end of the step.</param>
    /// <param name="parts">How many parts of them are final.</param>
    public void Offer(IReadOnlyList<SliceSum> nodes, int parts)
    {
        for (var part = _offered; part < parts; part++)
        {
            var (first, end) = RangeOf(part, _plan.Index);
            foreach (var node in nodes)
            {
                var own = _own[part].Rent(node.First, node.Count, node.Correct, node.Loss, node.Weight);
                node.Values[first..end].CopyTo(own.Values);
                Arrive(part, own);
            }
        }

        lock (_gate)
        {
            (_nodes, _offered) = (nodes, parts);
            if (parts == _parts.Count)
                _ahead += Sent - _before;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until all parts, which have been offered, are summed up with the others, and whatever others need has been sent.</summary>
    /// <returns>The sum of all slices, valid until the next step.</returns>
    /// <exception cref="PeerFault">It could not be done with all of them.</exception>
    public SliceSum Reduce()
    {
        var begun = TimeProvider.System.GetTimestamp();
        lock (_gate)
        {
            while (_fault is null && !IsDone())
            {
                var come = _added + _totals;
                Monitor.Wait(_gate, _plan.Patience);
                if (come != _added + _totals)
                    begun = TimeProvider.System.GetTimestamp();
                else if (TimeProvider.System.GetElapsedTime(begun) >= _plan.Patience)
                    _fault ??= FormattableString.Invariant($"another worker did not send {(_added < _parts.Count ? "its sums" : "the whole sum")} within {_plan.Patience.TotalSeconds:0.#} s");
            }

            if (_fault is not null)
                throw new PeerFault(_fault);
        }

        foreach (var own in _own)
            own.Clear();
        (_total!.First, _total.Count, _total.Correct, _total.Loss, _total.Weight) = (0, _slices, _sum.Correct, _sum.Loss, _sum.Weight);
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

        // They read and write sums, those of the worker's own tree too.
        foreach (var thread in _threads)
            thread.Join();
        foreach (var own in _own)
            own.Dispose();
        _total?.Dispose();
        _pool.Dispose();
    }

    bool IsDone() => _told == _parts.Count && _totals == Members * _parts.Count && Array.TrueForAll(_others, link => link.Parts == (_parts.Count, _parts.Count));

    (int First, int End) RangeOf(int part, int index) => PeerRange.Of(_parts[part], index, Members);

    void Resize(int gradients, int statistics)
    {
        foreach (var own in _own)
            own.Dispose();
        _total?.Dispose();
        _lengths = (gradients, statistics);
        _parts = new SumParts(gradients + statistics);
        _total = new SliceSum(gradients, statistics);
        _own = new SharedPart[_parts.Count];
        for (var part = 0; part < _own.Length; part++)
        {
            var range = RangeOf(part, _plan.Index);
            var owned = PeerRange.Gradients(range, gradients);
            _own[part] = new SharedPart(new SliceTree(owned, range.End - range.First - owned, _pool, _format));
        }

        var (first, end) = _parts[0];
        foreach (var link in _others)
            link.Begin(end - first);
    }

    void Start(string name, string other, Action work)
    {
        var thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException or InvalidDataException or MlNetCifarException)
            {
                lock (_gate)
                {
                    _fault ??= $"{other}: {e.Message.TrimEnd('.')}";
                    Monitor.PulseAll(_gate);
                }
            }
        })
        { IsBackground = true, Name = $"mlnetcifar-{name}" };
        _threads.Add(thread);
        thread.Start();
    }

    /// <summary>Waits until something is there to be done.</summary>
    /// <returns>False at the end.</returns>
    bool Wait(Func<bool> isThere)
    {
        lock (_gate)
        {
            while (!_closed && !isThere())
                Monitor.Wait(_gate);
            return !_closed;
        }
    }

    /// <summary>Sends one of the others what it is to get, as it comes: sums first, for they are what is waited for.</summary>
    void Send(PeerLink link)
    {
        SumHead? sum = null;
        while (Wait(() =>
        {
            sum = link.Parts.Totals < _added ? _sum : null;
            return sum is not null || link.Parts.Nodes < _offered;
        }))
        {
            var (nodes, totals) = link.Parts;
            if (sum is { } head)
            {
                Send(link, FrameKind.Total, head with { Part = totals }, _total!, RangeOf(totals, _plan.Index));
                totals++;
            }
            else
            {
                foreach (var node in _nodes)
                    Send(link, FrameKind.Node, new(Generation, _ticket, node.First, node.Count, node.Correct, node.Loss, node.Weight, nodes), node, RangeOf(nodes, link.Index));
                nodes++;
            }

            lock (_gate)
            {
                link.Parts = (nodes, totals);
                Monitor.PulseAll(_gate);
            }
        }
    }

    void Send(PeerLink link, FrameKind kind, SumHead head, SliceSum sum, (int First, int End) range) =>
        link.Write(kind, head, sum.Values[range.First..range.End], PeerRange.Gradients(range, _lengths.Gradients), _format);

    /// <summary>Adds up this worker's range of one part after the other, and tells the run.</summary>
    void AddUp()
    {
        Span<byte> head = stackalloc byte[SumHead.Length];
        while (Wait(() => _added < _parts.Count && _own[_added].Slices == _slices && _slices > 0))
        {
            var part = _added;
            var (first, end) = RangeOf(part, _plan.Index);
            var root = _own[part].Root();
            root.Values.CopyTo(_total!.Values[first..end]);
            SumHead sum;
            lock (_gate)
            {
                sum = new SumHead(Generation, _ticket, 0, _slices, root.Correct, root.Loss, root.Weight, part, _waited, Sent, _ahead);
                Agree(sum);
                _added++;
                Monitor.PulseAll(_gate);
            }

            sum.Write(head);
            _line.Write(FrameKind.Total, head, _total.Values[first..end], PeerRange.Gradients((first, end), _lengths.Gradients), _format);
            lock (_gate)
            {
                _told++;
                Monitor.PulseAll(_gate);
            }
        }
    }

    void Receive(PeerLink link)
    {
        var last = -1L;
        while (Wait(() => _ticket != last))
        {
            last = _ticket;
            var slices = new SlicePart(link.Index, link.Index + 1, Members).In(_slices);
            for (var (nodes, totals, next) = (slices.First < slices.End ? 0 : _parts.Count, 0, slices.First); nodes < _parts.Count || totals < _parts.Count;)
            {
                var head = link.Expect(out var kind);
                if (kind == FrameKind.Total)
                {
                    Check(head, totals, head.First == 0 && head.Count == _slices);
                    Read(link, _total!, RangeOf(totals++, link.Index));
                    lock (_gate)
                        Agree(head);
                    continue;
                }

                Check(head, nodes, head.First == next && head.Count >= 1 && int.IsPow2(head.Count) && head.First % head.Count == 0 && head.Count <= slices.End - next);
                var node = _own[nodes].Rent(head.First, head.Count, head.Correct, head.Loss, head.Weight);
                var (first, end) = RangeOf(nodes, _plan.Index);
                link.Reader.Read(node.Values, node.Gradients.Length, _format);
                link.Reader.End();
                Arrive(nodes, node);
                next += head.Count;
                if (next == slices.End)
                    (nodes, next) = (nodes + 1, slices.First);
            }
        }
    }

    void Read(PeerLink link, SliceSum total, (int First, int End) range)
    {
        link.Reader.Read(total.Values[range.First..range.End], PeerRange.Gradients(range, _lengths.Gradients), _format);
        link.Reader.End();
    }

    /// <summary>A message of another generation or step is none of this one's, whoever sent it.</summary>
    void Check(SumHead head, int part, bool fits)
    {
        if (head.Generation != Generation || head.Ticket != _ticket || head.Part != part || part == _parts.Count || !fits)
            throw new InvalidDataException(FormattableString.Invariant($"it sent part {head.Part} of {head.Count} slices from {head.First} of step {head.Ticket} in generation {head.Generation}, which is none of step {_ticket} in generation {Generation}"));
    }

    void Arrive(int part, SliceSum node)
    {
        lock (_gate)
        {
            _own[part].Add(node);
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
        Monitor.PulseAll(_gate);
    }

    /// <summary>What this worker adds up of a part: its range of all nodes.</summary>
    /// <param name="tree">Owned.</param>
    sealed class SharedPart(SliceTree tree) : IDisposable
    {
        readonly List<SliceSum> _nodes = [];

        /// <summary>Slices that have come.</summary>
        public int Slices { get; private set; }

        /// <summary>A node to be filled. May be called from any thread.</summary>
        public SliceSum Rent(int first, int count, int correct, double loss, double weight)
        {
            var node = tree.Rent();
            (node.First, node.Count, node.Correct, node.Loss, node.Weight) = (first, count, correct, loss, weight);
            return node;
        }

        public void Add(SliceSum node)
        {
            _nodes.Add(node);
            Slices += node.Count;
        }

        /// <summary>The sum, when all have come.</summary>
        public SliceSum Root()
        {
            _nodes.Sort(static (a, b) => a.First.CompareTo(b.First));
            foreach (var node in _nodes)
                tree.Push(node);
            _nodes.Clear();
            return tree.Root();
        }

        /// <summary>Begins another step.</summary>
        public void Clear()
        {
            tree.Clear();
            Slices = 0;
        }

        public void Dispose() => tree.Dispose();
    }
}
