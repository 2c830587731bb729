using MlNetCifar.Imaging;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>A temporary folder, and in it small data sets that a network learns at once: one colour a class.</summary>
public sealed class Pictures : TestFolder
{
    static readonly (string Name, byte R, byte G, byte B)[] s_classes = [("blue", 30, 30, 220), ("green", 30, 220, 30), ("red", 220, 30, 30)];

    public string Runs => this["runs"];

    /// <summary>Makes train/class/n.png and test/class/n.png.</summary>
    /// <returns>The data set's path.</returns>
    public string Splits(string name = "data", int train = 10, int test = 4)
    {
        Classes(Path.Combine(name, "train"), train, 1);
        Classes(Path.Combine(name, "test"), test, 2);
        return this[name];
    }

    /// <summary>Makes class/n.png.</summary>
    public string Classes(string name, int count = 12, ulong seed = 3)
    {
        var random = new SplitRandom(seed, RandomPurpose.Bootstrap);
        foreach (var (label, r, g, b) in s_classes)
        {
            for (var i = 0; i < count; i++)
                Write(Path.Combine(name, label, $"{i:000}.png"), Picture(random, r, g, b));
        }

        return this[name];
    }

    static byte[] Picture(SplitRandom random, byte r, byte g, byte b)
    {
        const int side = 16;
        var pixels = new byte[side * side * 3];
        for (var i = 0; i < pixels.Length; i += 3)
            (pixels[i], pixels[i + 1], pixels[i + 2]) = ((byte)(r + random.Next(30)), (byte)(g + random.Next(30)), (byte)(b + random.Next(30)));
        return PngEncoder.Encode(pixels, side, side, 3);
    }
}
