using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Fills batches from a source; one per thread.</summary>
internal sealed class BatchFiller(ImageSource source, Normalization normalization, BatchLoaderOptions options)
{
    readonly PixelPass _pass = new(source.Height, source.Width, source.Channels, normalization, options.Augmentation, SimdLevel.Active);
    readonly PictureChanger? _changer = options.Augmentation.TrivialAugment ? new(source.Width, source.Height, source.Channels) : null;
    readonly BatchMixer? _mixer = options.Augmentation.Mixes ? new(source.Width, source.Height, source.Channels, options.Augmentation) : null;
    readonly byte[] _buffer = new byte[source.ImageLength];
    readonly int _imageLength = source.ImageLength;
    readonly int _height = source.Height;
    readonly int _width = source.Width;
    readonly bool _plain = options.Augmentation.IsNone;

    /// <summary>Fills a batch, whose pictures and epoch are set.</summary>
    public void Fill(Batch batch)
    {
        var epoch = batch.Epoch;
        for (var i = 0; i < batch.Count; i++)
        {
            var index = batch.Indices[i];
            var destination = batch.Destination.Slice(i * _imageLength, _imageLength);
            batch.LabelDestination[i] = source.Label(index);
            if (_plain)
                _pass.Plain(Pixels(index, epoch), destination);
            else
                _pass.Augmented(Changed(index, epoch), SampleDraw.Create(options.Augmentation, options.Seed, epoch, index, _height, _width), destination);
        }

        _mixer?.Mix(batch, options.Seed);
    }

    ReadOnlySpan<byte> Pixels(int index, int epoch)
    {
        if (options.Augmentation.CropArea > 0)
            source.CopyCrop(index, RandomCrop.Of(options.Augmentation, new SplitRandom(options.Seed, RandomPurpose.Crop, (ulong)epoch, (ulong)index)), _buffer);
        else if (source.TryGetPixels(index, out var bytes))
            return bytes;
        else
            source.CopyPixels(index, _buffer);
        return _buffer;
    }

    ReadOnlySpan<byte> Changed(int index, int epoch)
    {
        var pixels = Pixels(index, epoch);
        return _changer is null ? pixels : _changer.Apply(pixels, ChangeDraw.Create(new SplitRandom(options.Seed, RandomPurpose.Change, (ulong)epoch, (ulong)index)));
    }
}
