namespace MlNetCifar.Imaging;

/// <summary>
/// The weights that make one axis of a resized picture, in Pillow's 22-bit fixed point. Source pixels are taken by twos, counted from <see cref="Origin"/>, so that a
/// processor's 16-bit multiplication does two at once; a weight is therefore split into its lower <see cref="LowBits"/> bits and the rest.
/// </summary>
sealed class ResizeWeights
{
    public const int PrecisionBits = 32 - 8 - 2;
    public const int LowBits = 15;

    /// <summary>First source pixel that counts.</summary>
    public required int Origin { get; init; }

    /// <summary>Source pixels from there to the last that counts.</summary>
    public required int Extent { get; init; }

    /// <summary>Pairs of source pixels that each pixel is made of.</summary>
    public required int Pairs { get; init; }

    /// <summary>First pair of each pixel; whole fours.</summary>
    public required int[] First { get; init; }

    /// <summary>[Length, Pairs, 2]: the lower parts of two weights, 16 bits each, and the upper ones.</summary>
    public required int[] Packed { get; init; }

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
        var step = 1 / filterScale;
        var support = FilterKernel.Support(filter) * filterScale;
        var origin = From(0);
        var extent = To(length - 1) - origin;
        var pairs = 1;
        for (var i = 0; i < length; i++) pairs = Math.Max(pairs, (((From(i) - origin) & 1) + To(i) - From(i) + 1) / 2);
        var first = new int[(length + 3) / 4 * 4];
        var packed = new int[checked(first.Length * pairs * 2)];
        var weights = new double[2 * pairs];
        for (var i = 0; i < length; i++)
        {
            var center = Center(i);
            var from = From(i);
            var count = To(i) - from;
            // No window reaches past the last pair.
            first[i] = Math.Min((from - origin) / 2, (extent + 1) / 2 - pairs);
            var sum = 0.0;
            for (var tap = 0; tap < count; tap++)
            {
                weights[tap] = FilterKernel.Weight(filter, (tap + from - center + 0.5) * step);
                sum += weights[tap];
            }
            for (var tap = 0; tap < count; tap++)
            {
                var weight = sum != 0 ? weights[tap] / sum : weights[tap];
                var (rounded, at) = ((int)(weight * (1 << PrecisionBits) + (weight < 0 ? -0.5 : 0.5)), from - origin - 2 * first[i] + tap);
                var (pair, shift) = (2 * (i * pairs + at / 2), 16 * (at & 1));
                packed[pair] |= (rounded & ((1 << LowBits) - 1)) << shift;
                packed[pair + 1] |= ((rounded >> LowBits) & 0xFFFF) << shift;
            }
        }
        return new ResizeWeights { Origin = origin, Extent = extent, Pairs = pairs, First = first, Packed = packed };

        double Center(int i) => start + (i + offset + 0.5) * scale;
        int From(int i) => Math.Max(0, (int)(Center(i) - support + 0.5));
        int To(int i) => Math.Min(sourceLength, (int)(Center(i) + support + 0.5));
    }
}
