using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Sums of some slices, or over all of them, in the middle of a batch; the doubles follow, a row of them for each slice.</summary>
/// <param name="Ticket">That of the work.</param>
/// <param name="Point">Which sums of the batch, from 0.</param>
/// <param name="First">The first slice.</param>
/// <param name="Count">Slices.</param>
internal readonly record struct SumsHead(long Ticket, int Point, int First, int Count)
{
    public const int Length = 24;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Ticket);
        foreach (var (i, value) in (ReadOnlySpan<(int, int)>)[(8, Point), (12, First), (16, Count), (20, 0)])
            BinaryPrimitives.WriteInt32LittleEndian(to[i..], value);
    }

    public static SumsHead Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt32LittleEndian(from[8..]), BinaryPrimitives.ReadInt32LittleEndian(from[12..]), BinaryPrimitives.ReadInt32LittleEndian(from[16..]));
}

/// <summary>A worker's side: asks the run for the sums over all slices.</summary>
/// <param name="stream">To the run.</param>
/// <param name="reader">From it.</param>
internal sealed class WireSums(Stream stream, FrameReader reader) : ISumExchange
{
    WorkHead _work;
    int _point;

    /// <summary>How long others were waited for so far.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>What came instead of sums, when the batch was abandoned; null where the run is gone.</summary>
    public FrameKind? Instead { get; private set; }

    /// <summary>Begins a batch.</summary>
    public void Begin(WorkHead work) => (_work, _point) = (work, 0);

    public void Sum(int first, Span<double> sums, Span<double> total)
    {
        Span<byte> bytes = stackalloc byte[SumsHead.Length];
        new SumsHead(_work.Ticket, _point, first, sums.Length / total.Length).Write(bytes);
        Frame.Write(stream, FrameKind.Sums, bytes, MemoryMarshal.Cast<double, float>(sums));
        var begun = TimeProvider.System.GetTimestamp();
        var kind = reader.Next();
        Waited += TimeProvider.System.GetElapsedTime(begun);
        if (kind != FrameKind.Totals)
        {
            Instead = kind;
            throw new OperationCanceledException("The batch was abandoned.");
        }

        reader.Read(bytes);
        if (SumsHead.Read(bytes) is var head && (head.Ticket, head.Point) != (_work.Ticket, _point++))
            throw new InvalidDataException(FormattableString.Invariant($"the run answers with the sums {head.Point} of batch {head.Ticket}, expected {_point - 1} of {_work.Ticket}"));
        reader.Read(MemoryMarshal.AsBytes(total));
        reader.End();
    }
}
