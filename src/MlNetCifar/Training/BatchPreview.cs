using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>A training picture as a batch holds it.</summary>
/// <param name="Seen">What the network sees, after augmentation; cut off to bytes.</param>
/// <param name="Before">The same before augmentation.</param>
/// <param name="Row">Its place in the training images.</param>
/// <param name="Label">Index of its class.</param>
internal sealed record PreviewImage(RgbImage Seen, RgbImage Before, int Row, int Label);

/// <summary>Looks into the batches of a training run before it, or without it.</summary>
internal static class BatchPreview
{
    /// <summary>The first pictures of an epoch, in its order and with its augmentation: exactly those that <see cref="Trainer.Fit"/> trains on.</summary>
    /// <param name="train">The training images.</param>
    /// <param name="options">Seed, augmentation and shuffling are used.</param>
    /// <param name="epoch">From 0. The default is 0.</param>
    /// <param name="most">At most so many. The default is 64.</param>
    /// <param name="normalization">That of the run; null computes it from all training images. It decides what fills the gaps of shifts.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<PreviewImage> Of(
        ImageSource train, TrainingOptions options, int epoch = 0, int most = 64, Normalization? normalization = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        normalization ??= Normalization.Compute(train, cancellation);
        using var loader = new BatchLoader(train, normalization, TrainingSetup.Loading(options) with { BatchSize = Math.Min(most, train.Count), Slices = 1, Prefetch = 2 });
        loader.Start(epoch);
        var batch = loader.Next()!;
        var shown = new List<PreviewImage>(batch.Count);
        var before = new byte[train.ImageLength];
        for (var i = 0; i < batch.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            train.CopyPixels(batch.Indices[i], before);
            var seen = Bytes(batch.Pixels.Slice(i * train.ImageLength, train.ImageLength), normalization);
            shown.Add(new(Picture(seen, train), Picture(before, train), batch.Indices[i], batch.Labels[i]));
        }

        return shown;
    }

    static byte[] Bytes(ReadOnlySpan<float> pixels, Normalization normalization)
    {
        var bytes = new byte[pixels.Length];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)Math.Clamp(MathF.Round(255 * ((pixels[i] * normalization.Std[i % normalization.Channels]) + normalization.MeanAt(i))), 0, 255);
        return bytes;
    }

    static RgbImage Picture(ReadOnlySpan<byte> pixels, ImageSource source)
    {
        var image = new RgbImage(source.Width, source.Height);
        for (var i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = pixels[source.Channels == 3 ? i : i / 3];
        return image;
    }
}
