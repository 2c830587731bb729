using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

[TestClass]
public sealed class ImageDecoderTests
{
    [TestMethod]
    [DynamicData(nameof(GoldenPictures.Pictures), typeof(GoldenPictures))]
    public void Decode_GivesTheReferencesPixels(string name, int width, int height, string digest)
    {
        var image = ImageDecoder.Decode(GoldenPictures.Read(name), null, name, out var report);
        Assert.AreEqual((width, height), (image.Width, image.Height));
        Assert.AreEqual(digest, GoldenPictures.Digest(image.Pixels));
        Assert.IsFalse(report.IsTruncated || report.IsDamaged);
    }

    [TestMethod]
    [DynamicData(nameof(GoldenPictures.Scaled), typeof(GoldenPictures))]
    public void Decode_AtAFraction_GivesTheReferencesPixels(string name, int width, int height, string digest)
    {
        var image = ImageDecoder.Decode(GoldenPictures.Read(name), new DecodeOptions { MinWidth = width, MinHeight = height }, name);
        Assert.AreEqual((width, height), (image.Width, image.Height));
        Assert.AreEqual(digest, GoldenPictures.Digest(image.Pixels));
    }

    [TestMethod]
    [DynamicData(nameof(GoldenPictures.Pictures), typeof(GoldenPictures))]
    public void ReadInfo_AgreesWithTheDecodedPicture(string name, int width, int height, string digest)
    {
        _ = digest;
        var info = ImageDecoder.ReadInfo(GoldenPictures.Read(name), name);
        Assert.AreEqual((width, height), (info.Width, info.Height));
        Assert.AreEqual(name.Split('-')[0], info.Format.ToString().ToLowerInvariant());
        Assert.AreEqual(name.Contains("animated"), info.IsAnimated);
    }

    [TestMethod]
    [DynamicData(nameof(GoldenPictures.Pictures), typeof(GoldenPictures))]
    public void Decode_OfHalfAFile_IsANamedErrorOrComplete(string name, int width, int height, string digest)
    {
        // Numbers in text that end with the file cannot be told from shorter ones.
        if (name == "pnm-p2.pgm") return;
        var file = GoldenPictures.Read(name);
        for (var length = 0; length < file.Length; length += Math.Max(1, file.Length / 40))
        {
            try
            {
                var image = ImageDecoder.Decode(file.AsSpan(0, length), null, name);
                Assert.AreEqual((width, height), (image.Width, image.Height));
                Assert.AreEqual(digest, GoldenPictures.Digest(image.Pixels), $"{length} of {file.Length} bytes were enough for other pixels.");
            }
            catch (MlNetCifarException e)
            {
                StringAssert.StartsWith(e.Code, "MNC12");
                Assert.AreEqual(name, e.Path);
            }
        }
    }

    [TestMethod]
    [DataRow("jpeg-420.jpg")]
    [DataRow("jpeg-444.jpg")]
    [DataRow("jpeg-restart.jpg")]
    [DataRow("gif-interlaced.gif")]
    [DataRow("bmp-24.bmp")]
    [DataRow("pnm-p6.ppm")]
    public void Decode_WithoutTheLastBytes_KeepsWhatIsThereWhenAllowed(string name)
    {
        var file = GoldenPictures.Read(name);
        var cut = file.AsSpan(0, file.Length - 60);
        var image = ImageDecoder.Decode(cut, new DecodeOptions { AllowTruncated = true }, name, out var report);
        var whole = ImageDecoder.Decode(file);
        Assert.AreEqual((whole.Width, whole.Height), (image.Width, image.Height));
        Assert.IsTrue(report.IsTruncated);
        Assert.IsNotEmpty(report.Notes);
        var first = name.StartsWith("bmp") ? image.Height - 1 : 0;
        Assert.IsTrue(image.Row(first)[..9].SequenceEqual(whole.Row(first)[..9]), "The first pixels in the file are intact.");
        Assert.IsFalse(image.Pixels.SequenceEqual(whole.Pixels));
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file.AsSpan(0, file.Length - 60)));
        Assert.AreEqual("MNC1205", e.Code);
    }

    [TestMethod]
    [DataRow("", "MNC1201")]
    [DataRow("hello, world", "MNC1202")]
    [DataRow("RIFF0000WEBPVP8 ", "MNC1203")]
    [DataRow("II*\0aaaaaaaaaaaa", "MNC1203")]
    [DataRow("\0\0\0 ftypheic\0\0\0\0", "MNC1203")]
    [DataRow("BM", "MNC1205")]
    [DataRow("GIF89a", "MNC1205")]
    [DataRow("P6 10 10 255\n", "MNC1205")]
    [DataRow("P6 100000 1 255\n", "MNC1207")]
    public void Decode_OfWhatIsNoPicture_NamesTheReason(string content, string code)
    {
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(content.Select(c => (byte)c).ToArray(), null, "a/b.jpg"));
        Assert.AreEqual(code, e.Code);
        Assert.AreEqual("a/b.jpg", e.Path);
        Assert.AreEqual(ErrorKind.Data, e.Kind);
    }

    [TestMethod]
    [DataRow(0xC9, "arithmetic")]
    [DataRow(0xC3, "lossless")]
    public void Decode_OfAnUnsupportedJpegProcess_NamesIt(int frame, string name)
    {
        var file = GoldenPictures.Read("jpeg-420.jpg");
        file[FindMarker(file, 0xC0) + 1] = (byte)frame;
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file));
        Assert.AreEqual("MNC1204", e.Code);
        StringAssert.Contains(e.Message, name);
    }

    [TestMethod]
    public void Decode_OfTwelveBitJpeg_NamesIt()
    {
        var file = GoldenPictures.Read("jpeg-420.jpg");
        file[FindMarker(file, 0xC0) + 4] = 12;
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file));
        Assert.AreEqual("MNC1204", e.Code);
        StringAssert.Contains(e.Message, "12 bits");
    }

    [TestMethod]
    public void Decode_OfAHugeHeader_AllocatesNothing()
    {
        var file = GoldenPictures.Read("jpeg-420.jpg");
        var frame = FindMarker(file, 0xC0);
        (file[frame + 5], file[frame + 6], file[frame + 7], file[frame + 8]) = (0x20, 0, 0x20, 0);
        ImageDecoder.Decode(GoldenPictures.Read("jpeg-420.jpg"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.AreEqual("MNC1205", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file)).Code, "67 megapixels from a few hundred bytes");
        file[frame + 5] = file[frame + 7] = 0xFF;
        Assert.AreEqual("MNC1207", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file)).Code);
        Assert.IsLessThan(200_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Decode_OfAPhonesPicture_IsWithinTheDefault()
    {
        // 108 megapixels; the file is refused for its length, not for its size.
        var file = GoldenPictures.Read("jpeg-420.jpg");
        var frame = FindMarker(file, 0xC0);
        (file[frame + 5], file[frame + 6], file[frame + 7], file[frame + 8]) = (9000 >> 8, 9000 & 0xFF, 12000 >> 8, 12000 & 0xFF);
        Assert.AreEqual("MNC1205", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file)).Code);
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file, new() { AllowTruncated = true, MaxPixels = 100_000_000 }));
        Assert.AreEqual("MNC1207", e.Code);
        StringAssert.Contains(e.Message, "--max-pixels");
    }

    [TestMethod]
    public void Decode_OfAHugeJpegForASmallResult_TakesAFractionOfTheMemory()
    {
        var file = GoldenPictures.Read("jpeg-420.jpg");
        var frame = FindMarker(file, 0xC0);
        (file[frame + 5], file[frame + 6], file[frame + 7], file[frame + 8]) = (20000 >> 8, 20000 & 0xFF, 20000 >> 8, 20000 & 0xFF);
        var spec = new PreprocessSpec { Width = 64, Height = 64 };
        var before = GC.GetAllocatedBytesForCurrentThread();
        var image = ImageDecoder.Decode(file, spec.ForDecoding(new() { AllowTruncated = true }));
        Assert.AreEqual((2500, 2500), (image.Width, image.Height));
        Assert.IsLessThan(100L << 20, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.AreEqual("MNC1207", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file, new() { AllowTruncated = true })).Code);
    }

    [TestMethod]
    public void Decode_OfAGitLfsPointer_SaysWhatItIs()
    {
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"u8.ToArray()));
        Assert.AreEqual("MNC1202", e.Code);
        StringAssert.Contains(e.Message, "git lfs pull");
    }

    [TestMethod]
    public void Decode_WithTrailingGarbage_IgnoresIt()
    {
        var file = GoldenPictures.Read("jpeg-420.jpg");
        var expected = GoldenPictures.Digest(ImageDecoder.Decode(file).Pixels);
        Assert.AreEqual(expected, GoldenPictures.Digest(ImageDecoder.Decode([.. file, 1, 2, 0xFF, 0xD8, 0xFF]).Pixels));
        var image = ImageDecoder.Decode(file.AsSpan(0, file.Length - 2), null, null, out var report);
        Assert.AreEqual(expected, GoldenPictures.Digest(image.Pixels));
        Assert.HasCount(1, report.Notes);
        StringAssert.Contains(report.Notes[0], "end-of-image");
    }

    [TestMethod]
    public void Decode_OfAWrongPngChecksum_IsRefused()
    {
        var file = GoldenPictures.Read("png-2-8-plain.png");
        file[30] ^= 1;
        Assert.AreEqual("MNC1206", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(file)).Code);
        var image = ImageDecoder.Decode(file, new DecodeOptions { AllowTruncated = true }, null, out var report);
        Assert.IsTrue(report.IsDamaged);
        Assert.AreEqual(ImageDecoder.ReadInfo(GoldenPictures.Read("png-2-8-plain.png")).Width, image.Width);
    }

    [TestMethod]
    public void Decode_AllocatesLittleBeyondThePixels()
    {
        var file = GoldenPictures.Read("jpeg-cifar.jpg");
        ImageDecoder.Decode(file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ImageDecoder.Decode(file);
        Assert.IsLessThan(3 * 32 * 32 + 300, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    static int FindMarker(ReadOnlySpan<byte> file, byte marker) => file.IndexOf((ReadOnlySpan<byte>)[0xFF, marker]);
}
