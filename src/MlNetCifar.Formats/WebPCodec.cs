using MlNetCifar.Imaging;
using SkiaSharp;

namespace MlNetCifar.Formats;

/// <summary>WebP, by Skia, hence libwebp.</summary>
sealed class WebPCodec : PictureCodec
{
    public override ImageInfo ReadInfo(ReadOnlySpan<byte> file)
    {
        using var codec = Open(file);
        return new()
        {
            Format = ImageFormat.WebP,
            Width = codec.Info.Width,
            Height = codec.Info.Height,
            Components = codec.Info.IsOpaque ? 3 : 4,
            ColorModel = codec.Info.IsOpaque ? "ycbcr" : "rgb+alpha",
            HasAlpha = !codec.Info.IsOpaque,
            IsAnimated = codec.FrameCount > 1,
            Orientation = codec.EncodedOrigin is var origin and >= SKEncodedOrigin.TopLeft and <= SKEncodedOrigin.LeftBottom ? (int)origin : 1,
        };
    }

    public override RgbImage Decode(ReadOnlySpan<byte> file, ImageInfo info)
    {
        using var codec = Open(file);
        // Colours as stored: what lies under transparency is kept, as other decoders do it, and no colour profile is applied.
        var layout = new SKImageInfo(info.Width, info.Height, SKColorType.Rgba8888, info.HasAlpha ? SKAlphaType.Unpremul : SKAlphaType.Opaque, null);
        if (layout.BytesSize64 > Array.MaxLength)
            throw new NotSupportedException($"more than {Array.MaxLength / 4} pixels");
        var rows = GC.AllocateUninitializedArray<byte>(layout.BytesSize);
        var result = codec.GetPixels(layout, rows);
        if (result != SKCodecResult.Success)
            throw result == SKCodecResult.IncompleteInput ? new EndOfStreamException("the pixels are incomplete") : new InvalidDataException($"the decoder says {result}");
        var image = new RgbImage(info.Width, info.Height);
        var pixels = image.Pixels;
        for (int from = 0, to = 0; to < pixels.Length; from += 4, to += 3)
            rows.AsSpan(from, 3).CopyTo(pixels[to..]);
        return image;
    }

    static SKCodec Open(ReadOnlySpan<byte> file)
    {
        using var data = SKData.CreateCopy(file);
        return SKCodec.Create(data) ?? throw new InvalidDataException("no WebP picture is in it");
    }
}
