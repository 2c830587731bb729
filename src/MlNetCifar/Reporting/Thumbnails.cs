using MlNetCifar.Imaging;

namespace MlNetCifar.Reporting;

/// <summary>Pictures small enough to live inside the report.</summary>
internal static class Thumbnails
{
    /// <summary>Longest side kept, in pixels; larger pictures are shrunk by whole factors.</summary>
    const int MaxSide = 96;

    /// <summary>A picture as a PNG data URI.</summary>
    public static string DataUri(ImageSource images, int row)
    {
        var pixels = new byte[images.ImageLength];
        images.CopyPixels(row, pixels);
        var factor = (Math.Max(images.Width, images.Height) + MaxSide - 1) / MaxSide;
        return DataUri(pixels, images.Width, images.Height, images.Channels, factor);
    }

    /// <summary>A picture as a PNG data URI.</summary>
    public static string DataUri(RgbImage image) =>
        DataUri(image.Pixels.ToArray(), image.Width, image.Height, 3, (Math.Max(image.Width, image.Height) + MaxSide - 1) / MaxSide);

    /// <summary>A drawing of two pictures beside each other.</summary>
    public static string DataUri(ExplainedImage explained)
    {
        var drawing = explained.Drawing;
        var factor = (Math.Max(drawing.Width / 2, drawing.Height) + MaxSide - 1) / MaxSide;
        return DataUri(drawing.Pixels.ToArray(), drawing.Width, drawing.Height, 3, factor);
    }

    static string DataUri(byte[] pixels, int width, int height, int channels, int factor)
    {
        var (small, w, h) = Shrink(pixels, width, height, channels, factor);
        return "data:image/png;base64," + Convert.ToBase64String(PngEncoder.Encode(small, w, h, channels));
    }

    /// <summary>Means over factor × factor blocks; a rest at the right and lower edge is cut off.</summary>
    static (byte[] Pixels, int Width, int Height) Shrink(byte[] pixels, int width, int height, int channels, int factor)
    {
        if (factor == 1)
            return (pixels, width, height);
        var (w, h) = (Math.Max(1, width / factor), Math.Max(1, height / factor));
        var small = new byte[w * h * channels];
        for (var y = 0; y < h; y++)
            for (var x = 0; x < w; x++)
                for (var c = 0; c < channels; c++)
                    small[(((y * w) + x) * channels) + c] = Mean(pixels, width, height, channels, factor, (x, y, c));
        return (small, w, h);
    }

    static byte Mean(byte[] pixels, int width, int height, int channels, int factor, (int X, int Y, int C) at)
    {
        var (sum, count) = (0, 0);
        for (var y = at.Y * factor; y < Math.Min(height, (at.Y + 1) * factor); y++)
            for (var x = at.X * factor; x < Math.Min(width, (at.X + 1) * factor); x++)
            {
                sum += pixels[(((y * width) + x) * channels) + at.C];
                count++;
            }

        return (byte)((sum + (count / 2)) / count);
    }
}
