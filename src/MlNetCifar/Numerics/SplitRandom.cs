namespace MlNetCifar.Numerics;

/// <summary>What random numbers are drawn for; separate purposes never share a stream.</summary>
internal enum RandomPurpose : uint
{
    Initialize = 1,
    Shuffle = 2,
    Augment = 3,
    Dropout = 4,
    Split = 5,
    Bootstrap = 6,
    Backoff = 7,
    Layer = 8,
    Crop = 9,
    Erase = 10,
    Change = 11,
    Mix = 12,
    Tune = 13,
}

/// <summary>
/// Counter-based random numbers: the stream is a function of (seed, purpose, a, b) alone, so results do not depend on which thread draws them.
/// Mixing is the finaliser of SplitMix64 (Steele, Lea, Flood 2014) over a Weyl sequence.
/// </summary>
internal struct SplitRandom
{
    const ulong Golden = 0x9E3779B97F4A7C15;

    ulong _state;

    /// <summary>Opens a stream.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="purpose">What the numbers are for.</param>
    /// <param name="a">First coordinate, for example the epoch.</param>
    /// <param name="b">Second coordinate, for example the sample.</param>
    public SplitRandom(ulong seed, RandomPurpose purpose, ulong a = 0, ulong b = 0)
        => _state = Mix(Mix(Mix(Mix(seed + Golden) ^ (uint)purpose) + (a * Golden)) ^ (b + Golden));

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64() => Mix(_state += Golden);

    /// <summary>Uniform in [0, 1), 24 random bits.</summary>
    public float NextSingle() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>Uniform in [0, 1), 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    /// <summary>Uniform in 0 … <paramref name="exclusiveMax"/> − 1.</summary>
    public int Next(int exclusiveMax) => (int)Math.BigMul(NextUInt64(), (ulong)exclusiveMax, out _);

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double NextGaussian() => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>Fisher–Yates.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (var i = values.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
