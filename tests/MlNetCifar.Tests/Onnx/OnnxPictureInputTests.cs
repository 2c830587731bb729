using System.Globalization;
using MlNetCifar.Imaging;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Models that take pictures of any size: the pixels that their graphs make, against those of our preprocessing.</summary>
[TestClass]
public sealed class OnnxPictureInputTests
{
    /// <summary>One pixel where a picture shrinks, more where a small one is enlarged.</summary>
    const int Edge = 3;

    static readonly (int Width, int Height)[] s_sizes = [(20, 16), (61, 40), (33, 120), (8, 6), (6, 8), (5, 3), (301, 200), (16, 20), (17, 17)];

    public static IEnumerable<object[]> Specs =>
    [
        [new PreprocessSpec { Width = 20, Height = 16 }],
        [new PreprocessSpec { Width = 20, Height = 16, Filter = ResizeFilter.Bicubic }],
        [new PreprocessSpec { Width = 20, Height = 16, Channels = 1 }],
        [new PreprocessSpec { Width = 16, Height = 16, Resize = ResizeMode.ShorterSideCrop, ShorterSide = 19 }],
        [new PreprocessSpec { Width = 20, Height = 16, Resize = ResizeMode.ShorterSideCrop }],
        [new PreprocessSpec { Width = 20, Height = 16, Resize = ResizeMode.FitPad, Filter = ResizeFilter.Bicubic }],
        [new PreprocessSpec { Width = 17, Height = 20, Resize = ResizeMode.FitPad, PadColor = 0x10A0FF, Channels = 1, Filter = ResizeFilter.Bicubic }],
    ];

    [TestMethod]
    [DynamicData(nameof(Specs))]
    public void Pixels_AreOurs(PreprocessSpec spec)
    {
        using var folder = new TestFolder();
        using var peer = new OnnxRuntimePeer(Export(folder, spec));
        var (random, difference) = (new Random(4), new Difference());
        foreach (var (width, height) in s_sizes)
            Compare(peer, spec, Picture(width, height, random), difference);
        Console.WriteLine($"{spec.Resize}, {spec.Filter}, {spec.Width}×{spec.Height}×{spec.Channels}: {difference}");
        difference.Check(spec);
    }

    /// <summary>A photograph's size, at 224×224.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void LargePictures_GiveOurPixels()
    {
        using var folder = new TestFolder();
        foreach (var spec in (PreprocessSpec[])[new() { Width = 224, Height = 224, Resize = ResizeMode.ShorterSideCrop, ShorterSide = 256 }, new() { Width = 224, Height = 224 }])
        {
            using var peer = new OnnxRuntimePeer(Export(folder, spec));
            var (random, difference) = (new Random(5), new Difference());
            Compare(peer, spec, Picture(500, 374, random), difference);
            Compare(peer, spec, Picture(150, 190, random), difference);
            Console.WriteLine($"{spec.Resize}, {spec.Width}×{spec.Height}: {difference}");
            difference.Check(spec);
        }
    }

    [TestMethod]
    public void Answers_AreOurs_AndTheModelComesBack()
    {
        using var folder = new TestFolder();
        using var small = SmallModel.Create();
        using var model = new ImageClassifier(small.Weights.Clone(), small.Classes, small.Preprocess with { Filter = ResizeFilter.Bicubic }, small.Normalization);
        model.ExportOnnx(folder["model.onnx"], new() { Input = OnnxInput.Pictures });
        using var peer = new OnnxRuntimePeer(folder["model.onnx"]);
        var (random, right) = (new Random(9), 0);
        for (var i = 0; i < 40; i++)
        {
            var picture = Picture(30 + i, 70 - i, random);
            var ours = model.Predict(picture, top: 3);
            long[] shape = [1, picture.Height, picture.Width, 3];
            Assert.AreEqual(ours[0].Probability, peer.Run(picture.Pixels.ToArray(), shape, "probabilities").Max(), 0.02);
            right += peer.RunTexts(picture.Pixels.ToArray(), shape, "label")[0] == ours[0].Label ? 1 : 0;
        }

        Assert.IsGreaterThanOrEqualTo(39, right);
        using var imported = OnnxImport.Load(folder["model.onnx"]);
        Assert.IsEmpty(imported.Notes, string.Join('\n', imported.Notes));
        Assert.AreEqual(model.WeightsSha256, imported.Weights.Sha256());
    }

    [TestMethod]
    public void PreprocessingWithoutAForm_IsRefused()
    {
        using var folder = new TestFolder();
        PreprocessSpec[] specs = [new() { Resize = ResizeMode.CenterCrop }, new() { Filter = ResizeFilter.Lanczos }, new() { Filter = ResizeFilter.Box }, new() { Filter = ResizeFilter.Nearest }, new() { Median = 3 }, new() { Blur = 1 }];
        foreach (var spec in specs)
            Assert.AreEqual("MNC4115", Assert.ThrowsExactly<MlNetCifarException>(() => Export(folder, spec)).Code);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Export(folder, new(), opset: 17));
        Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Root));
    }

    /// <summary>A model whose outputs begin with the pixels that its first layer takes.</summary>
    static string Export(TestFolder folder, PreprocessSpec spec, int? opset = null)
    {
        using var plain = OnnxExportTests.Random(Architectures.Create("seed-cnn", spec.Width, spec.Height, spec.Channels, 3), 1);
        using var model = new ImageClassifier(plain.Weights.Clone(), plain.Classes, spec, plain.Normalization);
        var path = folder["pixels.onnx"];
        model.ExportOnnx(path, new() { Input = OnnxInput.Pictures, Opset = opset });
        var file = OnnxReader.Read(File.ReadAllBytes(path));
        var pixels = file.Graph.Nodes.Single(node => node.Name == "scaled").Inputs[0];
        OnnxValue output = new(pixels, ElementType.Float, [new(1), new(spec.Channels), new(spec.Height), new(spec.Width)]);
        File.WriteAllBytes(path, OnnxWriter.Write(file with { Graph = file.Graph with { Outputs = [output, .. file.Graph.Outputs] } }).ToArray());
        return path;
    }

    static void Compare(OnnxRuntimePeer peer, PreprocessSpec spec, RgbImage picture, Difference difference)
    {
        var expected = new byte[spec.Length];
        new Preprocessor(spec).Apply(picture, expected);
        var found = peer.Run(picture.Pixels.ToArray(), [1, picture.Height, picture.Width, 3]);
        Assert.HasCount(expected.Length, found);
        var plane = spec.Width * spec.Height;
        for (var i = 0; i < expected.Length; i++)
        {
            var (row, column) = Math.DivRem(i / spec.Channels, spec.Width);
            var isEdge = row < Edge || column < Edge || row >= spec.Height - Edge || column >= spec.Width - Edge;
            difference.Add(found[(i % spec.Channels * plane) + (i / spec.Channels)] - expected[i], isEdge);
        }
    }

    /// <summary>Waves and noise.</summary>
    static RgbImage Picture(int width, int height, Random random)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (row, column) = Math.DivRem(i / 3, width);
            pixels[i] = (byte)Math.Clamp(128 + (80 * Math.Sin(row * 0.21) * Math.Cos(column * 0.17 * (1 + (i % 3)))) + random.Next(-60, 60), 0, 255);
        }

        return RgbImage.FromPixels(pixels, width, height);
    }

    sealed class Difference
    {
        double _sum, _inner, _edge;
        long _count;

        public void Add(double difference, bool isEdge)
        {
            difference = Math.Abs(difference);
            (_sum, _count) = (_sum + difference, _count + 1);
            if (isEdge)
                _edge = Math.Max(_edge, difference);
            else
                _inner = Math.Max(_inner, difference);
        }

        /// <summary>One step inside, two where a picture is enlarged; at the edge, where a bilinear resize repeats its pixels, more, on noise as here.</summary>
        public void Check(PreprocessSpec spec)
        {
            Assert.IsLessThanOrEqualTo(spec.Filter == ResizeFilter.Bicubic ? 1 : 2, _inner);
            Assert.IsLessThanOrEqualTo(spec.Filter == ResizeFilter.Bicubic ? 1 : 16, _edge);
            Assert.IsLessThan(spec.Filter == ResizeFilter.Bicubic ? 0.01 : 0.3, _sum / _count);
        }

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{_count:N0} values, mean {_sum / _count:G3} of 255, most {_inner}, of the outermost pixels {_edge}");
    }
}
