using System.IO.Compression;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Files;

/// <summary>Names in zip archives, which seldom say how they are written.</summary>
[TestClass]
public sealed class ArchiveNameTests
{
    // "кошки" and "собаки" in code page 866.
    static readonly byte[] s_cats = [0xAA, 0xAE, 0xE8, 0xAA, 0xA8];
    static readonly byte[] s_dogs = [0xE1, 0xAE, 0xA1, 0xA0, 0xAA, 0xA8];

    [TestMethod]
    [DataRow(new byte[] { 0xAA, 0xAE, 0xE8 }, new byte[] { 0xE1, 0xAE, 0xA1 }, DisplayName = "CP866")]
    [DataRow(new byte[] { 0x94, 0x4C }, new byte[] { 0x8C, 0xA2 }, DisplayName = "Shift-JIS")]
    [DataRow(new byte[] { 0xC3, 0xA8 }, new byte[] { 0xC8, 0xAE }, DisplayName = "GBK")]
    public void Open_NamesOfAnotherCodePage_StayApart(byte[] one, byte[] two)
    {
        using var folder = new TestFolder();
        var path = Zip(folder["x.zip"], [.. Enumerable.Range(0, 6).SelectMany(i => new[] { (byte[])[.. one, .. Digits(i)], [.. two, .. Digits(i)] })]);
        using var catalog = ImageCatalog.Open(path);
        Assert.HasCount(2, catalog.Classes);
        Assert.HasCount(12, catalog.Images);
        Assert.HasCount(12, catalog.Images.Select(catalog.Read).Select(Encoding.Latin1.GetString).Distinct());
    }

    [TestMethod]
    public void Open_NamesThatAreNoUtf8_AreReadAsPythonDoesAndSaid()
    {
        using var folder = new TestFolder();
        var path = Zip(folder["x.zip"], [.. s_cats, .. Digits(1)], [.. s_dogs, .. Digits(1)]);
        using var catalog = ImageCatalog.Open(path);
        CollectionAssert.AreEquivalent(new[] { "¬«Φ¬¿", "ß«íá¬¿" }, catalog.Classes.ToArray());
        StringAssert.Contains(catalog.Warnings.Single(), "code page 437");
    }

    [TestMethod]
    public void Open_Utf8WithoutTheFlag_IsUtf8()
    {
        using var folder = new TestFolder();
        var path = Zip(folder["x.zip"], [.. Encoding.UTF8.GetBytes("кошки"), .. Digits(1)], [.. Encoding.UTF8.GetBytes("собаки"), .. Digits(1)]);
        using var catalog = ImageCatalog.Open(path);
        CollectionAssert.AreEqual(new[] { "кошки", "собаки" }, catalog.Classes.ToArray());
        Assert.IsEmpty(catalog.Warnings);
    }

    [TestMethod]
    public void Decode_UnicodeField_CountsWhereItsChecksumFits()
    {
        // CRC-32 of the name in code page 866.
        const uint crc = 0x7A15E0BD;
        Assert.AreEqual(new ZipName("кошки", false), ZipNames.Decode(s_cats, [1, 0, 2, 0, 9, 9, .. Field(crc)]));
        Assert.IsTrue(ZipNames.Decode(s_cats, Field(crc + 1)).IsGuessed);
        for (var length = 0; length < Field(crc).Length; length++)
            Assert.IsTrue(ZipNames.Decode(s_cats, Field(crc).AsSpan(0, length)).IsGuessed);

        static byte[] Field(uint crc)
        {
            var text = "кошки"u8;
            return [0x75, 0x70, (byte)(5 + text.Length), 0, 1, .. BitConverter.GetBytes(crc), .. text];
        }
    }

    [TestMethod]
    [DataRow(3, "")]
    [DataRow(3, "a comment of the archive")]
    [DataRow(65_540, "a comment of the archive", DisplayName = "Zip64")]
    public void Read_FindsEveryNameBesideComments(int count, string comment)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.Comment = comment;
            for (var i = 0; i < count; i++)
                zip.CreateEntry($"кошки/{i}.jpg", CompressionLevel.NoCompression).Comment = i % 2 == 0 ? "of this one" : "";
        }

        if (count > ushort.MaxValue)
        {
            // Other tools leave the directory's place to the larger end record; this one repeats it in the smaller.
            stream.Position = stream.Length - comment.Length - 6;
            stream.Write([0xFF, 0xFF, 0xFF, 0xFF]);
        }

        CollectionAssert.AreEqual(Enumerable.Range(0, count).Select(i => new ZipName($"кошки/{i}.jpg", false)).ToArray(), ZipNames.Read(stream).ToArray());
    }

    [TestMethod]
    public void Decode_EveryByte_IsACharacterOfItsOwn()
    {
        var names = Enumerable.Range(0, 256).Select(b => ZipNames.Decode([0xFF, (byte)b], []).Text).ToArray();
        Assert.HasCount(256, names.Distinct());
    }

    [TestMethod]
    public void Open_NameTwice_KeepsTheLastAndSaysSo()
    {
        using var folder = new TestFolder();
        var path = folder["x.zip"];
        using (var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create))
            foreach (var (name, content) in new[] { ("a/1.jpg", "old"), ("b/1.jpg", "b"), ("a//1.jpg", "new") })
                using (var stream = zip.CreateEntry(name).Open())
                    stream.Write(Encoding.UTF8.GetBytes(content));
        using var catalog = ImageCatalog.Open(path);
        Assert.AreEqual("new", Encoding.UTF8.GetString(catalog.Read(catalog.Images[0])));
        StringAssert.Contains(catalog.Warnings.Single(), "'a/1.jpg'");
    }

    [TestMethod]
    public void Open_DamagedBytes_OpenOrAreRefused()
    {
        using var folder = new TestFolder();
        var whole = File.ReadAllBytes(Zip(folder["x.zip"], [.. s_cats, .. Digits(1)], [.. s_dogs, .. Digits(1)], [.. "c/1.jpg"u8]));
        var random = new Random(7);
        int opened = 0, refused = 0;
        for (var trial = 0; trial < 3000; trial++)
        {
            var bytes = (byte[])whole.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (trial % 3 == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            File.WriteAllBytes(folder["y.zip"], bytes);
            try
            {
                using var catalog = ImageCatalog.Open(folder["y.zip"]);
                foreach (var image in catalog.Images)
                    catalog.Read(image);
                opened++;
            }
            catch (MlNetCifarException)
            {
                // Named, as it should be.
                refused++;
            }
        }

        Assert.IsGreaterThan(0, opened);
        Assert.IsGreaterThan(0, refused);
    }

    static byte[] Digits(int i) => Encoding.ASCII.GetBytes($"/{i}.jpg");

    // Latin 1 writes the bytes as they are, without the flag of UTF-8. Every entry holds its own name.
    static string Zip(string path, params byte[][] names)
    {
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create, leaveOpen: false, Encoding.Latin1);
        foreach (var name in names)
            using (var stream = zip.CreateEntry(Encoding.Latin1.GetString(name)).Open())
                stream.Write(name);
        return path;
    }
}
