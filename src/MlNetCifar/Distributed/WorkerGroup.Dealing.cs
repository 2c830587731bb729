using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Who does what: the parts of an update are dealt in runs, those of lost workers again, and answers are taken.</summary>
internal sealed partial class WorkerGroup
{
    readonly Queue<(int First, int End)> _orphans = new();
    readonly List<SliceSum> _arrived = [];
    readonly List<long> _staleness = [];
    Work? _work;
    long? _at;
    long _ticket;
    int _answered;
    double _loss;
    int _correct;
    bool _isBounded;

    /// <summary>How many gradients were how stale, the first of fresh weights; empty where gradients are not taken as they come.</summary>
    public IReadOnlyList<long> Staleness
    {
        get
        {
            lock (_gate)
                return [.. _staleness];
        }
    }

    public void Compute(Batch batch, StepPlace place, IReadOnlyList<StateBlock> state, IReadOnlyList<StateBlock> whole, SliceTree tree, CancellationToken cancellation)
    {
        if (ComputeByPeers(batch, place, whole, tree, cancellation))
            return;
        Await(Begin(new Work(place, batch.Epoch, batch.Index, batch.Slices, state, tree) { IsTogether = _run!.Options.SyncBatchNorm }), cancellation);
        _arrived.Sort(static (a, b) => a.First.CompareTo(b.First));
        foreach (var sum in _arrived)
            tree.Push(sum);
        _arrived.Clear();
        Replace();
    }

    public (double Loss, int Correct) Serve(Batch round, StepPlace place, GradientServer server, CancellationToken cancellation)
    {
        var parts = server.Begin(place, round.Index);
        (_loss, _correct) = (0, 0);
        Await(Begin(new Work(place, round.Epoch, round.Index, parts, [], null) { Server = server }), cancellation);
        Replace();
        return (_loss / round.Whole, _correct);
    }

    /// <summary>Waits for work.</summary>
    /// <returns>Null at the end.</returns>
    internal Action<MemberConnection>? Next(Member member)
    {
        lock (_gate)
        {
            while (!_ending && member.State != MemberState.Lost)
            {
                if (member.Errands.TryDequeue(out var errand))
                    return errand;
                if (member.Assignments.Count == 0)
                    Steal(member);
                if (member.Assignments.TryPeek(out var next) && MayBegin(next.Work))
                {
                    member.Version = next.Work.Server?.Version;
                    return connection => connection.Answer(next);
                }

                Monitor.Wait(_gate);
            }

            return null;
        }
    }

    /// <summary>Takes the answer to a part of a member's first assignment.</summary>
    internal void Arrive(Member member, Assignment assignment, SliceSum sum, PartHead head)
    {
        lock (_gate)
        {
            if (assignment.IsAbandoned)
            {
                assignment.Work.Tree!.Return(sum);
                return;
            }

            _arrived.Add(sum);
            Answered(member, sum.Count, head);
        }
    }

    /// <summary>Takes the gradient of the first batch of a member's assignment, by which the weights have been updated.</summary>
    internal void Pushed(Member member, PartHead head, int pictures, int staleness)
    {
        lock (_gate)
        {
            while (_staleness.Count <= staleness)
                _staleness.Add(0);
            _staleness[staleness]++;
            _loss += head.Loss * pictures;
            _correct += head.Correct;
            member.Version = null;
            Answered(member, 1, head);
        }
    }

    /// <summary>Deals the slices of a batch to all who are ready, in runs.</summary>
    void Share(Work work)
    {
        Member[] ready = [.. _members.Where(m => m.State == MemberState.Ready)];
        for (var i = 0; i < ready.Length; i++)
            Assign(ready[i], work, new SlicePart(i, i + 1, ready.Length));
        if (ready.Length == 0)
            _orphans.Enqueue((0, work.Slices));
        Monitor.PulseAll(_gate);
    }

    /// <summary>Deals what lost workers have left, and waits for answers.</summary>
    /// <returns>Whether all are there.</returns>
    /// <exception cref="MlNetCifarException">Nobody is left, and nobody is coming.</exception>
    bool IsAnswered(Work work)
    {
        lock (_gate)
        {
            HandOver(work);
            if (_answered < work.Slices)
                Monitor.Wait(_gate, s_look);
            return _answered == work.Slices;
        }
    }

    void HandOver(Work work)
    {
        var coming = IsAnyComing();
        Member[] ready = [.. _orphans.Count == 0 ? [] : _members.Where(m => m.State == MemberState.Ready)];
        if (_orphans.Count > 0 && ready.Length == 0 && _lost.Count == 0 && !coming)
            throw Cause() ?? DistributedErrors.AllLost(work.Place.Step + 1, Reasons());
        while (ready.Length > 0 && _orphans.TryDequeue(out var range))
        {
            for (var i = 0; i < ready.Length; i++)
            {
                var (first, end) = new SlicePart(i, i + 1, ready.Length).In(range.End - range.First);
                Assign(ready[i], work, new SlicePart(range.First + first, range.First + end, work.Slices));
            }

            Monitor.PulseAll(_gate);
        }
    }

    static void Assign(Member member, Work work, SlicePart part)
    {
        var (first, end) = part.In(work.Slices);
        if (first < end)
            member.Assignments.Enqueue(new Assignment(work, part, first, end));
    }

    Work Begin(Work work)
    {
        lock (_gate)
        {
            work.Ticket = ++_ticket;
            (_work, _answered, _at) = (work, 0, work.Place.Step + 1);
            Share(work);
        }

        return work;
    }

    void Await(Work work, CancellationToken cancellation)
    {
        while (!IsAnswered(work))
        {
            Replace();
            if (!cancellation.IsCancellationRequested)
                continue;

            // Whoever is still sending reads the weights, which are the caller's again after this.
            End();
            cancellation.ThrowIfCancellationRequested();
        }
    }

    void Answered(Member member, int count, PartHead head)
    {
        var assignment = member.Assignments.Peek();
        assignment.Next += count;
        if (assignment.Next == assignment.End)
            member.Assignments.Dequeue();
        member.Figures = member.Figures with { Slices = member.Figures.Slices + count, WaitedSeconds = head.Waited, BytesAhead = head.Ahead };
        _answered += count;
        Monitor.PulseAll(_gate);
    }

    /// <summary>Whoever has nothing left to do takes half of what another has not begun; where the result depends on who computes what anyhow.</summary>
    void Steal(Member thief)
    {
        if (_work?.Server is null || thief.State != MemberState.Ready)
            return;
        var most = _members.SelectMany(m => m.Assignments).MaxBy(a => a.End - a.Next);
        if (most is null || most.End - most.Next < 2)
            return;
        var from = most.End - ((most.End - most.Next) / 2);
        thief.Assignments.Enqueue(new Assignment(most.Work, SlicePart.None, from, most.End));
        most.End = from;
    }

    /// <summary>Whether another gradient may be begun: when all that are under way and this one come before the oldest, that is no staler than it may be.</summary>
    bool MayBegin(Work work)
    {
        if (work.Server is null || !_isBounded)
            return true;
        var (oldest, underWay) = (long.MaxValue, 0);
        foreach (var member in _members)
        {
            if (member.Version is not { } version)
                continue;
            oldest = Math.Min(oldest, version);
            underWay++;
        }

        return underWay == 0 || work.Server.Version - oldest + underWay <= (options.MaxStaleness ?? (2 * options.Workers));
    }
}
