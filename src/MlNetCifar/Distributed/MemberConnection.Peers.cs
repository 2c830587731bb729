using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>What the run says to workers that make steps among each other.</summary>
internal sealed partial class MemberConnection
{
    readonly Lock _writing = new();

    /// <summary>Has a worker connect with the others of a generation.</summary>
    public void Link(Generation generation, LinkPlan plan)
    {
        Count(Write(FrameKind.Link, plan.ToJson()), () =>
        {
            while (true)
            {
                if (ExpectOf(generation, FrameKind.Linked) == FrameKind.Linked && LinkReport.Read(Reader.Rest()) is var report && report.Generation == generation.Number)
                {
                    group.Linked(generation, report.Missing);
                    return;
                }
            }
        });
    }

    /// <summary>Has a worker make a step with the others.</summary>
    public void Reduce(PeerStep step, int index)
    {
        if (!group.Asks(step, index))
            return;
        Span<byte> head = stackalloc byte[WorkHead.Length + StateHead.Length];
        (step.Head with { Part = WorkerGroup.PartOf(step, index) }).Write(head);
        var sent = WriteState(FrameKind.Step, head, WorkHead.Length, step, index);
        group.Sent(Member!, step.Head.Place.Step);
        var total = step.Total!;
        Reader.Most = Math.Max(Reader.Most, SumHead.Length + (total.Values.Length * sizeof(float)));
        Count(sent, () =>
        {
            var parts = new SumParts(total.Values.Length);
            Span<byte> bytes = stackalloc byte[SumHead.Length];
            SumHead sum = default;
            for (var part = 0; part < parts.Count; part++)
            {
                if (ExpectOf(step.Generation, FrameKind.Total) != FrameKind.Total)
                {
                    group.GaveUp(step, index);
                    return;
                }

                Reader.Read(bytes);
                sum = SumHead.Read(bytes);
                if (sum.Generation != step.Generation.Number || sum.Ticket != step.Head.Ticket || sum.Part != part || sum.Count != step.Slices)
                    throw new InvalidDataException(FormattableString.Invariant($"a worker answers with part {sum.Part} of {sum.Count} slices of step {sum.Ticket}, expected part {part} of {step.Slices} of {step.Head.Ticket}"));
                var range = PeerRange.Of(parts[part], index, step.Generation.Members.Length);
                Reader.Read(total.Values[range.First..range.End], PeerRange.Gradients(range, total.Gradients.Length), step.Format);
                Reader.End();
            }

            group.Arrive(step, index, sum);
        });
    }

    /// <summary>Asks a worker for the hash of what it holds.</summary>
    public void Check(PeerStep step, int index)
    {
        if (!group.Asks(step, index))
            return;
        Span<byte> head = stackalloc byte[StateHead.Length];
        Count(WriteState(FrameKind.Check, head, 0, step, index), () =>
        {
            if (ExpectOf(step.Generation, FrameKind.Digest) == FrameKind.Digest)
                group.Arrive(step, index, Reader.Rest());
            else
                group.GaveUp(step, index);
        });
    }

    /// <summary>Tells a worker, which is asked something, that its generation has ended. May be called from any thread.</summary>
    public void Abandon(long generation)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes, generation);
        try
        {
            Write(FrameKind.Abandon, bytes);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Whoever reads from it finds out.
        }
    }

    /// <summary>Waits for an answer; what a worker has said in earlier generations is passed over.</summary>
    /// <returns>The answer, which is to be read; or <see cref="FrameKind.Abandoned"/>, which has been.</returns>
    FrameKind ExpectOf(Generation generation, FrameKind expected)
    {
        while (true)
        {
            var kind = Expect();
            switch (kind)
            {
                case FrameKind.Busy:
                    Reader.Rest();
                    break;
                case FrameKind.Broken:
                    var report = LinkReport.Read(Reader.Rest());
                    if (report.Generation == generation.Number)
                        group.Break(generation, report.Missing ?? "");
                    break;
                case FrameKind.Abandoned:
                    var bytes = Reader.Rest();
                    if (bytes.Length == sizeof(long) && BitConverter.ToInt64(bytes) == generation.Number)
                        return kind;
                    break;
                case FrameKind.Fault:
                    throw Refusal.Read(Reader.Rest()).ToException();
                case FrameKind.Total or FrameKind.Digest when kind != expected:
                    Reader.Skip();
                    break;
                default:
                    return kind == expected ? kind : throw new InvalidDataException($"a worker answers with {kind}, expected {expected}");
            }
        }
    }

    long WriteState(FrameKind kind, Span<byte> head, int at, PeerStep step, int index)
    {
        var state = group.Sends(step, index);
        new StateHead(step.Generation.Number, state).Write(head[at..]);
        lock (_writing)
            return Frame.Write(_stream, kind, head, [.. step.Whole.Take(PeerWorker.Blocks(state, step.Whole.Count))]);
    }

    long Write(FrameKind kind, ReadOnlySpan<byte> bytes)
    {
        lock (_writing)
            return Frame.Write(_stream, kind, bytes);
    }

    void Count(long sent, Action receive)
    {
        var before = Reader.Total;
        receive();
        group.Count(Member!, sent, Reader.Total - before);
    }
}
