using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Every JPEG of the shared data sets against libjpeg-turbo, as Debian's Pillow has it.</summary>
[TestClass]
public sealed class SharedPicturesTests
{
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("cifar10-jpeg.tar.gz", 60_000)]
    [DataRow("cats-dogs-sample.tar.gz", 2_002)]
    public void Decode_EqualsPillowBitForBit(string archive, int count)
    {
        var shared = Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED");
        if (string.IsNullOrEmpty(shared)) Assert.Inconclusive("MLNETCIFAR_SHARED is not set.");
        if (!HasPillow()) Assert.Inconclusive("Debian's python3-pil is not installed.");
        var folder = Directory.CreateTempSubdirectory("pictures");
        try
        {
            using (var stream = new GZipStream(File.OpenRead(Path.Combine(shared, "data", archive)), CompressionMode.Decompress))
            {
                TarFile.ExtractToDirectory(stream, folder.FullName, overwriteFiles: false);
            }
            var files = Directory.GetFiles(folder.FullName, "*.jpg", SearchOption.AllDirectories);
            Assert.HasCount(count, files);
            Assert.IsEmpty(Differing(files));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static List<string> Differing(string[] files)
    {
        using var pillow = Start(GoldenPictures.Folder + "/../decode_digests.py");
        var differing = new List<string>();
        foreach (var file in files)
        {
            pillow.StandardInput.WriteLine(file);
            pillow.StandardInput.Flush();
            var expected = pillow.StandardOutput.ReadLine();
            var found = GoldenPictures.Digest(ImageDecoder.Decode(File.ReadAllBytes(file), new DecodeOptions { ApplyOrientation = false }).Pixels);
            if (found != expected) differing.Add(file);
        }
        pillow.StandardInput.Close();
        return differing;
    }

    static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("/usr/bin/python3", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;

    static bool HasPillow()
    {
        if (!File.Exists("/usr/bin/python3")) return false;
        using var process = Start("-c", "import PIL");
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
