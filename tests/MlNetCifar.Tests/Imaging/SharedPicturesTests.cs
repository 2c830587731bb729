using System.Formats.Tar;
using System.IO.Compression;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Imaging;

/// <summary>
/// Every JPEG of the shared data sets against libjpeg-turbo, as Debian's Pillow has it. The archives are those of the folder data
/// below the one that the variable MLNETCIFAR_SHARED names.
/// </summary>
[TestClass]
public sealed class SharedPicturesTests
{
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("cifar10-jpeg.tar.gz", 60_000, 7)]
    [DataRow("cats-dogs-sample.tar.gz", 2_002, 3)]
    public void Decode_EqualsPillowBitForBit(string archive, int count, int every) => Compare(archive, count, every);

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    [DataRow("cifar10-jpeg.tar.gz", 60_000)]
    [DataRow("cats-dogs-sample.tar.gz", 2_002)]
    public void Decode_OfAll_EqualsPillowBitForBit(string archive, int count) => Compare(archive, count, 1);

    static void Compare(string archive, int count, int every)
    {
        var path = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", archive);
        if (!File.Exists(path)) Assert.Inconclusive($"MLNETCIFAR_SHARED names no folder with data/{archive}.");
        PillowPeer.Require();
        using var folder = new TestFolder();
        using (var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
            TarFile.ExtractToDirectory(stream, folder.Root, overwriteFiles: false);
        var files = Directory.GetFiles(folder.Root, "*.jpg", SearchOption.AllDirectories);
        Assert.HasCount(count, files);
        files = [.. files.Order(StringComparer.Ordinal).Where((_, i) => i % every == 0)];
        using var pillow = new PillowPeer();
        var differing = files.Where(file => GoldenPictures.Digest(Decode(file).Pixels) != pillow.Decode(file)).ToArray();
        Assert.IsEmpty(differing, string.Join(", ", differing.Take(10)));
        Console.WriteLine($"{files.Length} of {files.Length} pictures are equal to Pillow's, bit for bit");
    }

    static RgbImage Decode(string file) => ImageDecoder.Decode(File.ReadAllBytes(file), new DecodeOptions { ApplyOrientation = false });
}
