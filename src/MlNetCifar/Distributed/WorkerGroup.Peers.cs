using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>The workers that make steps together, from the loss of one, or the coming of another, to the next. All of it belongs to the group's lock.</summary>
/// <param name="number">A later one ends all earlier ones.</param>
/// <param name="members">Who they are.</param>
internal sealed class Generation(long number, Member[] members)
{
    public long Number => number;

    /// <summary>Known to its members alone.</summary>
    public string Key { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    public Member[] Members => members;

    /// <summary>What each of them must be sent before its next step.</summary>
    public SentState[] Needs { get; } = [.. members.Select(_ => SentState.All)];

    /// <summary>Members that have connected with all others.</summary>
    public int Linked { get; set; }

    /// <summary>Whom somebody did not reach; null where all were reached.</summary>
    public string? Missing { get; set; }

    /// <summary>Why it has ended; null where it has not.</summary>
    public string? Broken { get; set; }

    public bool IsLost => members.Any(member => member.State == MemberState.Lost);
}

/// <summary>A step that a generation makes, or a proof of what its members hold. All of it but <see cref="Total"/> belongs to the group's lock.</summary>
/// <param name="Generation">That.</param>
/// <param name="Head">Which step; the part is each member's own.</param>
/// <param name="Slices">Of its batch.</param>
/// <param name="Whole">What is trained, as it is before it.</param>
/// <param name="Total">Gets the sum, every member's range from its own connection; null for a proof.</param>
internal sealed record PeerStep(Generation Generation, WorkHead Head, int Slices, IReadOnlyList<StateBlock> Whole, SliceSum? Total)
{
    /// <summary>Of the gradients.</summary>
    public GradientFormat Format { get; init; }

    /// <summary>Members that have been asked.</summary>
    public bool[] Begun { get; } = new bool[Generation.Members.Length];

    /// <summary>Members that are not waited for any more.</summary>
    public bool[] Over { get; } = new bool[Generation.Members.Length];

    /// <summary>Members that have answered.</summary>
    public int Answers { get; set; }

    /// <summary>Whether those who have not answered were told that they need not.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>The figures of the sum, as the first range came with them.</summary>
    public SumHead? Sum { get; set; }

    /// <summary>Hashes of what members hold, in a proof.</summary>
    public byte[]?[] Digests { get; } = new byte[Generation.Members.Length][];

    /// <summary>The member of a number.</summary>
    public Member Member(int index) => Generation.Members[index];
}

/// <summary>
/// Steps that workers make by themselves: they sum up among each other and update copies of the weights, and the run, which gets the sums too, does the same to its own. A step has happened when the run has all
/// of its sum; else it is done again, from the run's weights, by a generation of those who are left.
/// </summary>
internal sealed partial class WorkerGroup
{
    /// <summary>How often workers that are all there may try to connect in vain.</summary>
    const int MostAttempts = 2;

    Generation? _generation;
    int _unlinked;
    long _generations;
    bool _viaRun = options.PeerPorts is null;
    long _proved = -1;

    /// <summary>How often workers have proved that their copies are the run's, and the hash of the last time; null where they never have.</summary>
    public (int Times, string Hash)? Proofs { get; private set; }

    /// <summary>Whether workers talk to each other still.</summary>
    public bool IsPeering => !_viaRun;

    /// <summary>Where a step stands that is made by workers now; null between steps.</summary>
    PeerStep? _step;

    public void Moved()
    {
        for (var i = 0; i < _generation?.Needs.Length; i++)
            _generation.Needs[i] = _generation.Needs[i] == SentState.None ? SentState.Weights : _generation.Needs[i];
    }

    public void Prove(IReadOnlyList<StateBlock> whole, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested || _viaRun || _ticket == _proved || _generation is not { Broken: null } generation)
            return;
        var step = new PeerStep(generation, default, 0, whole, null);
        Ask(step, (connection, index) => connection.Check(step, index));
        var expected = PeerWorker.HashOf(whole);
        try
        {
            Await(step, cancellation);
        }
        catch (OperationCanceledException)
        {
            // The run ends; nothing was found that should keep it from being saved.
            return;
        }

        _proved = _ticket;
        for (var i = 0; i < step.Digests.Length; i++)
        {
            if (step.Digests[i] is { } found && !found.AsSpan().SequenceEqual(expected))
                throw DistributedErrors.OtherCopy(step.Member(i).Worker, _at ?? 0, Convert.ToHexStringLower(found)[..12], Convert.ToHexStringLower(expected)[..12]);
        }

        if (step.Answers == generation.Members.Length)
            Proofs = ((Proofs?.Times ?? 0) + 1, Convert.ToHexStringLower(expected));
        Replace();
    }

    /// <summary>Whether a member, which is not waited for any more where a step was given up, has been asked already.</summary>
    internal bool Asks(PeerStep step, int index)
    {
        lock (_gate)
        {
            if (step.Over[index])
                return false;
            step.Begun[index] = true;
            return true;
        }
    }

    /// <summary>What a member must be sent, which it then has.</summary>
    internal SentState Sends(PeerStep step, int index)
    {
        lock (_gate)
        {
            var needs = step.Generation.Needs[index];
            step.Generation.Needs[index] = SentState.None;
            return needs;
        }
    }

    /// <summary>A member's ranges of the sum are there.</summary>
    /// <exception cref="InvalidDataException">Others have summed up something else.</exception>
    internal void Arrive(PeerStep step, int index, SumHead sum)
    {
        lock (_gate)
        {
            if (step.Sum is { } other && !other.Agrees(sum))
                throw new InvalidDataException("a worker has summed the same slices up to other figures than the others");
            step.Sum = sum;
            var member = step.Member(index);
            member.Figures = member.Figures with { WaitedSeconds = sum.Waited, BytesPassed = sum.Passed, BytesAhead = sum.Ahead };
            Answer(step, index);
        }
    }

    /// <summary>A member has told what it holds.</summary>
    internal void Arrive(PeerStep step, int index, byte[] digest)
    {
        if (digest.Length != SHA256.HashSizeInBytes)
            throw new InvalidDataException("a worker tells a hash of another length");
        lock (_gate)
        {
            step.Digests[index] = digest;
            Answer(step, index);
        }
    }

    /// <summary>A member has given the step up, as it was told to.</summary>
    internal void GaveUp(PeerStep step, int index)
    {
        lock (_gate)
        {
            step.Over[index] = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A member could not finish the step with the others.</summary>
    internal void Break(Generation generation, string reason)
    {
        lock (_gate)
        {
            generation.Broken ??= reason;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A member has tried to connect with the others.</summary>
    internal void Linked(Generation generation, string? missing)
    {
        lock (_gate)
        {
            generation.Linked++;
            generation.Missing ??= missing;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Has a batch summed up by workers among each other.</summary>
    /// <returns>False where they do not reach each other: then it is for the run to do.</returns>
    bool ComputeByPeers(Batch batch, StepPlace place, IReadOnlyList<StateBlock> whole, SliceTree tree, CancellationToken cancellation)
    {
        _at = place.Step + 1;
        while (Gather(place, cancellation) is { } generation)
        {
            var sum = tree.Rent();
            var step = new PeerStep(generation, new WorkHead(++_ticket, place, batch.Epoch, batch.Index, SlicePart.All, false), batch.Slices, whole, sum) { Format = tree.Format };
            Ask(step, (connection, index) => connection.Reduce(step, index));
            if (Await(step, cancellation))
            {
                var head = step.Sum!.Value;
                (sum.First, sum.Count, sum.Correct, sum.Loss, sum.Weight) = (0, batch.Slices, head.Correct, head.Loss, head.Weight);
                tree.Push(sum);
                Note(step);
                Replace();
                return true;
            }

            tree.Return(sum);
        }

        return false;
    }

    /// <summary>The workers that make the next step: as before, or, where some were lost or have come, another generation.</summary>
    /// <returns>Null where they do not reach each other.</returns>
    Generation? Gather(StepPlace place, CancellationToken cancellation)
    {
        while (!_viaRun)
        {
            Replace();
            if (cancellation.IsCancellationRequested)
                End();
            cancellation.ThrowIfCancellationRequested();
            if (Ready(place) is not { Length: > 0 } ready)
                continue;
            if (_generation is { Broken: null } now && now.Members.AsSpan().SequenceEqual(ready))
                return now;
            _generation = new Generation(++_generations, ready);
            if (IsLinked(_generation, cancellation))
            {
                _unlinked = 0;
                return _generation;
            }

            _generation.Broken ??= _generation.Missing ?? "a worker was lost";
            if (_generation.IsLost || ++_unlinked < MostAttempts)
                continue;
            _viaRun = true;
            _run!.Warn($"{_generation.Missing}: every step goes through the run from now on");
        }

        return null;
    }

    /// <exception cref="MlNetCifarException">Nobody is left, and nobody is coming.</exception>
    Member[] Ready(StepPlace place)
    {
        lock (_gate)
        {
            var coming = IsAnyComing();
            Member[] ready = [.. _members.Where(m => m.State == MemberState.Ready)];
            if (ready.Length == 0 && _lost.Count == 0 && !coming)
                throw Cause() ?? DistributedErrors.AllLost(place.Step + 1, Reasons());
            if (ready.Length == 0)
                Monitor.Wait(_gate, s_look);
            return ready;
        }
    }

    /// <summary>Has the members of a generation connect with each other.</summary>
    bool IsLinked(Generation generation, CancellationToken cancellation)
    {
        lock (_gate)
        {
            for (var i = 0; i < generation.Members.Length; i++)
            {
                var index = i;
                generation.Members[i].Errands.Enqueue(connection => connection.Link(generation, PlanOf(generation, index)));
            }

            Monitor.PulseAll(_gate);
            while (generation.Linked < generation.Members.Length && !generation.IsLost && !cancellation.IsCancellationRequested)
                Monitor.Wait(_gate, s_look);
            return generation is { Missing: null, IsLost: false } && generation.Linked == generation.Members.Length;
        }
    }

    LinkPlan PlanOf(Generation generation, int index) =>
        new(generation.Number, generation.Key, index, options.Timeout, [.. generation.Members.Select(member => (member.Worker, member.Address!))]);

    void Ask(PeerStep step, Action<MemberConnection, int> errand)
    {
        lock (_gate)
        {
            _step = step;
            for (var i = 0; i < step.Generation.Members.Length; i++)
            {
                var index = i;
                if (step.Member(i).State == MemberState.Ready)
                    step.Member(i).Errands.Enqueue(connection => errand(connection, index));
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until all members have answered, or none is waited for any more: after this nobody touches the sum.</summary>
    /// <returns>Whether all have answered.</returns>
    bool Await(PeerStep step, CancellationToken cancellation)
    {
        while (!IsOver(step, out var abandoned))
        {
            foreach (var connection in abandoned)
                connection.Abandon(step.Generation.Number);
            if (!cancellation.IsCancellationRequested)
                continue;
            End();
            cancellation.ThrowIfCancellationRequested();
        }

        lock (_gate)
        {
            _step = null;
            return step.Answers == step.Generation.Members.Length;
        }
    }

    bool IsOver(PeerStep step, out List<MemberConnection> abandoned)
    {
        abandoned = [];
        lock (_gate)
        {
            if (!IsAnyLeft())
                return true;
            if (step.Generation.Broken is null || step.IsAbandoned)
            {
                Monitor.Wait(_gate, s_look);
                return false;
            }

            // Whoever has not been asked is not asked any more; the others are told, and answer.
            step.IsAbandoned = true;
            for (var i = 0; i < step.Over.Length; i++)
            {
                if (!step.Begun[i])
                    step.Over[i] = true;
                else if (!step.Over[i] && step.Member(i) is { State: MemberState.Ready, Connection: { } connection })
                    abandoned.Add(connection);
            }

            return false;
        }

        bool IsAnyLeft()
        {
            for (var i = 0; i < step.Over.Length; i++)
            {
                if (!step.Over[i] && step.Member(i).State == MemberState.Ready)
                    return true;
            }

            return false;
        }
    }

    void Answer(PeerStep step, int index)
    {
        step.Over[index] = true;
        step.Answers++;
        Monitor.PulseAll(_gate);
    }

    /// <summary>Notes who has computed what.</summary>
    void Note(PeerStep step)
    {
        lock (_gate)
        {
            for (var i = 0; i < step.Generation.Members.Length; i++)
            {
                var (first, end) = PartOf(step, i).In(step.Slices);
                step.Member(i).Figures = step.Member(i).Figures with { Slices = step.Member(i).Figures.Slices + end - first };
            }
        }
    }

    /// <summary>The slices of a member of a generation.</summary>
    internal static SlicePart PartOf(PeerStep step, int index) => new(index, index + 1, step.Generation.Members.Length);

    /// <summary>What a lost worker takes along: the generation that it belongs to.</summary>
    void Leave(Member member, string reason)
    {
        member.Errands.Clear();
        if (_generation is not { } generation || Array.IndexOf(generation.Members, member) is not (>= 0 and var index))
            return;
        generation.Broken ??= reason;
        if (_step is { Total: not null } step && step.Generation == generation && !step.Over[index] && PartOf(step, index).In(step.Slices) is var (first, end))
            HandedOver += end - first;
    }
}
