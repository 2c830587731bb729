using MlNetCifar.Imaging;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

/// <summary>Small made-up sets.</summary>
static class TestImages
{
    public static ImageSet Random(int count, int height = 8, int width = 8, int channels = 3, int classes = 4, ulong seed = 1)
    {
        var random = new SplitRandom(seed, RandomPurpose.Bootstrap);
        var pixels = new byte[count * height * width * channels];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.Next(256);
        var labels = new int[count];
        for (var i = 0; i < count; i++)
            labels[i] = random.Next(classes);
        return new ImageSet(pixels, labels, width, height, channels, [.. Enumerable.Range(0, classes).Select(c => $"class{c}")]);
    }

    public static Normalization Normalization(int channels) => channels == 3
        ? new([0.49f, 0.48f, 0.45f], [0.25f, 0.24f, 0.26f])
        : new([0.47f], [0.25f]);

    /// <summary>A colour picture as a .png file, told apart by its number.</summary>
    public static byte[] Png(int number, int width = 8, int height = 8) => PngEncoder.Encode(Pixels(number, width, height), width, height, 3);

    /// <summary>The pixels of <see cref="Png"/>.</summary>
    public static byte[] Pixels(int number, int width = 8, int height = 8)
    {
        var random = new SplitRandom((ulong)number, RandomPurpose.Bootstrap);
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.Next(256);
        return pixels;
    }

    /// <summary>Adds class folders of pictures under a folder.</summary>
    public static TestFolder AddPictures(this TestFolder folder, string root, int classes, int perClass)
    {
        for (var c = 0; c < classes; c++)
        {
            for (var i = 0; i < perClass; i++)
                folder.Add($"{root}class{c}/{i:D3}.png", Png((c * 1000) + i + (root.Length * 100_000)));
        }

        return folder;
    }
}
