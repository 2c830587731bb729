using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MlNetCifar.Explain;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>Makes columns of <see cref="MLImage"/>; beside <see cref="ImageReader"/> all that needs the package of it.</summary>
internal static class ImageColumn
{
    /// <summary>The column as a schema has it.</summary>
    /// <param name="name">Of the column.</param>
    /// <param name="size">Of its pictures; null while no network says it. A prediction engine reads only columns of known size.</param>
    /// <exception cref="MlNetCifarException">The package of such columns is not there (MNC7010).</exception>
    public static DataViewSchema.DetachedColumn Describe(string name, ImageSize? size = null)
    {
        try
        {
            return Detached(name, size);
        }
        catch (FileNotFoundException e)
        {
            throw MLNetErrors.NoImages(name, e);
        }
    }

    /// <summary>Grad-CAM maps, each drawn when it is asked for: what is kept of a block is small.</summary>
    /// <param name="name">Of the column.</param>
    /// <param name="spec">Of the network's inputs.</param>
    /// <exception cref="MlNetCifarException">The package of such columns is not there (MNC7010).</exception>
    public static OutputColumn Maps(string name, PreprocessSpec spec) => new(Describe(name, HeatmapOverlay.Size(spec.Width, spec.Height)), current => Getter(current, spec.Channels));

    [MethodImpl(MethodImplOptions.NoInlining)]
    static DataViewSchema.DetachedColumn Detached(string name, ImageSize? size) =>
        new(name, size is { } known ? new ImageDataViewType(known.Height, known.Width) : new ImageDataViewType());

    static ValueGetter<MLImage> Getter(Func<Answer?> current, int channels) => (ref MLImage value) =>
    {
        // As ML.NET's own image columns do: what the getter is given back is what it has made.
        value?.Dispose();
        value = current() is { Map: { } map } answer ? Draw(HeatmapOverlay.Draw(map, answer.Pixels.Span, channels)) : null!;
    };

    static MLImage Draw(RgbImage picture)
    {
        var source = picture.Pixels;
        var pixels = new byte[4 * picture.Width * picture.Height];
        for (var i = 0; i < pixels.Length / 4; i++)
            (pixels[4 * i], pixels[(4 * i) + 1], pixels[(4 * i) + 2], pixels[(4 * i) + 3]) = (source[(3 * i) + 2], source[(3 * i) + 1], source[3 * i], 255);
        return MLImage.CreateFromPixels(picture.Width, picture.Height, MLPixelFormat.Bgra32, pixels);
    }
}
