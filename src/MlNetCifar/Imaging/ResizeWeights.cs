namespace MlNetCifar.Imaging;

/// <summary>The weights that make one axis of a resized picture, in Pillow's 22-bit fixed point: [Length, Taps] and the first source pixel of each.</summary>
sealed class ResizeWeights
{
    public const int PrecisionBits = 32 - 8 - 2;

    public required int Taps { get; init; }
    public required int[] First { get; init; }
    public required int[] Count { get; init; }

    /// <summary>Weights, each repeated four times, for pixels of four channels.</summary>
    public required int[] Repeated { get; init; }

    /// <summary>Computes the weights of one axis.</summary>
    /// <param name="sourceLength">Pixels of the source.</param>
    /// <param name="start">Where the part to be resized starts, in source pixels.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="fullLength">Pixels that the part becomes.</param>
    /// <param name="offset">First of those that is wanted.</param>
    /// <param name="length">How many are wanted.</param>
    /// <param name="filter">The kernel.</param>
    public static ResizeWeights Compute(int sourceLength, float start, float end, int fullLength, int offset, int length, ResizeFilter filter)
    {
        var scale = (double)(end - start) / fullLength;
        var filterScale = Math.Max(1, scale);
        var support = FilterKernel.Support(filter) * filterScale;
        var taps = ((int)Math.Ceiling(support) * 2 + 1 + 3) / 4 * 4;
        var first = new int[length];
        var count = new int[length];
        var repeated = new int[checked(length * taps * 4)];
        var weights = new double[taps];
        for (var i = 0; i < length; i++)
        {
            var center = start + (i + offset + 0.5) * scale;
            first[i] = Math.Max(0, (int)(center - support + 0.5));
            count[i] = Math.Min(sourceLength, (int)(center + support + 0.5)) - first[i];
            var sum = 0.0;
            for (var tap = 0; tap < count[i]; tap++)
            {
                weights[tap] = FilterKernel.Weight(filter, (tap + first[i] - center + 0.5) * (1 / filterScale));
                sum += weights[tap];
            }
            for (var tap = 0; tap < count[i]; tap++)
            {
                var weight = sum != 0 ? weights[tap] / sum : weights[tap];
                repeated.AsSpan((i * taps + tap) * 4, 4).Fill((int)(weight * (1 << PrecisionBits) + (weight < 0 ? -0.5 : 0.5)));
            }
        }
        return new ResizeWeights { Taps = taps, First = first, Count = count, Repeated = repeated };
    }
}
