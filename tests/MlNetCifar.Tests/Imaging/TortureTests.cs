using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>
/// Collections of odd and broken pictures against Pillow: the folder that the variable MLNETCIFAR_TORTURE names, for example with PngSuite or the test images
/// of Pillow, libjpeg-turbo and image-rs in it. The outcome of every file is printed.
/// </summary>
[TestClass]
public sealed class TortureTests
{
    static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".apng", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".gif"];

    [TestMethod]
    [TestCategory("Slow")]
    public void Decode_OfOddPictures_EqualsPillowOrIsRefusedByName()
    {
        var folder = Environment.GetEnvironmentVariable("MLNETCIFAR_TORTURE");
        if (!Directory.Exists(folder)) Assert.Inconclusive("MLNETCIFAR_TORTURE names no folder.");
        PillowPeer.Require();
        using var pillow = new PillowPeer();
        var outcomes = new List<(string Outcome, string File)>();
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (!s_extensions.Contains(Path.GetExtension(file).ToLowerInvariant())) continue;
            var (outcome, reason) = IsWrongInPillow(file) ? ("not compared", "Pillow 9.4 misreads 4-bit run lengths") : Compare(ImageOf(file), pillow.Decode(file));
            outcomes.Add((outcome, Path.GetRelativePath(folder, file)));
            Console.WriteLine($"{outcome}\t{outcomes[^1].File}\t{reason}");
        }
        foreach (var group in outcomes.GroupBy(o => o.Outcome)) Console.WriteLine($"{group.Count()} {group.Key}");
        Assert.IsEmpty(outcomes.Where(o => o.Outcome == "different").Select(o => o.File));
    }

    static bool IsWrongInPillow(string file)
    {
        Span<byte> header = stackalloc byte[31];
        using var stream = File.OpenRead(file);
        return stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header.StartsWith("BM"u8) && header[30] == 2;
    }

    static (string Outcome, string Reason) Compare((string? Digest, string Reason) ours, string pillow)
    {
        var isRefused = pillow.StartsWith("error");
        if (ours.Digest is null) return (isRefused ? "refused by both" : "refused here only", ours.Reason);
        if (isRefused) return ("refused by Pillow only", pillow);
        return (ours.Digest == pillow ? "equal" : "different", "");
    }

    // Any other exception fails the test: a picture may be refused, but only by name.
    static (string? Digest, string Reason) ImageOf(string file)
    {
        try
        {
            return (GoldenPictures.Digest(ImageDecoder.Decode(File.ReadAllBytes(file), new DecodeOptions { ApplyOrientation = false }).Pixels), "");
        }
        catch (MlNetCifarException e)
        {
            return (null, e.Message);
        }
    }
}
