namespace MlNetCifar.Training;

/// <summary>Sums over all slices of a batch, wherever they are computed.</summary>
internal interface ISumExchange
{
    /// <summary>Sums up. Everybody who has slices of the batch does so as often, and in the same order.</summary>
    /// <param name="first">The first slice held here.</param>
    /// <param name="sums">A row of doubles for each slice held here; destroyed.</param>
    /// <param name="total">A row; overwritten by the sum over all slices of the batch.</param>
    /// <exception cref="OperationCanceledException">The batch was abandoned.</exception>
    void Sum(int first, Span<double> sums, Span<double> total);
}

/// <summary>Sums where all slices are held here, in the order of a <see cref="SliceTree"/>.</summary>
internal sealed class TreeSums : ISumExchange
{
    public static TreeSums Own { get; } = new();

    public void Sum(int first, Span<double> sums, Span<double> total)
    {
        var (length, slices) = (total.Length, sums.Length / total.Length);
        for (var step = 1; step < slices; step *= 2)
        {
            for (var slice = 0; slice + step < slices; slice += 2 * step)
            {
                Span<double> left = sums.Slice(slice * length, length), right = sums.Slice((slice + step) * length, length);
                for (var i = 0; i < length; i++)
                    left[i] += right[i];
            }
        }

        sums[..length].CopyTo(total);
    }
}
