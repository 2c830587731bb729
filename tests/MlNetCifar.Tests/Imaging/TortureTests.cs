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
            var (outcome, reason) = PillowsFault(file) is { } fault ? ("not compared", fault) : Compare(ImageOf(file), pillow.Decode(file));
            outcomes.Add((outcome, Path.GetRelativePath(folder, file)));
            Console.WriteLine($"{outcome}\t{outcomes[^1].File}\t{reason}");
        }
        foreach (var group in outcomes.GroupBy(o => o.Outcome)) Console.WriteLine($"{group.Count()} {group.Key}");
        Assert.IsEmpty(outcomes.Where(o => o.Outcome == "different").Select(o => o.File));
    }

    /// <summary>What Pillow 9.4 is known to get wrong about a file; null for nothing.</summary>
    static string? PillowsFault(string file)
    {
        var bytes = File.ReadAllBytes(file);
        if (bytes.Length < 34 || !bytes.AsSpan().StartsWith("BM"u8))
            return null;
        return bytes[30] switch
        {
            2 => "Pillow 9.4 misreads 4-bit run lengths",
            1 when HasDelta(bytes.AsSpan((int)Math.Min(BitConverter.ToUInt32(bytes, 10), bytes.Length))) => "Pillow 9.4 takes four bytes for the two of a delta",
            _ => null,
        };
    }

    static bool HasDelta(ReadOnlySpan<byte> codes)
    {
        for (var at = 0; at + 1 < codes.Length;)
        {
            int count = codes[at], value = codes[at + 1];
            if (count == 0 && value is 1 or 2)
                return value == 2;
            at += 2 + (count == 0 ? (value + 1) / 2 * 2 : 0);
        }

        return false;
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
