namespace MlNetCifar.Tuning;

/// <summary>
/// Sobol's sequence: points that fill the space evenly. Direction numbers of Joe and Kuo (2008, "new-joe-kuo-6"), points in the order of the Gray code (Antonov and Saleev
/// 1979), shifted by random bits of the seed, which keeps the evenness. The same sequence for any number of workers.
/// </summary>
internal sealed class SobolTuner(SearchSpace space, ulong seed) : SpaceTuner(Checked(space), seed)
{
    /// <summary>Parameters there are direction numbers for.</summary>
    public const int Most = 21;

    const int Bits = 32;

    /// <summary>Of the dimensions from the second on: degree, inner coefficients of the primitive polynomial, first direction numbers.</summary>
    static readonly (int Degree, int Coefficients, uint[] First)[] s_table =
    [
        (1, 0, [1]), (2, 1, [1, 3]), (3, 1, [1, 3, 1]), (3, 2, [1, 1, 1]), (4, 1, [1, 1, 3, 3]), (4, 4, [1, 3, 5, 13]), (5, 2, [1, 1, 5, 5, 17]), (5, 4, [1, 1, 5, 5, 5]),
        (5, 7, [1, 1, 7, 11, 19]), (5, 11, [1, 1, 5, 1, 1]), (5, 13, [1, 1, 1, 3, 11]), (5, 14, [1, 3, 5, 5, 31]), (6, 1, [1, 3, 3, 9, 7, 49]), (6, 13, [1, 1, 1, 15, 21, 21]),
        (6, 16, [1, 3, 1, 13, 27, 49]), (6, 19, [1, 1, 1, 15, 7, 5]), (6, 22, [1, 3, 1, 15, 13, 25]), (6, 25, [1, 1, 5, 5, 19, 61]), (7, 1, [1, 3, 7, 11, 23, 15, 103]),
        (7, 4, [1, 3, 7, 13, 13, 15, 69]),
    ];

    static readonly uint[][] s_directions = [.. Enumerable.Range(0, Most).Select(Directions)];

    /// <summary>A coordinate of the sequence itself, without shift.</summary>
    /// <param name="index">Of the point, from 0.</param>
    /// <param name="dimension">Below <see cref="Most"/>.</param>
    public static uint Bits32(uint index, int dimension)
    {
        var gray = index ^ (index >> 1);
        var bits = 0u;
        for (var k = 0; gray != 0; k++, gray >>= 1)
        {
            if ((gray & 1) != 0)
                bits ^= s_directions[dimension][k];
        }

        return bits;
    }

    /// <summary>A shifted point.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="dimensions">At most <see cref="Most"/>.</param>
    /// <param name="seed">Of the shift.</param>
    public static double[] Point(int index, int dimensions, ulong seed)
    {
        var point = new double[dimensions];
        for (var d = 0; d < dimensions; d++)
        {
            var shift = (uint)(new Numerics.SplitRandom(seed, Numerics.RandomPurpose.Tune, ulong.MaxValue, (ulong)d).NextUInt64() >> 32);
            point[d] = ((Bits32((uint)index, d) ^ shift) + 0.5) / 4294967296.0;
        }

        return point;
    }

    protected override double[] Next(int trial, IReadOnlyList<Observation> known) => Point(trial, Dimensions, Seed);

    static SearchSpace Checked(SearchSpace space) => space.Parameters.Length <= Most ? space : throw TuningErrors.TooManyForSobol(space.Parameters.Length, Most);

    static uint[] Directions(int dimension)
    {
        var v = new uint[Bits];
        if (dimension == 0)
        {
            for (var k = 0; k < Bits; k++)
                v[k] = 1u << (Bits - 1 - k);
            return v;
        }

        var (degree, coefficients, first) = s_table[dimension - 1];
        for (var k = 0; k < Bits; k++)
        {
            if (k < degree)
            {
                v[k] = first[k] << (Bits - 1 - k);
                continue;
            }

            v[k] = v[k - degree] ^ (v[k - degree] >> degree);
            for (var j = 1; j < degree; j++)
            {
                if (((coefficients >> (degree - 1 - j)) & 1) != 0)
                    v[k] ^= v[k - j];
            }
        }

        return v;
    }
}
