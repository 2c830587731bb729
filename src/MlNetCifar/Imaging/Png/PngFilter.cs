namespace MlNetCifar.Imaging.Png;

/// <summary>The row filters of PNG (ISO 15948, 9).</summary>
static class PngFilter
{
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
                for (var i = step; i < row.Length; i++) row[i] += row[i - step];
                return true;
            case Up:
                for (var i = 0; i < row.Length; i++) row[i] += previous[i];
                return true;
            case Average:
                for (var i = 0; i < row.Length; i++) row[i] += (byte)(((i < step ? 0 : row[i - step]) + previous[i]) >> 1);
                return true;
            case Paeth:
                for (var i = 0; i < Math.Min(step, row.Length); i++) row[i] += previous[i];
                for (var i = step; i < row.Length; i++) row[i] += (byte)Predict(row[i - step], previous[i], previous[i - step]);
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
}
