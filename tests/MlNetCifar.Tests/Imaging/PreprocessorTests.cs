using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

[TestClass]
public sealed class PreprocessorTests
{
    const string DefaultJson =
        """{"version":1,"width":32,"height":32,"channels":3,"resize":"stretch","filter":"bilinear","shorter_side":0,"pad_color":0,"median":0,"blur":0,"apply_orientation":true,"scaled_decoding":false}""";

    [TestMethod]
    [DynamicData(nameof(GoldenPictures.Resizes), typeof(GoldenPictures))]
    public void Apply_EqualsPillow(string json, string name, string digest)
    {
        var spec = PreprocessSpec.FromJson(json);
        var result = new byte[spec.Length];
        new Preprocessor(spec).Apply(ImageDecoder.Decode(GoldenPictures.Read(name)), result);
        Assert.AreEqual(digest, GoldenPictures.Digest(result));
    }

    [TestMethod]
    public void Apply_OfTheRightSize_IsACopy()
    {
        var image = ImageDecoder.Decode(GoldenPictures.Read("jpeg-cifar.jpg"));
        foreach (var mode in Enum.GetValues<ResizeMode>())
        {
            foreach (var filter in Enum.GetValues<ResizeFilter>())
            {
                var result = new byte[3 * 32 * 32];
                new Preprocessor(new PreprocessSpec { Resize = mode, Filter = filter }).Apply(image, result);
                Assert.IsTrue(image.Pixels.SequenceEqual(result), $"{mode}, {filter}");
            }
        }
    }

    [TestMethod]
    public void Apply_WithShorterSide_EqualsResizingAllAndCutting()
    {
        var image = ImageDecoder.Decode(GoldenPictures.Read("jpeg-420.jpg"));
        foreach (var filter in Enum.GetValues<ResizeFilter>())
        {
            // 37×29 with a shorter side of 20 is 25×20; the cut starts at ((25 − 16) / 2, (20 − 16) / 2), halves to even.
            var whole = new byte[3 * 25 * 20];
            new Preprocessor(new PreprocessSpec { Width = 25, Height = 20, Filter = filter }).Apply(image, whole);
            var cut = new byte[3 * 16 * 16];
            new Preprocessor(new PreprocessSpec { Width = 16, Height = 16, Filter = filter, ShorterSide = 20, Resize = ResizeMode.ShorterSideCrop }).Apply(image, cut);
            for (var y = 0; y < 16; y++)
            {
                Assert.IsTrue(whole.AsSpan(3 * ((y + 2) * 25 + 4), 48).SequenceEqual(cut.AsSpan(48 * y, 48)), $"{filter}, row {y}");
            }
        }
    }

    [TestMethod]
    [DataRow("jpeg-420.jpg")]
    [DataRow("jpeg-progressive.jpg")]
    [DataRow("jpeg-grey.jpg")]
    [DataRow("png")]
    public void Apply_EndsWhenItIsCancelled_AndLeavesTheDecoderAsItWas(string name)
    {
        var file = name == "png" ? PngEncoder.Encode(new byte[3 * 37 * 29], 37, 29, 3) : GoldenPictures.Read(name);
        var preprocessor = new Preprocessor(new PreprocessSpec());
        byte[] expected = new byte[preprocessor.Spec.Length], found = new byte[preprocessor.Spec.Length];
        preprocessor.Apply(file, expected);
        using var stop = new CancellationTokenSource();
        preprocessor.Apply(file, found, stop.Token);
        CollectionAssert.AreEqual(expected, found);
        stop.Cancel();

        // Within the decoder, not only behind it.
        Assert.ThrowsExactly<OperationCanceledException>(() => ImageDecoder.Decode(file, DecodeOptions.Default with { Cancellation = stop.Token }));
        Assert.ThrowsExactly<OperationCanceledException>(() => preprocessor.Apply(file, found, stop.Token));
        Array.Clear(found);
        preprocessor.Apply(file, found);
        CollectionAssert.AreEqual(expected, found);
    }

    [TestMethod]
    public void Apply_AllocatesNothing()
    {
        var image = ImageDecoder.Decode(GoldenPictures.Read("jpeg-420.jpg"));
        foreach (var mode in Enum.GetValues<ResizeMode>())
        {
            var preprocessor = new Preprocessor(new PreprocessSpec { Resize = mode, Channels = 1, Width = 20, Height = 21, Median = 3, Blur = 1 });
            var result = new byte[420];
            var least = long.MaxValue;
            for (var round = 0; round < 10; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                preprocessor.Apply(image, result);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Assert.AreEqual(0, least, mode.ToString());
        }
    }

    [TestMethod]
    public void Json_IsCanonical()
    {
        Assert.AreEqual(DefaultJson, new PreprocessSpec().ToJson());
        Assert.AreEqual(GoldenPictures.Digest(System.Text.Encoding.UTF8.GetBytes(DefaultJson)), new PreprocessSpec().Hash());
    }

    [TestMethod]
    public void Json_ComesBackEqual()
    {
        var specs =
            from width in Gen.Choose(1, 500)
            from height in Gen.Choose(1, 500)
            from channels in Gen.Elements(1, 3)
            from mode in Gen.Elements(Enum.GetValues<ResizeMode>())
            from filter in Gen.Elements(Enum.GetValues<ResizeFilter>())
            from extra in Gen.Choose(0, 300)
            from median in Gen.Elements(0, 3, 5, 7)
            from blur in Gen.Choose(0, 999)
            from flags in Gen.Choose(0, 7)
            select new PreprocessSpec
            {
                Width = width,
                Height = height,
                Channels = channels,
                Resize = mode,
                Filter = filter,
                ShorterSide = extra < 100 ? 0 : Math.Max(width, height) + extra,
                PadColor = extra * 55924,
                Median = median,
                Blur = blur / 10.0,
                ApplyOrientation = (flags & 1) != 0,
                ScaledDecoding = (flags & 2) != 0,
                ScaledDecodingVersion = (flags & 6) == 6 ? 1 : 2,
            };
        Prop.ForAll(specs.ToArbitrary(), spec => PreprocessSpec.FromJson(spec.ToJson()) == spec && spec.DifferencesTo(spec).Length == 0).QuickCheckThrowOnFailure();
    }

    [TestMethod]
    [DataRow("""{"width":0}""", "size 0×32")]
    [DataRow("""{"filter":"cubic"}""", "expected nearest, box")]
    [DataRow("""{"channels":4}""", "4 channels")]
    [DataRow("""{"median":4}""", "median 4")]
    [DataRow("""{"blur":-1}""", "blur -1")]
    [DataRow("""{"version":2}""", "version 2")]
    [DataRow("""{"scaled_decoding":true,"scaled_decoding_version":3}""", "scaled decoding version 3, expected 1 or 2")]
    [DataRow("""{"width":1.5}""", "cannot be read")]
    [DataRow("[", "cannot be read")]
    public void FromJson_RefusesWhatIsInvalid(string json, string expected)
    {
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => PreprocessSpec.FromJson(json, "model.mnc"));
        Assert.AreEqual("MNC1208", e.Code);
        StringAssert.Contains(e.Message, expected);
    }

    [TestMethod]
    public void FromJson_RefusesAnUnknownPropertyByName()
    {
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => PreprocessSpec.FromJson("""{"widht":10}""", "model.mnc"));
        Assert.AreEqual(("MNC1101", "model.mnc"), (e.Code, e.Path));
        StringAssert.Contains(e.Message, "'widht'");
    }

    [TestMethod]
    public void ScaledDecoding_OfEarlierTextKeepsItsPixelsAndItsHash()
    {
        var text = DefaultJson.Replace("\"scaled_decoding\":false", "\"scaled_decoding\":true");
        var old = PreprocessSpec.FromJson(text);
        Assert.AreEqual(1, old.ScaledDecodingVersion);
        Assert.AreEqual(text, old.ToJson());
        Assert.AreEqual((64, 64), (old.ForDecoding().MinWidth, old.ForDecoding().MinHeight));
        var current = new PreprocessSpec { ScaledDecoding = true, ShorterSide = 40 };
        Assert.AreEqual((40, 40), (current.ForDecoding().MinWidth, current.ForDecoding().MinHeight));
        Assert.AreEqual((0, 0), (new PreprocessSpec().ForDecoding().MinWidth, new PreprocessSpec().ForDecoding().MinHeight));
    }

    [TestMethod]
    public void ScaledDecoding_OfAnotherVersionIsToldApart()
    {
        PreprocessSpec old = new() { ScaledDecoding = true, ScaledDecodingVersion = 1 }, current = new() { ScaledDecoding = true };
        Assert.AreNotEqual(old.Hash(), current.Hash());
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => old.RequireEqual(current, "shards"));
        Assert.AreEqual("MNC1209", e.Code);
        StringAssert.Contains(e.Message, "expects: scaled decoding version is 1 instead of 2.");
        Assert.AreEqual("scaled decoding is True instead of False", current.DifferencesTo(new PreprocessSpec()));
        Assert.AreEqual("scaled decoding is False instead of True", new PreprocessSpec().DifferencesTo(current));
        Assert.AreEqual(new PreprocessSpec().Hash(), new PreprocessSpec { ScaledDecodingVersion = 1 }.Hash(), "without scaled decoding the version says nothing");
    }

    [TestMethod]
    public void RequireEqual_NamesEveryDifference()
    {
        var found = new PreprocessSpec { Width = 64, Filter = ResizeFilter.Box };
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => found.RequireEqual(new PreprocessSpec(), "shards"));
        Assert.AreEqual("MNC1209", e.Code);
        StringAssert.Contains(e.Message, "width is 64 instead of 32, filter is box instead of bilinear");
        found.RequireEqual(found with { });
    }
}
