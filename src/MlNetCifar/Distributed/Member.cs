using System.Net.Sockets;
using System.Runtime.InteropServices;
using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>How far a worker is.</summary>
internal enum MemberState
{
    /// <summary>Started.</summary>
    Expected,

    /// <summary>Known; it opens the data.</summary>
    Greeted,

    /// <summary>It can be given work.</summary>
    Ready,

    /// <summary>Gone.</summary>
    Lost,
}

/// <summary>What a worker has done.</summary>
/// <param name="Worker">Which, from 0.</param>
internal sealed record WorkerFigures(int Worker)
{
    /// <summary>Slices computed.</summary>
    public long Slices { get; init; }

    /// <summary>Bytes sent to it.</summary>
    public long BytesSent { get; init; }

    /// <summary>Bytes received from it.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Bytes that it has sent to other workers.</summary>
    public long BytesPassed { get; init; }

    /// <summary>Bytes of sums that it has sent, to the run or to other workers, while it computed still.</summary>
    public long BytesAhead { get; init; }

    /// <summary>Seconds it has waited for work, and for other workers.</summary>
    public double WaitedSeconds { get; init; }

    /// <summary>Why it was lost; null where it was not.</summary>
    public string? Lost { get; init; }

    /// <summary>The step, from 1, at which it was; null where that was before the first or it was not.</summary>
    public long? LostAtStep { get; init; }
}

/// <summary>A batch, or a round, that is being computed.</summary>
/// <param name="Place">Where its update stands.</param>
/// <param name="Epoch">From 0.</param>
/// <param name="Index">The batch in it.</param>
/// <param name="Slices">Its slices.</param>
/// <param name="State">What slices begin with.</param>
/// <param name="Tree">Where sums come from; null where gradients are taken as they come.</param>
internal sealed record Work(StepPlace Place, int Epoch, int Index, int Slices, IReadOnlyList<StateBlock> State, SliceTree? Tree)
{
    /// <summary>Its number.</summary>
    public long Ticket { get; set; }

    /// <summary>What takes gradients as they come: every slice is a batch, or a run of batches, of the round <see cref="Index"/> then. Null for sums.</summary>
    public GradientServer? Server { get; init; }

    /// <summary>Whether its slices wait for one another: when a worker is lost in the middle, all are computed again.</summary>
    public bool IsTogether { get; init; }
}

/// <summary>Slices of a batch that a worker is to compute.</summary>
/// <param name="work">The batch.</param>
/// <param name="part">Which slices, as it is told.</param>
/// <param name="first">The first slice.</param>
/// <param name="end">The slice behind the last.</param>
internal sealed class Assignment(Work work, SlicePart part, int first, int end)
{
    public Work Work => work;

    /// <summary>Of the work as it was dealt.</summary>
    public long Ticket { get; } = work.Ticket;

    /// <summary>Whether the work was begun again since.</summary>
    public bool IsAbandoned => Ticket != work.Ticket;

    /// <summary>Sums that were added in the middle of the batch.</summary>
    public int Point { get; set; }

    public SlicePart Part => part;

    public int End { get; set; } = end;

    /// <summary>The first slice that has not been answered.</summary>
    public int Next { get; set; } = first;
}

/// <summary>A worker as the run sees it; all of it belongs to the group's lock.</summary>
/// <param name="worker">Which, from 0.</param>
/// <param name="restarts">How often others were started in its place before.</param>
/// <param name="token">By which it is known, once.</param>
internal sealed class Member(int worker, int restarts, string token)
{
    public int Worker => worker;

    public int Restarts => restarts;

    public string Token => token;

    public MemberState State { get; set; }

    public WorkerFigures Figures { get; set; } = new(worker);

    /// <summary>The error that it was lost by, where that has a code.</summary>
    public MlNetCifarException? Cause { get; set; }

    /// <summary>What it has to do, in order.</summary>
    public Queue<Assignment> Assignments { get; } = new();

    /// <summary>What its connection is to do besides.</summary>
    public Queue<Action<MemberConnection>> Errands { get; } = new();

    /// <summary>Where other workers reach it; null where they talk to the run alone.</summary>
    public PeerAddress? Address { get; set; }

    /// <summary>The way to it, while it is ready.</summary>
    public MemberConnection? Connection { get; set; }

    /// <summary>Version of the weights that it computes a gradient of; null where it does not.</summary>
    public long? Version { get; set; }

    /// <summary>When it was started.</summary>
    public long Started { get; } = TimeProvider.System.GetTimestamp();

    /// <summary>Whether work may come to be done by it later.</summary>
    public bool IsComing => State is MemberState.Expected or MemberState.Greeted;
}

/// <summary>The run's side of a connection; used by one thread.</summary>
/// <param name="group">The group.</param>
/// <param name="socket">Owned.</param>
/// <param name="timeout">Longest that an answer may take.</param>
/// <param name="identity">By which it is encrypted; null where it is not.</param>
internal sealed partial class MemberConnection(WorkerGroup group, Socket socket, TimeSpan timeout, LineIdentity? identity) : IDisposable
{
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);

    Stream _stream = new NetworkStream(socket, ownsSocket: true);
    FrameReader? _reader;
    ServerPush? _push;
    long _ticket = -1;
    volatile bool _waits;

    /// <summary>Whom it belongs to, once that is known.</summary>
    public Member? Member { get; set; }

    /// <summary>Where other workers reach it, once it is ready; null where they talk to the run alone.</summary>
    public PeerAddress? Address { get; private set; }

    FrameReader Reader => _reader ??= new(_stream);

    /// <summary>Hears who is there.</summary>
    public Hello Introduction(TimeSpan patience)
    {
        socket.NoDelay = true;
        Wait(patience);
        _stream = identity?.Serve(_stream) ?? _stream;
        return Expect() == FrameKind.Hello ? Hello.Read(Reader.Rest()) : throw new InvalidDataException("a worker does not introduce itself");
    }

    /// <summary>Tells what is trained, and waits until the worker can begin.</summary>
    public void Welcome(byte[] welcome, TimeSpan patience)
    {
        Wait(patience);
        var sent = Frame.Write(_stream, FrameKind.Welcome, welcome);
        switch (Expect())
        {
            case FrameKind.Ready:
                var address = Reader.Rest();
                Address = address.Length == 0 ? null : PeerAddress.Read(address);
                break;
            case FrameKind.Fault:
                throw Refusal.Read(Reader.Rest()).ToException();
            default:
                throw new InvalidDataException("a worker answers the welcome with something else");
        }

        group.Count(Member!, sent, Reader.Total);
    }

    /// <summary>Tells somebody that it is not wanted, and why.</summary>
    public void Refuse(Exception cause)
    {
        try
        {
            Wait(s_farewell);
            Frame.Write(_stream, FrameKind.Refuse, Refusal.Of(cause).ToJson());
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // It has left.
        }
    }

    /// <summary>Gives work and takes answers until the end.</summary>
    public void Serve()
    {
        Wait(timeout);
        while (true)
        {
            _waits = true;
            var errand = group.Next(Member!);
            _waits = false;
            if (errand is null)
                break;
            errand(this);
        }

        Write(FrameKind.End, []);
    }

    /// <summary>Gives work, and takes what comes of it.</summary>
    public void Answer(Assignment assignment)
    {
        if (assignment.Work.Server is { } server)
        {
            Push(assignment, server);
            return;
        }

        Send(assignment);
        Receive(assignment, assignment.Work.Tree!);
    }

    /// <summary>To be called when all is over: who is in the middle of an answer is not waited for.</summary>
    public void Hurry()
    {
        if (!_waits)
            socket.Dispose();
    }

    public void Dispose()
    {
        _stream.Dispose();
        _push?.Dispose();
    }

    void Wait(TimeSpan patience) => socket.ReceiveTimeout = socket.SendTimeout = (int)Math.Clamp(patience.TotalMilliseconds, 1, int.MaxValue);

    FrameKind Expect() => Reader.Next() ?? throw new InvalidDataException("the connection ended");

    void Send(Assignment assignment)
    {
        var work = assignment.Work;
        var hasWeights = _ticket != assignment.Ticket;
        Span<byte> head = stackalloc byte[WorkHead.Length];
        new WorkHead(assignment.Ticket, work.Place, work.Epoch, work.Index, assignment.Part, hasWeights).Write(head);
        var sent = hasWeights ? Frame.Write(_stream, FrameKind.Work, head, work.State) : Frame.Write(_stream, FrameKind.Work, head);
        _ticket = assignment.Ticket;
        group.Sent(Member!, work.Place.Step);
        group.Count(Member!, sent, 0);
    }

    /// <summary>Sends the weights as they are, and updates them by what comes back.</summary>
    void Push(Assignment assignment, GradientServer server)
    {
        if (_push?.Server != server)
        {
            _push?.Dispose();
            _push = server.CreatePush();
        }

        var work = assignment.Work;
        var version = _push.Read();
        var (place, index, part) = _push.Question(work.Epoch, work.Index, assignment.Next);
        Span<byte> bytes = stackalloc byte[WorkHead.Length];
        new WorkHead(work.Ticket, place, work.Epoch, index, part, HasWeights: true).Write(bytes);
        var (sent, before) = (Frame.Write(_stream, FrameKind.Work, bytes, _push.Copy), Reader.Total);
        group.Sent(Member!, place.Step);
        Reader.Most = Math.Max(Frame.MostAtFirst, PartHead.Length + (_push.Answer.Sum(block => block.Values().Length) * sizeof(float)));
        var head = ExpectPart()!.Value;
        if (head.Ticket != work.Ticket || head.First != part.First || head.Count != 1)
            throw new InvalidDataException(FormattableString.Invariant($"a worker answers with {head.Count} slices from {head.First}, expected one, {part.First}"));
        foreach (var block in _push.Answer)
            Reader.Read(block.Values());
        Reader.End();
        group.Count(Member!, sent, Reader.Total - before);
        var pictures = server.Rounds.PicturesOf(server.Rounds.Batches(work.Index, assignment.Next, assignment.Next + 1));
        group.Pushed(Member!, head, pictures, double.IsFinite(head.Loss) ? _push.Apply(version, pictures, head.Weight) : 0);
    }

    /// <summary>Waits for the head of an answer.</summary>
    /// <param name="together">What is answered, where slices wait for one another.</param>
    /// <returns>Null where the work was abandoned.</returns>
    PartHead? ExpectPart(Assignment? together = null)
    {
        Span<byte> bytes = stackalloc byte[PartHead.Length];
        while (true)
        {
            switch (Expect())
            {
                case FrameKind.Part:
                    Reader.Read(bytes);
                    return PartHead.Read(bytes);
                case FrameKind.Busy or FrameKind.Broken or FrameKind.Abandoned:
                    Reader.Rest();
                    break;
                case FrameKind.Sums when together is not null:
                    if (!Share(together))
                        return null;
                    break;
                case FrameKind.Total:
                    Reader.Skip();
                    break;
                case FrameKind.Fault:
                    throw Refusal.Read(Reader.Rest()).ToException();
                default:
                    throw new InvalidDataException("a worker answers work with something else");
            }
        }
    }

    /// <summary>Takes the sums of a worker's slices, and answers with those of all.</summary>
    /// <returns>Whether the work goes on.</returns>
    bool Share(Assignment assignment)
    {
        Span<byte> bytes = stackalloc byte[SumsHead.Length];
        var before = Reader.Total;
        Reader.Read(bytes);
        var (head, values) = (SumsHead.Read(bytes), new double[Reader.Left / sizeof(double)]);
        Reader.Read(MemoryMarshal.AsBytes(values.AsSpan()));
        Reader.End();
        group.Count(Member!, 0, Reader.Total - before);
        if (group.Sum(assignment, head, values) is not { } total)
            return false;
        (head with { First = 0, Count = assignment.Work.Slices }).Write(bytes);
        group.Count(Member!, Frame.Write(_stream, FrameKind.Totals, bytes, MemoryMarshal.Cast<double, float>(total)), 0);
        return true;
    }

    void Receive(Assignment assignment, SliceTree tree)
    {
        var parts = new SumParts(tree.Length);
        Reader.Most = Math.Max(Reader.Most, PartHead.Length + ((parts[0].End - parts[0].First) * sizeof(float)));

        // No layer sums more than it has running statistics, each as a double.
        if (assignment.Work.IsTogether)
            Reader.Most = Math.Max(Reader.Most, checked(SumsHead.Length + ((assignment.End - assignment.Next) * assignment.Work.State[1].Values().Length * sizeof(double))));
        List<SliceSum> sums = [];
        PartHead head = default;
        try
        {
            for (var part = 0; part < parts.Count; part++)
            {
                for (var (next, node) = (assignment.Next, 0); next < assignment.End; next += head.Count, node++)
                {
                    var before = Reader.Total;
                    if (ExpectPart(assignment.Work.IsTogether ? assignment : null) is not { } found)
                        return;
                    head = found;
                    if (head.Ticket != assignment.Ticket || head.Part != part || head.First != next || head.Count < 1 || !int.IsPow2(head.Count) || head.First % head.Count != 0 || head.Count > assignment.End - next
                        || (part > 0 && head.Count != sums[node].Count))
                        throw new InvalidDataException(FormattableString.Invariant($"a worker answers with part {head.Part} of {head.Count} slices from {head.First}, expected part {part} of those from {next} to {assignment.End - 1}"));
                    if (part == 0)
                        sums.Add(tree.Rent());
                    var sum = sums[node];
                    (sum.First, sum.Count, sum.Correct, sum.Loss, sum.Weight) = (head.First, head.Count, head.Correct, head.Loss, head.Weight);
                    var (first, end) = parts[part];
                    Reader.Read(sum.Values[first..end], PeerRange.Gradients((first, end), sum.Gradients.Length), tree.Format);
                    Reader.End();
                    group.Count(Member!, 0, Reader.Total - before);
                }
            }

            for (; sums.Count > 0; sums.RemoveAt(0))
                group.Arrive(Member!, assignment, sums[0], head);
        }
        finally
        {
            sums.ForEach(tree.Return);
        }
    }
}
