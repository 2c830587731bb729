using System.Diagnostics;
using BitMiracle.LibTiff.Classic;
using MlNetCifar.Formats;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;
using SkiaSharp;

namespace MlNetCifar.Tests.Imaging;

/// <summary>WebP and TIFF, by the package that brings them.</summary>
[TestClass]
public sealed class MoreFormatsTests
{
    const int MaxPixels = 1 << 16;

    // Registered, the formats would be read by the tests beside these as well.
    static RgbImage Decode(ReadOnlySpan<byte> file, DecodeOptions? options = null)
    {
        options ??= new();
        var image = CodecCall.Decode(CodecOf(file), file, options, null, null, out var orientation);
        return options.ApplyOrientation ? ExifOrientation.Apply(image, orientation) : image;
    }

    static PictureCodec CodecOf(ReadOnlySpan<byte> file) => ImageDecoder.Identify(file) == ImageFormat.WebP ? new WebPCodec() : new LibTiffCodec();

    static RgbImage Picture(int width = 37, int height = 23)
    {
        var image = new RgbImage(width, height);
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                (image.Row(y)[3 * x], image.Row(y)[(3 * x) + 1], image.Row(y)[(3 * x) + 2]) = ((byte)(7 * x), (byte)(11 * y), (byte)(3 * x * y));
        return image;
    }

    internal static byte[] WebP(RgbImage image, bool isLossless = true)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var i = 0; i < image.Width * image.Height; i++)
            bitmap.SetPixel(i % image.Width, i / image.Width, new(image.Pixels[3 * i], image.Pixels[(3 * i) + 1], image.Pixels[(3 * i) + 2]));
        using var pixels = bitmap.PeekPixels();
        using var data = pixels.Encode(new SKWebpEncoderOptions(isLossless ? SKWebpEncoderCompression.Lossless : SKWebpEncoderCompression.Lossy, 75));
        return data.ToArray();
    }

    static byte[] Tiff(RgbImage image, Compression compression = Compression.LZW, int orientation = 1)
    {
        var stream = new MemoryStream();
        using (var tiff = BitMiracle.LibTiff.Classic.Tiff.ClientOpen("made", "w", stream, new TiffStream()))
        {
            tiff.SetField(TiffTag.IMAGEWIDTH, image.Width);
            tiff.SetField(TiffTag.IMAGELENGTH, image.Height);
            tiff.SetField(TiffTag.BITSPERSAMPLE, 8);
            tiff.SetField(TiffTag.SAMPLESPERPIXEL, 3);
            tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.RGB);
            tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
            tiff.SetField(TiffTag.COMPRESSION, compression);
            tiff.SetField(TiffTag.ROWSPERSTRIP, 8);
            tiff.SetField(TiffTag.ORIENTATION, orientation);
            for (var y = 0; y < image.Height; y++)
                tiff.WriteScanline(image.Row(y).ToArray(), y);
            tiff.WriteDirectory();
            return stream.ToArray();
        }
    }

    static void AreSame(RgbImage expected, RgbImage found)
    {
        Assert.AreEqual((expected.Width, expected.Height), (found.Width, found.Height));
        CollectionAssert.AreEqual(expected.Pixels.ToArray(), found.Pixels.ToArray());
    }

    [TestMethod]
    public void LosslessPictures_ComeBackToThePixel()
    {
        var picture = Picture();
        AreSame(picture, Decode(WebP(picture)));
        foreach (var compression in new[] { Compression.NONE, Compression.LZW, Compression.PACKBITS, Compression.ADOBE_DEFLATE })
            AreSame(picture, Decode(Tiff(picture, compression)));
        var info = new LibTiffCodec().ReadInfo(Tiff(picture));
        Assert.AreEqual((ImageFormat.Tiff, 37, 23, 3, "rgb"), (info.Format, info.Width, info.Height, info.Components, info.ColorModel));
        Assert.AreEqual(ImageFormat.WebP, new WebPCodec().ReadInfo(WebP(picture)).Format);
    }

    [TestMethod]
    [DataRow(3)]
    [DataRow(6)]
    public void Orientation_IsApplied(int orientation)
    {
        var picture = Picture();
        var found = Decode(Tiff(picture, orientation: orientation));
        AreSame(ExifOrientation.Apply(picture, orientation), found);
        AreSame(picture, Decode(Tiff(picture, orientation: orientation), new() { ApplyOrientation = false }));
    }

    [TestMethod]
    public void Limits_AreCheckedFromTheHeader()
    {
        var picture = Picture();
        foreach (var file in new[] { WebP(picture), Tiff(picture) })
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Decode(file, new() { MaxPixels = (37 * 23) - 1 }));
            Assert.AreEqual("MNC1207", error.Code);
        }

        // A header alone that announces what no memory holds.
        var huge = Tiff(picture);
        var width = huge.AsSpan().IndexOf((ReadOnlySpan<byte>)[0, 1, 3, 0, 1, 0, 0, 0]);
        huge[width + 2] = 4;
        BitConverter.TryWriteBytes(huge.AsSpan(width + 8), 60_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.AreEqual("MNC1207", Assert.ThrowsExactly<MlNetCifarException>(() => Decode(huge)).Code);
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void HalfAFile_IsANamedError(bool isWebP)
    {
        var file = isWebP ? WebP(Picture(64, 64)) : Tiff(Picture(64, 64));
        for (var length = 16; length < file.Length; length += file.Length / 20)
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Decode(file.AsSpan(0, length), new() { AllowTruncated = true }));
            StringAssert.StartsWith(error.Code, "MNC120");
        }
    }

    [TestMethod]
    public void Files_AreReadWhereTheFormatsAreRegistered_ElseThePackageIsNamed()
    {
        using var folder = new TestFolder();
        for (var i = 0; i < 4; i++)
            folder.Add($"data/{(i < 2 ? "a" : "b")}/{i}.{(i % 2 == 0 ? "webp" : "tif")}", i % 2 == 0 ? WebP(Picture()) : Tiff(Picture()));
        StringAssert.Contains(OwnProcess.Run("formats", folder["data"], folder["data/a/0.webp"]), "4 pictures of 2 classes, 0 left out; 37×23");
        foreach (var name in new[] { "data/a/0.webp", "data/b/3.tif" })
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => RgbImage.Load(folder[name]));
            Assert.AreEqual("MNC1203", error.Code);
            StringAssert.Contains(error.Action, "MlNetCifar.Formats");
        }
    }

    /// <summary>With the formats registered.</summary>
    internal static void InOwnProcess(string data, string picture, TextWriter output)
    {
        MorePictureFormats.Register();
        using var set = ImageDataset.Open(data);
        var image = RgbImage.Load(picture);
        output.WriteLine($"{set.Get(DatasetSplit.Train).Count} pictures of {set.Classes.Count} classes, {set.BadFiles.Count} left out; {image.Width}×{image.Height}");
    }

    [TestMethod]
    public void Codec_OfAFormatThatTheLibraryReads_IsRefused() =>
        Assert.ThrowsExactly<ArgumentException>(() => ImageDecoder.Register(ImageFormat.Png, new Failing()));

    [TestMethod]
    [DataRow("webp", "lossless.webp", "rgba.webp", "lossy.webp")]
    [DataRow("tiff", "raw.tif", "lzw.tif", "deflate.tif", "packbits.tif", "grey.tif", "rgba.tif", "palette.tif", "bilevel.tif", "cmyk.tif", "jpeg.tif")]
    public void Pixels_AreThoseOfPillow(string kind, params string[] names)
    {
        PillowPeer.Require();
        using var folder = new TestFolder();
        folder.Write("picture.png", PngEncoder.Encode(Picture().Pixels, 37, 23, 3));
        using (var maker = PillowPeer.Start("-c", Script, kind, folder.Root))
        {
            maker.WaitForExit();
            Assert.AreEqual(0, maker.ExitCode);
        }

        using var peer = new PillowPeer();
        foreach (var name in names)
        {
            if (!File.Exists(folder[name]))
                Assert.Inconclusive($"This Pillow cannot write {name}.");
            var image = Decode(File.ReadAllBytes(folder[name]));
            Assert.AreEqual(peer.Decode(folder[name]), GoldenPictures.Digest(image.Pixels), name);
        }
    }

    const string Script = """
        import sys
        from PIL import Image
        kind, folder = sys.argv[1:]
        picture = Image.open(folder + "/picture.png")
        rgba = picture.copy()
        rgba.putalpha(picture.convert("L"))
        if kind == "webp":
            picture.save(folder + "/lossless.webp", lossless=True)
            rgba.save(folder + "/rgba.webp", lossless=True, exact=True)
            picture.save(folder + "/lossy.webp", quality=80)
        else:
            picture.save(folder + "/raw.tif")
            for name, compression in ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits"):
                picture.save(folder + "/" + name + ".tif", compression=compression)
            picture.convert("L").save(folder + "/grey.tif")
            rgba.save(folder + "/rgba.tif")
            picture.quantize(16).save(folder + "/palette.tif")
            picture.convert("1").save(folder + "/bilevel.tif")
            picture.convert("CMYK").save(folder + "/cmyk.tif")
            picture.save(folder + "/jpeg.tif", compression="jpeg")
        """;

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Mutations_OnlyThrowNamedErrors(bool isWebP) => Fuzz(isWebP, Fuzzing.FastTime, 1);

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(true)]
    [DataRow(false)]
    public void ManyMutations_OnlyThrowNamedErrors_FuzzTests(bool isWebP) => Fuzz(isWebP, Fuzzing.SlowTime, Environment.TickCount);

    static void Fuzz(bool isWebP, TimeSpan time, int seed)
    {
        byte[][] corpus = isWebP ? [WebP(Picture()), WebP(Picture(), isLossless: false)]
            : [Tiff(Picture(), Compression.NONE), Tiff(Picture()), Tiff(Picture(), Compression.PACKBITS), Tiff(Picture(), Compression.ADOBE_DEFLATE)];
        var random = new Random(seed);
        var (decoded, refused) = (0, 0);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            var file = corpus[random.Next(corpus.Length)].ToArray();
            for (var change = random.Next(1, 5); change > 0; change--)
                file[random.Next(8, file.Length)] = (byte)random.Next(256);
            if (random.Next(8) == 0)
                file = file[..random.Next(12, file.Length)];
            try
            {
                Decode(file, new() { MaxPixels = MaxPixels });
                decoded++;
            }
            catch (MlNetCifarException e) when (e.Code.StartsWith("MNC12", StringComparison.Ordinal))
            {
                refused++;
            }
        }

        Console.WriteLine($"{decoded} decoded, {refused} refused (seed {seed})");
        Assert.IsGreaterThan(0, decoded);
        Assert.IsGreaterThan(0, refused);
    }

    sealed class Failing : PictureCodec
    {
        public override ImageInfo ReadInfo(ReadOnlySpan<byte> file) => throw new NotSupportedException();

        public override RgbImage Decode(ReadOnlySpan<byte> file, ImageInfo info) => throw new NotSupportedException();
    }
}
