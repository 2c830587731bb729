using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Sampling × quality × process × restart interval × size 1 … 40, made by cjpeg and jpegtran, against djpeg (see jpeg_matrix.py).</summary>
[TestClass]
public sealed class JpegMatrixTests
{
    const int Files = 15 * 3 * 4 * 3 * 40;

    /// <summary>Every seventh, which has each value of each side.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Decode_OfTheMatrix_EqualsDjpegBitForBit() => Compare(7);

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public void Decode_OfTheWholeMatrix_EqualsDjpegBitForBit() => Compare(1);

    static void Compare(int every)
    {
        foreach (var tool in (string[])["cjpeg", "jpegtran", "djpeg", "python3"])
        {
            if (!File.Exists("/usr/bin/" + tool)) Assert.Inconclusive($"/usr/bin/{tool} is not installed.");
        }
        using var generator = PillowPeer.Start(Path.Combine(GoldenPictures.Folder, "..", "jpeg_matrix.py"), $"{every}");
        generator.StandardInput.Close();
        var wrong = new List<string>();
        var (count, refused) = (0, 0);
        while (generator.StandardOutput.ReadLine() is { } line)
        {
            var fields = line.Split('\t');
            count++;
            if (fields[2] == "refused") refused++;
            if (Decode(Convert.FromBase64String(fields[1])) != fields[2]) wrong.Add(fields[0]);
        }
        generator.WaitForExit();
        Console.WriteLine($"{count - wrong.Count} of {count} files as djpeg has them; {refused} of them it refuses, as do we");
        Assert.IsEmpty(wrong, string.Join("; ", wrong.Take(20)));
        Assert.AreEqual(0, generator.ExitCode);
        Assert.AreEqual((Files + every - 1) / every, count);
    }

    static string Decode(byte[] file)
    {
        try
        {
            return GoldenPictures.Digest(ImageDecoder.Decode(file).Pixels);
        }
        catch (MlNetCifarException)
        {
            return "refused";
        }
    }
}
