using System.Security.Cryptography;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Imaging;

/// <summary>The committed pictures and what libjpeg-turbo and Pillow make of them (see Golden/make_goldens.py).</summary>
static class GoldenPictures
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "MlNetCifar.Tests", "Imaging", "Golden");

    /// <summary>File name, width, height and SHA-256 of the RGB bytes.</summary>
    public static IEnumerable<object[]> Pictures => Table("pictures.tsv").Select(row => new object[] { row[0], int.Parse(row[1]), int.Parse(row[2]), row[3] });

    /// <summary>Specification, file name and SHA-256 of the result.</summary>
    public static IEnumerable<object[]> Resizes => Table("resizes.tsv").Select(row => row.ToArray<object>());

    /// <summary>JPEG file, width and height at a fraction of the size, SHA-256 of the RGB bytes.</summary>
    public static IEnumerable<object[]> Scaled => Table("scaled.tsv").Select(row => new object[] { row[0], int.Parse(row[1]), int.Parse(row[2]), row[3] });

    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    public static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    static IEnumerable<string[]> Table(string name) => File.ReadLines(Path.Combine(Folder, name)).Select(line => line.Split('\t'));
}
