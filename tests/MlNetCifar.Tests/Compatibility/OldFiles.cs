using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>The files of an earlier version; their README says how each was made.</summary>
static class OldFiles
{
    public static string At(params string[] parts) => Repository.File(["tests", "MlNetCifar.Tests", "Compatibility", "Files0_1", .. parts]);

    /// <summary>Copies a folder, so that a test may write there.</summary>
    public static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Other widths sum in another order, and machines without fused multiply-add round twice.</summary>
    public static void RequireWidth(params SimdWidth[] recorded)
    {
        if (!recorded.Contains(SimdLevel.Active) || !SimdLevel.IsFused)
            Assert.Inconclusive($"The bits are those of vectors of {string.Join(" or ", recorded.Select(w => (int)w))} bits: set MLNETCIFAR_SIMD.");
    }

    /// <summary>The pictures that the runs of `checkpoints` were trained on: a function of the arguments alone.</summary>
    public static ImageSet Pictures(int count, int side, ulong seed)
    {
        const int Classes = 3;
        var length = side * side * 3;
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % Classes)];
        var pixels = new byte[count * length];
        for (var i = 0; i < pixels.Length; i++)
        {
            seed = unchecked((seed * 6364136223846793005UL) + 1442695040888963407UL);
            pixels[i] = (byte)((labels[i / length] * 48) + (int)(seed >> 57));
        }

        return new ImageSet(pixels, labels, side, side, 3, [.. Enumerable.Range(0, Classes).Select(c => $"class {c}")]);
    }
}
