using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Mixes each picture of a slice of a batch with the next one, the last with the first; a picture alone stays as it is. One per thread.</summary>
internal sealed class BatchMixer(int width, int height, int channels, Augmentation augmentation)
{
    readonly float[] _first = new float[width * height * channels];

    /// <summary>Mixes.</summary>
    /// <param name="batch">Normalised pictures with their labels; gets the second labels and the shares.</param>
    /// <param name="seed">Of the run; what a picture gets is a function of it, the epoch and the picture.</param>
    public void Mix(Batch batch, ulong seed)
    {
        for (var slice = batch.FirstSlice; slice < batch.EndSlice; slice++)
        {
            var (first, count) = batch.Range(slice);
            if (count > 1)
                Mix(batch, first, count, seed);
            else
                (batch.SecondLabelDestination[first], batch.ShareDestination[first]) = (batch.LabelDestination[first], 1);
        }
    }

    void Mix(Batch batch, int first, int count, ulong seed)
    {
        batch.IsMixed = true;
        Picture(batch, first).CopyTo(_first);
        for (var i = first; i < first + count; i++)
        {
            var next = i + 1 < first + count ? i + 1 : first;
            ReadOnlySpan<float> other = next == first ? _first : Picture(batch, next);
            var random = new SplitRandom(seed, RandomPurpose.Mix, (ulong)batch.Epoch, (ulong)batch.Indices[i]);
            batch.SecondLabelDestination[i] = batch.LabelDestination[next];
            batch.ShareDestination[i] = Mix(ref random, Picture(batch, i), other);
        }
    }

    float Mix(ref SplitRandom random, Span<float> picture, ReadOnlySpan<float> other)
    {
        var cuts = augmentation.CutMix > 0 && (augmentation.Mixup == 0 || random.Next(2) == 1);
        var share = LargerShare(ref random, cuts ? augmentation.CutMix : augmentation.Mixup);
        if (cuts)
            return Cut(CutBox(ref random, share), picture, other);
        for (var i = 0; i < picture.Length; i++)
            picture[i] = (share * picture[i]) + ((1 - share) * other[i]);
        return share;
    }

    /// <summary>A box of the other's share of the area and the picture's proportions, its centre anywhere; what leaves the picture is cut off.</summary>
    PixelBox CutBox(ref SplitRandom random, float share)
    {
        var side = Math.Sqrt(1 - share);
        var (halfWidth, halfHeight) = ((int)(width * side) / 2, (int)(height * side) / 2);
        var (x, y) = (random.Next(width), random.Next(height));
        var (left, top) = (Math.Max(0, x - halfWidth), Math.Max(0, y - halfHeight));
        return new(left, top, Math.Min(width, x + halfWidth) - left, Math.Min(height, y + halfHeight) - top);
    }

    float Cut(PixelBox box, Span<float> picture, ReadOnlySpan<float> other)
    {
        for (var y = box.Top; y < box.Top + box.Height; y++)
        {
            var (start, length) = (((y * width) + box.Left) * channels, box.Width * channels);
            other.Slice(start, length).CopyTo(picture.Slice(start, length));
        }

        return 1 - ((float)(box.Width * box.Height) / (width * height));
    }

    Span<float> Picture(Batch batch, int index) => batch.Destination.Slice(index * _first.Length, _first.Length);

    /// <summary>Of Beta(α, α), or what is left of it, whichever is more.</summary>
    internal static float LargerShare(ref SplitRandom random, double alpha)
    {
        var (a, b) = (Gamma(ref random, alpha), Gamma(ref random, alpha));

        // With a tiny α both may be too small to be told from 0; then one of them is all.
        return a + b > 0 ? (float)(Math.Max(a, b) / (a + b)) : 1;
    }

    /// <summary>A number of the gamma distribution with scale 1 (Marsaglia and Tsang 2000).</summary>
    static double Gamma(ref SplitRandom random, double shape)
    {
        var power = shape < 1 ? Math.Pow(1 - random.NextDouble(), 1 / shape) : 1;
        var d = (shape < 1 ? shape + 1 : shape) - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = random.NextGaussian();
            var v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < (x * x / 2) + d - (d * v) + (d * Math.Log(v)))
                return power * d * v;
        }
    }
}
