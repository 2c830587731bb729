using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>A rectangle in whole pixels.</summary>
internal readonly record struct PixelBox(int Left, int Top, int Width, int Height);

/// <summary>
/// A random part of a picture of any size, as of Inception's training (Szegedy et al. 2015): its share of the area is uniform, the logarithm of the ratio of its sides too. A
/// function of the stream and of the picture's size alone.
/// </summary>
internal sealed class RandomCrop
{
    /// <summary>After so many draws that do not fit, the largest centred part of a ratio in range is taken.</summary>
    const int Tries = 10;

    readonly float _least;
    readonly float _most;
    readonly float _aspect;
    readonly SplitRandom _random;

    RandomCrop(float least, float most, float aspect, SplitRandom random) => (_least, _most, _aspect, _random) = (least, most, aspect, random);

    /// <summary>The crop that an augmentation asks for.</summary>
    /// <param name="augmentation">Its ranges.</param>
    /// <param name="random">The picture's own stream.</param>
    public static RandomCrop Of(Augmentation augmentation, SplitRandom random) => new(augmentation.CropArea, augmentation.CropAreaMax, augmentation.CropAspect, random);

    /// <summary>The part of a picture.</summary>
    /// <param name="width">Its columns.</param>
    /// <param name="height">Its rows.</param>
    public PixelBox PixelsOf(int width, int height)
    {
        var random = _random;
        for (var i = 0; i < Tries; i++)
        {
            var area = (double)width * height * (_least + (random.NextDouble() * (_most - _least)));
            var box = Sides(area, Math.Exp(((2 * random.NextDouble()) - 1) * Math.Log(_aspect)));
            if (box.Width >= 1 && box.Height >= 1 && box.Width <= width && box.Height <= height)
                return box with { Left = random.Next(width - box.Width + 1), Top = random.Next(height - box.Height + 1) };
        }

        var fallback = (Width: Math.Clamp((int)Math.Round(height * (double)_aspect), 1, width), Height: Math.Clamp((int)Math.Round(width * (double)_aspect), 1, height));
        return new((width - fallback.Width) / 2, (height - fallback.Height) / 2, fallback.Width, fallback.Height);
    }

    /// <summary>The same, as pictures are resized.</summary>
    public Box Part(int width, int height)
    {
        var box = PixelsOf(width, height);
        return new(box.Left, box.Top, box.Left + box.Width, box.Top + box.Height);
    }

    /// <summary>A box of an area and a ratio of width to height, anywhere.</summary>
    internal static PixelBox Sides(double area, double ratio) => new(0, 0, (int)Math.Round(Math.Sqrt(area * ratio)), (int)Math.Round(Math.Sqrt(area / ratio)));
}
