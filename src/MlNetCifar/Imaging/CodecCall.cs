namespace MlNetCifar.Imaging;

/// <summary>Calls a codec of a package: limits before anything is allocated, and whatever it throws as a named error.</summary>
static class CodecCall
{
    public static ImageInfo ReadInfo(PictureCodec codec, ReadOnlySpan<byte> file, string? path)
    {
        try
        {
            return codec.ReadInfo(file);
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Fault(e, path);
        }
    }

    public static RgbImage Decode(PictureCodec codec, ReadOnlySpan<byte> file, DecodeOptions options, string? path, DecodeReport? report, out int orientation)
    {
        var info = ReadInfo(codec, file, path);
        Limits.Check(info.Width, info.Height, options, path);
        if (info.IsAnimated) report?.Note("The file is animated or has several pages; only the first is used.");
        orientation = info.Orientation;
        try
        {
            var image = codec.Decode(file, info);
            return (image.Width, image.Height) == (info.Width, info.Height) ? image
                : throw new InvalidDataException($"{image.Width}×{image.Height} pixels instead of {info.Width}×{info.Height}");
        }
        catch (Exception e) when (IsFault(e))
        {
            throw Fault(e, path);
        }
    }

    static bool IsFault(Exception e) => e is not (MlNetCifarException or OutOfMemoryException or OperationCanceledException);

    static MlNetCifarException Fault(Exception e, string? path) => e switch
    {
        EndOfStreamException => ImageErrors.Truncated(e.Message.TrimEnd('.'), path),
        NotSupportedException => ImageErrors.UnsupportedFeature(e.Message.TrimEnd('.'), path),
        DllNotFoundException or TypeInitializationException => ImageErrors.NoNativeLibrary(e.GetBaseException().Message.TrimEnd('.'), path),
        _ => ImageErrors.Damaged(e.Message.TrimEnd('.'), path),
    };
}
