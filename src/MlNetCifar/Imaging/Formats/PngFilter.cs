using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MlNetCifar.Imaging;

/// <summary>The row filters of PNG (ISO 15948, 9).</summary>
static class PngFilter
{
    const int Lanes = 8;
    const int None = 0, Sub = 1, Up = 2, Average = 3, Paeth = 4;

    /// <summary>Undoes a filter.</summary>
    /// <param name="type">0 … 4.</param>
    /// <param name="row">Filtered bytes; replaced by the original ones.</param>
    /// <param name="previous">Original bytes of the row above, zeros for the first.</param>
    /// <param name="step">Bytes of a pixel, at least 1.</param>
    /// <returns>False where there is no such filter.</returns>
    public static bool Undo(int type, Span<byte> row, ReadOnlySpan<byte> previous, int step)
    {
        previous = previous[..row.Length];
        switch (type)
        {
            case None:
                return true;
            case Sub:
                Undo<SubPredictor>(row, previous, step, type);
                return true;
            case Up:
                UndoUp(row, previous);
                return true;
            case Average:
                Undo<AveragePredictor>(row, previous, step, type);
                return true;
            case Paeth:
                Undo<PaethPredictor>(row, previous, step, type);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Filters a row with whichever filter leaves the smallest sum of absolute values.</summary>
    /// <param name="row">Original bytes.</param>
    /// <param name="previous">Original bytes of the row above.</param>
    /// <param name="step">Bytes of a pixel.</param>
    /// <param name="filtered">The filter's number, then the filtered bytes; overwritten.</param>
    public static void Choose(ReadOnlySpan<byte> row, ReadOnlySpan<byte> previous, int step, Span<byte> filtered)
    {
        var best = None;
        var bestCost = long.MaxValue;
        for (var type = None; type <= Paeth; type++)
        {
            var cost = 0L;
            for (var i = 0; i < row.Length; i++) cost += Math.Abs((int)(sbyte)Filtered(type, row, previous, step, i));
            if (cost >= bestCost) continue;
            (best, bestCost) = (type, cost);
        }
        filtered[0] = (byte)best;
        for (var i = 0; i < row.Length; i++) filtered[i + 1] = Filtered(best, row, previous, step, i);
    }

    static void UndoUp(Span<byte> row, ReadOnlySpan<byte> previous)
    {
        var i = 0;
        for (; i + Vector256<byte>.Count <= row.Length; i += Vector256<byte>.Count)
        {
            (Vector256.LoadUnsafe(ref row[i]) + Vector256.LoadUnsafe(in previous[i])).StoreUnsafe(ref row[i]);
        }
        for (; i < row.Length; i++) row[i] += previous[i];
    }

    /// <summary>Each pixel needs the one before it, so that the lanes are the bytes of one pixel; single bytes where a pixel has but one or two, and at the end.</summary>
    static void Undo<P>(Span<byte> row, ReadOnlySpan<byte> previous, int step, int type) where P : IPredictor
    {
        var i = 0;
        if (step is >= 3 and <= Lanes)
        {
            var (left, corner) = (Vector128<short>.Zero, Vector128<short>.Zero);
            for (; i + Lanes <= row.Length; i += step)
            {
                var above = Load(in previous[i]);
                left = (Load(in row[i]) + P.Predict(left, above, corner)) & Vector128.Create((short)255);
                corner = above;
                var bytes = Vector128.Narrow(left.AsUInt16(), left.AsUInt16()).AsUInt64().ToScalar();
                Store(bytes, ref row[i], step);
            }
        }
        for (; i < row.Length; i++)
        {
            var (left, corner) = i < step ? (0, 0) : (row[i - step], previous[i - step]);
            row[i] += (byte)(type == Sub ? left : type == Average ? (left + previous[i]) >> 1 : Predict(left, previous[i], corner));
        }
    }

    static Vector128<short> Load(ref readonly byte source) =>
        Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(in source)).AsByte()).AsInt16();

    /// <summary>Writes the lowest bytes, as many as a pixel has: those behind it are still to be read.</summary>
    static void Store(ulong bytes, ref byte target, int step)
    {
        switch (step)
        {
            case 3:
                Unsafe.WriteUnaligned(ref target, (ushort)bytes);
                Unsafe.Add(ref target, 2) = (byte)(bytes >> 16);
                break;
            case 4:
                Unsafe.WriteUnaligned(ref target, (uint)bytes);
                break;
            case 6:
                Unsafe.WriteUnaligned(ref target, (uint)bytes);
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 4), (ushort)(bytes >> 32));
                break;
            default:
                Unsafe.WriteUnaligned(ref target, bytes);
                break;
        }
    }

    static byte Filtered(int type, ReadOnlySpan<byte> row, ReadOnlySpan<byte> previous, int step, int i)
    {
        int left = i < step ? 0 : row[i - step];
        int corner = i < step ? 0 : previous[i - step];
        var prediction = type switch
        {
            None => 0,
            Sub => left,
            Up => previous[i],
            Average => (left + previous[i]) >> 1,
            _ => Predict(left, previous[i], corner),
        };
        return (byte)(row[i] - prediction);
    }

    static int Predict(int left, int above, int corner)
    {
        var toLeft = Math.Abs(above - corner);
        var toAbove = Math.Abs(left - corner);
        var toCorner = Math.Abs(left + above - 2 * corner);
        if (toLeft <= toAbove && toLeft <= toCorner) return left;
        return toAbove <= toCorner ? above : corner;
    }

    /// <summary>What a filter takes a pixel to be, from its neighbours; values are bytes in 16 bits.</summary>
    interface IPredictor
    {
        static abstract Vector128<short> Predict(Vector128<short> left, Vector128<short> above, Vector128<short> corner);
    }

    readonly struct SubPredictor : IPredictor
    {
        public static Vector128<short> Predict(Vector128<short> left, Vector128<short> above, Vector128<short> corner) => left;
    }

    readonly struct AveragePredictor : IPredictor
    {
        public static Vector128<short> Predict(Vector128<short> left, Vector128<short> above, Vector128<short> corner) => (left + above) >> 1;
    }

    readonly struct PaethPredictor : IPredictor
    {
        public static Vector128<short> Predict(Vector128<short> left, Vector128<short> above, Vector128<short> corner)
        {
            var fromLeft = above - corner;
            var fromAbove = left - corner;
            var toCorner = Vector128.Abs(fromLeft + fromAbove);
            var (toLeft, toAbove) = (Vector128.Abs(fromLeft), Vector128.Abs(fromAbove));
            var other = Vector128.ConditionalSelect(Vector128.LessThanOrEqual(toAbove, toCorner), above, corner);
            return Vector128.ConditionalSelect(Vector128.LessThanOrEqual(toLeft, Vector128.Min(toAbove, toCorner)), left, other);
        }
    }
}
