using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar.Experiments;

/// <summary>What image files look like, by the headers of some of them.</summary>
/// <param name="Images">All files.</param>
/// <param name="Classes">Their classes.</param>
/// <param name="Width">The median width; 0 where no header could be read.</param>
/// <param name="Height">The median height.</param>
internal readonly record struct PictureSizes(int Images, int Classes, int Width, int Height)
{
    /// <summary>Pictures with a shorter side above this are photographs rather than thumbnails.</summary>
    const int LargestThumbnail = 64;

    /// <summary>Headers that are read.</summary>
    const int Looked = 48;

    /// <summary>Whether networks for photographs suit them.</summary>
    public bool ArePhotographs => Math.Min(Width, Height) > LargestThumbnail;

    /// <summary>Looks at some files: from everywhere where any is cheap to read, else at the first.</summary>
    public static PictureSizes Of(ImageCatalog catalog)
    {
        var images = catalog.List;
        var count = Math.Min(Looked, images.Count);
        int[] files = catalog.Tree.IsRandomAccess
            ? [.. Enumerable.Range(0, count).Select(i => images.File((int)((long)i * images.Count / count)))]
            : [.. Enumerable.Range(0, images.Count).Select(images.File).Order().Take(count)];
        List<ImageSize> sizes = [];
        byte[] buffer = [];
        using var cursor = catalog.Tree.ReadAll(files);
        while (cursor.TryRead(ref buffer, out _, out var length, out var fault))
        {
            if (fault is null && Header(buffer.AsSpan(0, length)) is { } info)
                sizes.Add(new(info.Width, info.Height));
        }

        var median = ImageSize.Median(sizes);
        return new(images.Count, catalog.Classes.Count, median?.Width ?? 0, median?.Height ?? 0);
    }

    static ImageInfo? Header(ReadOnlySpan<byte> file)
    {
        try
        {
            return ImageDecoder.ReadInfo(file);
        }
        catch (MlNetCifarException)
        {
            // What cannot be read is told when all files are.
            return null;
        }
    }
}
