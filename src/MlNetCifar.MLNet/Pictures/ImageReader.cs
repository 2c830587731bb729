using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>Reads columns of <see cref="MLImage"/>; the one type that needs the package of it.</summary>
internal static class ImageReader
{
    /// <summary>What reads the picture of the current row.</summary>
    public static Func<Picture> Of(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<MLImage>(column);

        // Given back to the getter, which disposes what it has made, and leaves alone what is the user's.
        MLImage? image = null;
        return () =>
        {
            getter(ref image!);
            return image is null ? new Picture.Missing(MLNetErrors.NoPicture("the image is missing")) : new Picture.Decoded(Copy(image));
        };
    }

    /// <summary>Keeps copies: transforms of ML.NET may give an image that they dispose when the next row is asked for.</summary>
    /// <param name="row">In which the column is active.</param>
    /// <param name="column">Of images.</param>
    /// <param name="size">Rows of a block.</param>
    public static ColumnBuffer Buffer(DataViewRow row, DataViewSchema.Column column, int size) => new Images(row.GetGetter<MLImage>(column), size);

    sealed class Images(ValueGetter<MLImage> getter, int size) : ColumnBuffer
    {
        readonly MLImage?[] _images = new MLImage?[size];
        MLImage? _current;

        public override void Keep(int slot)
        {
            _images[slot]?.Dispose();
            getter(ref _current!);
            _images[slot] = Clone(_current);
        }

        public override Delegate Getter(Func<int> slot) => (ValueGetter<MLImage>)((ref MLImage value) => value = Clone(_images[slot()])!);

        static MLImage? Clone(MLImage? image)
        {
            if (image is null)
                return null;
            var clone = MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels);
            clone.Tag = image.Tag;
            return clone;
        }
    }

    static RgbImage Copy(MLImage image)
    {
        var copy = new RgbImage(image.Width, image.Height);
        var source = image.Pixels;
        var target = copy.Pixels;
        var (red, blue) = image.PixelFormat == MLPixelFormat.Rgba32 ? (0, 2) : (2, 0);
        for (var i = 0; i < image.Width * image.Height; i++)
        {
            target[3 * i] = source[(4 * i) + red];
            target[(3 * i) + 1] = source[(4 * i) + 1];
            target[(3 * i) + 2] = source[(4 * i) + blue];
        }

        return copy;
    }
}
