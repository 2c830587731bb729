namespace MlNetCifar.Data;

/// <summary>Exact per-channel sums of bytes and of their squares; parts may be added in any order.</summary>
/// <param name="channels">1 or 3.</param>
internal sealed class ChannelMoments(int channels)
{
    readonly ulong[] _sum = new ulong[channels];
    readonly ulong[] _squares = new ulong[channels];

    /// <summary>Pixels counted.</summary>
    public ulong Pixels { get; private set; }

    public IReadOnlyList<ulong> Sum => _sum;

    public IReadOnlyList<ulong> Squares => _squares;

    /// <summary>Counts pictures' bytes, [.., C].</summary>
    public void Add(ReadOnlySpan<byte> pixels)
    {
        Pixels += (ulong)(pixels.Length / channels);
        if (channels == 3)
        {
            AddRgb(pixels);
            return;
        }

        for (var c = 0; c < channels; c++)
        {
            ulong sum = 0, squares = 0;
            for (var i = c; i < pixels.Length; i += channels)
            {
                uint x = pixels[i];
                sum += x;
                squares += x * x;
            }

            _sum[c] += sum;
            _squares[c] += squares;
        }
    }

    /// <summary>Adds the sums of a part of shards.</summary>
    /// <param name="part">The part.</param>
    /// <param name="spec">The size of its pictures.</param>
    public void Add(ShardPartInfo part, PreprocessSpec spec)
    {
        Pixels += (ulong)part.Count * (ulong)(spec.Width * spec.Height);
        for (var c = 0; c < channels; c++)
        {
            _sum[c] += part.Sum[c];
            _squares[c] += part.Squares[c];
        }
    }

    /// <exception cref="ArgumentException">Nothing was counted.</exception>
    public Normalization ToNormalization()
    {
        if (Pixels == 0)
            throw new ArgumentException("There is no pixel to take the mean of.");
        var mean = new float[channels];
        var std = new float[channels];
        for (var c = 0; c < channels; c++)
        {
            // n·Σx² − (Σx)² in whole numbers: no cancellation, however large the set.
            var variance = ((UInt128)Pixels * _squares[c]) - ((UInt128)_sum[c] * _sum[c]);
            mean[c] = (float)(_sum[c] / (255.0 * Pixels));
            std[c] = variance == 0 ? 1 : (float)(Math.Sqrt((double)variance) / (255.0 * Pixels));
        }

        return new(mean, std);
    }

    void AddRgb(ReadOnlySpan<byte> pixels)
    {
        ulong r = 0, g = 0, b = 0, rr = 0, gg = 0, bb = 0;
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            uint x = pixels[i], y = pixels[i + 1], z = pixels[i + 2];
            r += x;
            g += y;
            b += z;
            rr += x * x;
            gg += y * y;
            bb += z * z;
        }

        _sum[0] += r;
        _sum[1] += g;
        _sum[2] += b;
        _squares[0] += rr;
        _squares[1] += gg;
        _squares[2] += bb;
    }
}
