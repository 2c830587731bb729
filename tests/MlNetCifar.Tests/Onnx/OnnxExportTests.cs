using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.Nn;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Exported models in ONNX Runtime: the same answers as ours.</summary>
[TestClass]
public sealed class OnnxExportTests
{
    const string Deep = "resnet34";

    public static IEnumerable<object[]> Presets => Architectures.Names.Select(name => new object[] { name });

    public static IEnumerable<object[]> QuickPresets => Presets.Where(row => !row.Contains(Deep));

    [TestMethod]
    [DynamicData(nameof(QuickPresets))]
    public void Preset_EqualsOnnxRuntime(string name)
    {
        using var model = Random(Architectures.Create(name, 32, 32, 3, 10), 1);
        Compare(model, new(), 32, 1e-4);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void DeepPreset_EqualsOnnxRuntime() => Preset_EqualsOnnxRuntime(Deep);

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    [DynamicData(nameof(Presets))]
    public void Preset_EqualsOnnxRuntime_OnManyPictures(string name)
    {
        using var model = Random(Architectures.Create(name, 32, 32, 3, 10), 2);
        Compare(model, new(), 2000, 1e-4);
    }

    /// <summary>
    /// Who is right where the two differ most: the slow network in double precision decides. Both are off by rounding alone: of logits up to 1,924, as resnet34 gave with a head as wide as it is
    /// first drawn, ours by 0.006 (fast convolutions round more), ONNX Runtime's by 0.001, of which a softmax makes 0.001 of probability where two classes lie 0.8 apart.
    /// </summary>
    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    [DynamicData(nameof(Presets))]
    public void WhereTheyDifferMost_BothAreRightButForRounding(string name)
    {
        const int count = 200, classes = 10;
        using var folder = new TestFolder();
        using var model = Random(Architectures.Create(name, 32, 32, 3, classes), 2);
        model.ExportOnnx(folder["model.onnx"]);
        using var peer = new OnnxRuntimePeer(folder["model.onnx"]);
        var pictures = Pictures(model, count);
        var pixels = Pixels(model, pictures);
        float[] ours = model.Logits(pictures), theirs = peer.Run(pixels, [count, 32, 32, 3], "logits");
        var worst = Enumerable.Range(0, count).MaxBy(i => Enumerable.Range(i * classes, classes).Max(at => Math.Abs(ours[at] - theirs[at])));
        var length = model.Preprocess.Length;
        double[] scaled = [.. pixels.AsSpan(worst * length, length).ToArray().Select((v, i) => ((v / 255.0) - model.Normalization.Mean[i % 3]) / model.Normalization.Std[i % 3])];
        var values = model.Weights.Tensors.ToDictionary(t => t.Name, t => t.Values.ToArray().Select(v => (double)v).ToArray());
        var truth = new ReferenceNetwork(model.Weights, tensor => values[tensor], training: false).Logits(scaled, 1);
        var (largest, off) = (truth.Max(Math.Abs), new[] { 0.0, 0.0 });
        for (var k = 0; k < classes; k++)
            (off[0], off[1]) = (Math.Max(off[0], Math.Abs(ours[(worst * classes) + k] - truth[k])), Math.Max(off[1], Math.Abs(theirs[(worst * classes) + k] - truth[k])));
        Console.WriteLine($"{name}: of the largest logit, {largest:F2}, ours are off by {off[0] / largest:G2}, ONNX Runtime's by {off[1] / largest:G2}");
        Assert.IsLessThan(1e-5, off[0] / largest);
        Assert.IsLessThan(1e-5, off[1] / largest);
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("resnet9", 3)]
    [DataRow("cats-dogs-cnn", 2)]
    public void Ensemble_EqualsOnnxRuntime(string preset, int classes)
    {
        using var a = Random(Architectures.Create(preset, 24, 24, 3, classes), 1);
        using var b = Random(Architectures.Create(preset, 24, 24, 3, classes), 2);
        using var scaled = new ImageClassifier(b.Weights.Clone(), b.Classes, b.Preprocess, new Normalization([0.3f, 0.4f, 0.5f], [0.3f, 0.2f, 0.4f]));
        using var model = ModelEnsemble.Average([a, scaled, b], [1, 2, 0.5f]);
        Compare(model, new(), 32, 1e-4);
        Compare(model, new() { FoldBatchNorm = true, Opset = 20 }, 32, 1e-4);
    }

    [TestMethod]
    public void TwoClassesByOneOutput_EqualOnnxRuntime()
    {
        using var model = Random(Architectures.Create("cats-dogs-cnn", 24, 20, 1, 2), 3);
        Compare(model, new(), 32, 1e-4);
    }

    [TestMethod]
    [DataRow(13, false)]
    [DataRow(17, true)]
    [DataRow(20, false)]
    [DataRow(22, true)]
    [DataRow(24, false)]
    public void EveryOpset_EqualsOnnxRuntime(int opset, bool fold)
    {
        using var plain = SmallModel.Create();
        using var model = plain.Calibrate(SmallModel.Images(120));
        foreach (var input in (OnnxInput[])[OnnxInput.Pixels, OnnxInput.Normalized])
            Compare(model, new() { Opset = opset, FoldBatchNorm = fold, Input = input }, 40, 1e-5);
    }

    [TestMethod]
    [DataRow(OnnxWeights.Float16, 2e-3)]
    [DataRow(OnnxWeights.Int8, 3e-2)]
    public void SmallerWeights_AreClose_AndEqualTheirOwnImport(OnnxWeights weights, double tolerance)
    {
        using var model = SmallModel.Create();
        Compare(model, new() { Weights = weights }, 40, tolerance, ties: tolerance);
    }

    [TestMethod]
    public void RandomNetworks_EqualOnnxRuntime()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            using var model = Random(RandomNetworks.Create(seed), (ulong)seed);
            Compare(model, new() { FoldBatchNorm = seed % 2 == 0 }, 8, 1e-4);
        }
    }

    [TestMethod]
    [DataRow(OnnxInput.Pixels)]
    [DataRow(OnnxInput.Normalized)]
    public void MeanImage_IsInTheGraph(OnnxInput input)
    {
        using var model = SmallModel.Create();
        var random = new Random(8);
        var scaling = Normalization.WithMeanImage([.. Enumerable.Range(0, 8 * 6 * 3).Select(_ => random.NextSingle())], [0.2f, 0.3f, 0.4f]);
        using var other = new ImageClassifier(model.Weights.Clone(), model.Classes, model.Preprocess, scaling);
        Compare(other, new() { Input = input }, 40, 1e-5);
    }

    [TestMethod]
    public void Metadata_SayWhatTheModelIs()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.ExportOnnx(folder["model.onnx"], new() { License = "MIT" });
        using var peer = new OnnxRuntimePeer(folder["model.onnx"]);
        CollectionAssert.AreEqual(new[] { "logits", "probabilities", "label" }, peer.Outputs.ToArray());
        Assert.AreEqual("""{"0":"a","1":"b","2":"ç"}""", peer.Metadata["names"]);
        Assert.AreEqual("MIT", peer.Metadata["license"]);
        Assert.AreEqual(model.Preprocess.Hash(), peer.Metadata["preprocess_sha256"]);
        Assert.AreEqual("[0.4,0.5,0.6]", peer.Metadata["mean"]);
        Assert.AreEqual(model.WeightsSha256, peer.Metadata["weights_sha256"]);
        Assert.AreEqual(model.TrainingSettings.Length > 0, peer.Metadata.ContainsKey("training_sha256"));
        using var unknown = new ImageClassifier(model.Weights.Clone(), model.Classes, model.Preprocess, model.Normalization);
        unknown.ExportOnnx(folder["unknown.onnx"]);
        using var other = new OnnxRuntimePeer(folder["unknown.onnx"]);
        Assert.IsFalse(other.Metadata.ContainsKey("training_sha256"), "nothing is known of its training");
    }

    [TestMethod]
    public void LayersFromOutside_AreRefused()
    {
        using var folder = new TestFolder();
        var spec = new NetworkSpec
        {
            Name = "own", Height = 4, Width = 4, Channels = 3, Classes = 2, Layers = [new Conv2d(4, 3), new CustomLayers.GroupNorm(2), new GlobalPool(PoolKind.Max), new Linear(2)],
        };
        using var model = Random(spec, 1);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => model.ExportOnnx(folder["model.onnx"]));
        Assert.AreEqual("MNC2009", error.Code);
        StringAssert.Contains(error.Message, "2 (group_norm)");
        Assert.IsFalse(File.Exists(folder["model.onnx"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.ExportOnnx(folder["model.onnx"], new() { Opset = 12 }));
    }

    [TestMethod]
    public void FlattenedPictures_InAnotherOrder_AreRefused()
    {
        using var folder = new TestFolder();
        LayerSpec[][] networks =
        [
            [new Flatten(), new Residual(new Linear(48)), new Linear(2)], [new Flatten(), new Conv2d(4, 1), new Linear(2)], [new Flatten(), new GlobalPool(PoolKind.Max), new Linear(2)],
            [new Residual([new Flatten()], [new Flatten()]), new Linear(2)], [new Flatten(), new Flatten(), new Linear(2)],
        ];
        foreach (var layers in networks)
        {
            using var model = Random(new() { Name = "odd", Height = 4, Width = 4, Channels = 3, Classes = 2, Layers = [.. layers] }, 1);
            Assert.AreEqual("MNC2009", Assert.ThrowsExactly<MlNetCifarException>(() => model.ExportOnnx(folder["model.onnx"])).Code);
        }
    }

    /// <summary>
    /// A model whose tensors are all different from their first zeros and ones, and whose logits are as large as a trained one's: unscaled, they grow with depth, and a softmax of
    /// thousands tells of ties only.
    /// </summary>
    internal static ImageClassifier Random(NetworkSpec spec, ulong seed)
    {
        var weights = NetworkWeights.Initialize(spec, seed);
        var random = new SplitRandom(seed, RandomPurpose.Shuffle);
        foreach (var tensor in weights.Tensors.Where(t => t.Dimensions.Length == 1))
            foreach (ref var value in tensor.Values)
                value = tensor.Name.EndsWith("running_var", StringComparison.Ordinal) ? 0.5f + random.NextSingle() : value + (0.2f * (random.NextSingle() - 0.5f));
        foreach (var matrix in weights.Tensors.Where(t => t.Dimensions.Length == 2 && !t.Values.ContainsAnyExcept(0)))
            foreach (ref var value in matrix.Values)
                value = (random.NextSingle() - 0.5f) / MathF.Sqrt(matrix.Dimensions[0]);
        weights.Changed();
        float[] mean = [0.4f, 0.5f, 0.6f], std = [0.2f, 0.3f, 0.25f];
        var model = new ImageClassifier(
            weights, [.. Enumerable.Range(0, spec.Classes).Select(i => $"class {i}")], new PreprocessSpec { Width = spec.Width, Height = spec.Height, Channels = spec.Channels },
            new Normalization(mean[..spec.Channels], std[..spec.Channels]));
        if (weights.Nodes.LastOrDefault(node => node.Layer is Linear) is not { } head)
            return model;
        var factor = 10 / model.Logits(Pictures(model, 8)).Max(Math.Abs);
        var scaled = weights.Clone();
        foreach (var tensor in scaled.Tensors.Where(t => t.Name.StartsWith($"{head.WeightName}.", StringComparison.Ordinal)))
            foreach (ref var value in tensor.Values)
                value *= factor;
        scaled.Changed();
        using (model)
            return model.WithWeights(scaled);
    }

    /// <summary>Random pictures of a model.</summary>
    internal static ImageSet Pictures(ImageClassifier model, int count)
    {
        var pixels = new byte[count * model.Preprocess.Length];
        new Random(6).NextBytes(pixels);
        return new ImageSet(pixels, new int[count], model.Network.Width, model.Network.Height, model.Network.Channels, model.Classes);
    }

    static byte[] Pixels(ImageClassifier model, ImageSet pictures)
    {
        var pixels = new byte[pictures.Count * model.Preprocess.Length];
        for (var i = 0; i < pictures.Count; i++)
            pictures.CopyPixels(i, pixels.AsSpan(i * model.Preprocess.Length, model.Preprocess.Length));
        return pixels;
    }

    static void Compare(ImageClassifier model, OnnxExportOptions options, int count, double tolerance, double ties = 1e-5)
    {
        using var folder = new TestFolder();
        model.ExportOnnx(folder["model.onnx"], options);
        using var peer = new OnnxRuntimePeer(folder["model.onnx"]);
        var pictures = Pictures(model, count);
        var (spec, classes) = (model.Network, model.Classes.Length);
        var pixels = Pixels(model, pictures);
        float[] logits, probabilities;
        string[] labels;
        if (options.Input == OnnxInput.Pixels)
        {
            long[] shape = [count, spec.Height, spec.Width, spec.Channels];
            (logits, probabilities, labels) = (peer.Run(pixels, shape, "logits"), peer.Run(pixels, shape, "probabilities"), peer.RunTexts(pixels, shape, "label"));
        }
        else
        {
            long[] shape = [count, spec.Channels, spec.Height, spec.Width];
            var floats = Scaled(model, pixels);
            (logits, probabilities, labels) = (peer.Run(floats, shape, "logits"), peer.Run(floats, shape, "probabilities"), peer.RunTexts(floats, shape, "label"));
        }

        var ours = model.Logits(pictures);
        var scores = new float[ours.Length];
        (model.Calibration?.Scaling ?? TemperatureScalingNone).Apply(ours, classes, scores);
        var (most, differing) = (0.0, 0);
        for (var i = 0; i < count; i++)
        {
            var row = ours.AsSpan(i * classes, classes);
            for (var k = 0; k < classes; k++)
                most = Math.Max(most, Math.Abs(scores[(i * classes) + k] - probabilities[(i * classes) + k]));
            var best = Best(row);
            var found = model.Classes.IndexOf(labels[i]);
            Assert.AreEqual(Best(logits.AsSpan(i * classes, classes)), found);
            if (found != best)
                differing += scores[(i * classes) + best] - scores[(i * classes) + found] > 2 * ties ? 1 : 0;
        }

        var relative = OnnxRuntimePeer.RelativeDifference(logits, ours);
        Console.WriteLine($"{spec.Name}, {count} pictures: probabilities differ by {most:G3} at most, logits by {relative:G3} of the largest");
        Assert.IsLessThan(options.Weights == OnnxWeights.Float32 ? 1e-5 : 0.1, relative);
        Assert.IsLessThan(tolerance, most);
        Assert.AreEqual(0, differing);
    }

    static MlNetCifar.Inference.TemperatureScaling TemperatureScalingNone => MlNetCifar.Inference.TemperatureScaling.None;

    static int Best(ReadOnlySpan<float> row)
    {
        var best = 0;
        for (var k = 1; k < row.Length; k++)
            if (row[k] > row[best])
                best = k;
        return best;
    }

    /// <summary>Scaled pictures, [N, C, H, W].</summary>
    static float[] Scaled(ImageClassifier model, byte[] pixels)
    {
        var (length, channels) = (model.Preprocess.Length, model.Network.Channels);
        var result = new float[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (image, at) = Math.DivRem(i, length);
            result[(image * length) + (at % channels * (length / channels)) + (at / channels)] =
                (float)(((pixels[i] / 255.0) - model.Normalization.Mean[at % channels]) / model.Normalization.Std[at % channels]);
        }

        return result;
    }
}
