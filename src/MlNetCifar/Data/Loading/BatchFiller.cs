using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Fills batches from a source; one per thread.</summary>
internal sealed class BatchFiller(ImageSource source, Normalization normalization, BatchLoaderOptions options)
{
    readonly PixelPass _pass = new(source.Height, source.Width, source.Channels, normalization, options.Augmentation, SimdLevel.Active);
    readonly byte[] _buffer = new byte[source.ImageLength];
    readonly int _imageLength = source.ImageLength;
    readonly int _height = source.Height;
    readonly int _width = source.Width;
    readonly bool _plain = options.Augmentation.IsNone;

    /// <summary>Fills a batch.</summary>
    /// <param name="indices">The pictures.</param>
    /// <param name="epoch">Decides the augmentation.</param>
    /// <param name="pixels">[N, H, W, C]; overwritten.</param>
    /// <param name="labels">N; overwritten.</param>
    public void Fill(ReadOnlySpan<int> indices, int epoch, Span<float> pixels, Span<int> labels)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            var index = indices[i];
            if (!source.TryGetPixels(index, out var bytes))
            {
                source.CopyPixels(index, _buffer);
                bytes = _buffer;
            }

            var destination = pixels.Slice(i * _imageLength, _imageLength);
            labels[i] = source.Label(index);
            if (_plain)
                _pass.Plain(bytes, destination);
            else
                _pass.Augmented(bytes, SampleDraw.Create(options.Augmentation, options.Seed, epoch, index, _height, _width), destination);
        }
    }
}
