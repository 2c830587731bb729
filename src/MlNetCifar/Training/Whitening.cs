using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Initialises filters that decorrelate the patches of training images: eigenvectors e of the patches' second-moment matrix, each as e/√(λ + ε) and its
/// negative (the whitening layer of Jordan's airbench, 2024).
/// </summary>
internal static class Whitening
{
    const int Images = 5000;
    const double Epsilon = 5e-4;

    /// <summary>Fills the filters that ask for it; they must be the network's first layer.</summary>
    /// <param name="weights">Changed.</param>
    /// <param name="train">Whose patches count.</param>
    /// <param name="normalization">The scaling of pixels.</param>
    /// <param name="start">What is taken from a starting point stays as it is.</param>
    public static void Initialize(NetworkWeights weights, ImageSource train, Normalization normalization, StartMap? start = null)
    {
        var taken = start?.Tensors.Where(t => t.IsTaken).Select(t => t.Name).ToHashSet() ?? [];
        foreach (var tensor in weights.Tensors.Where(t => !taken.Contains(t.Name)))
        {
            if (tensor.Spec is { Initializer: Initializer.Whitening, Dimensions: [var r, var s, var c, var k] })
                Fill(tensor, SecondMoments(train, normalization, r, s, c), k);
        }

        weights.Changed();
    }

    static void Fill(WeightTensor tensor, double[,] moments, int filters)
    {
        var (values, vectors) = SymmetricEigen.Decompose(moments);
        var taps = values.Length;
        for (var k = 0; k < filters; k++)
        {
            // Smallest variance first, then the negatives; more filters than that repeat from the start.
            var component = k % taps;
            var scale = (k / taps % 2 == 0 ? 1 : -1) / Math.Sqrt(Math.Max(values[component], 0) + Epsilon);
            for (var i = 0; i < taps; i++)
                tensor.Values[(i * filters) + k] = (float)(scale * vectors[i, component]);
        }
    }

    static double[,] SecondMoments(ImageSource train, Normalization normalization, int r, int s, int c)
    {
        var length = r * s * c;
        var sums = new double[length, length];
        var pixels = new byte[train.ImageLength];
        var patch = new double[length];
        long patches = 0;
        for (var image = 0; image < Math.Min(Images, train.Count); image++)
        {
            train.CopyPixels(image, pixels);
            for (var y = 0; y <= train.Height - r; y++)
                for (var x = 0; x <= train.Width - s; x++, patches++)
                {
                    for (var i = 0; i < length; i++)
                    {
                        var (tap, channel) = Math.DivRem(i, c);
                        var offset = ((((y + (tap / s)) * train.Width) + x + (tap % s)) * c) + channel;
                        patch[i] = ((pixels[offset] / 255.0) - normalization.MeanAt(offset)) / normalization.Std[channel];
                    }

                    for (var i = 0; i < length; i++)
                        for (var j = i; j < length; j++)
                            sums[i, j] += patch[i] * patch[j];
                }
        }

        for (var i = 0; i < length; i++)
            for (var j = i; j < length; j++)
                sums[j, i] = sums[i, j] /= patches;
        return sums;
    }
}
