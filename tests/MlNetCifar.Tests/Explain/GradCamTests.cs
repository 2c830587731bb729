using System.Text.Json;
using MlNetCifar.Explain;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Golden;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Explain;

/// <summary>Grad-CAM against PyTorch 1.13 (gradcam.py, gradcam.json), and what users rely on.</summary>
[TestClass]
public sealed class GradCamTests
{
    static readonly JsonElement s_golden = JsonDocument.Parse(
        File.ReadAllText(Repository.File("tests", "MlNetCifar.Tests", "Explain", "gradcam.json"))).RootElement;

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Maps_EqualPyTorch(int index)
    {
        var golden = s_golden[index];
        using var weights = NetworkWeights.Initialize(GoldenData.Network(golden.GetProperty("network").GetString()!), 0);
        GoldenData.Fill(weights);
        FillStatistics(weights);
        int[] classes = [.. golden.GetProperty("classes").EnumerateArray().Select(c => c.GetInt32())];
        var target = golden.GetProperty("target");
        var layer = golden.GetProperty("layer").GetString();
        using var probe = new FeatureProbe(weights, layer, 4, 2);
        var images = GoldenData.Images(golden.GetProperty("data").GetInt32(), 0).AsSpan(0, classes.Length * 16 * 16 * 3);
        var most = Classes(weights, images, classes.Length);
        var found = probe.Run(images, [.. most.Select(k => (target.ValueKind == JsonValueKind.Null ? k : target.GetInt32(), 0f))], default);
        var worst = 0.0;
        for (var i = 0; i < classes.Length; i++)
        {
            var map = GradCam.Map(found[i], probe.Maps, 16, 16);
            Assert.AreEqual(classes[i], map.Class);
            float[] expected = [.. golden.GetProperty("maps")[i].EnumerateArray().Select(v => v.GetSingle())];
            Assert.AreEqual(expected.Max() == 0, map.Degenerate);
            worst = Math.Max(worst, expected.Zip(map.Values, (a, b) => Math.Abs(a - b)).Max());
        }

        Assert.IsLessThanOrEqualTo(1e-4, worst, $"{layer}: {worst}");
        Console.WriteLine($"{golden.GetProperty("network")} {layer}: {worst:G3}");
    }

    /// <summary>Weights packed for a backward pass through all of a ResNet-18 took 550 MB for the map of one picture.</summary>
    [TestMethod]
    public void Maps_PrepareNothingBelowThemToGoBack()
    {
        using var weights = NetworkWeights.Initialize(Architectures.Create("resnet18", 64, 64, 3, 2), 0);
        using var pool = new WorkerPool(1);
        using var scoring = new Network(weights, 1, training: false, pool);
        var forward = weights.Packed.Bytes;
        using var probe = new FeatureProbe(weights, null, 1, 1);
        Assert.IsLessThan(forward, weights.Packed.Bytes - forward);
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("conv1")]
    [DataRow("conv2")]
    [DataRow("layer1.conv1")]
    public void Maps_AreEqualAloneAndInABatch(string? layer)
    {
        using var model = SmallModel.Create();
        var pixels = Pixels(7);
        using var many = new GradCam(model, layer, batchSize: 5, threads: 2);
        using var one = new GradCam(model, layer, batchSize: 1, threads: 1);
        var batch = many.Explain(pixels, 1);
        Assert.IsTrue(batch.Any(map => !map.Degenerate));
        for (var i = 0; i < batch.Count; i++)
        {
            var alone = one.Explain(pixels.AsSpan(i * 144, 144), 1)[0];
            Assert.AreEqual(alone.Degenerate, batch[i].Degenerate);
            Assert.AreEqual(0, alone.Values.Zip(batch[i].Values, (a, b) => Math.Abs(a - b)).Max(), 1e-6);
        }

        Assert.IsTrue(batch.Where(m => !m.Degenerate).Select(m => string.Join(' ', m.Values)).Distinct().Count() > 1, "one map for all images");
    }

    [TestMethod]
    public void Probability_IsThatOfPrediction()
    {
        using var model = SmallModel.Create();
        using var gradCam = new GradCam(model);
        var scores = model.Score(SmallModel.Images(4));
        var maps = gradCam.Explain(Pixels(4));
        for (var i = 0; i < 4; i++)
        {
            var row = scores.AsSpan(i * 3, 3).ToArray();
            Assert.AreEqual(Array.IndexOf(row, row.Max()), maps[i].Class);
            Assert.AreEqual(row.Max(), maps[i].Probability, 1e-5);
        }
    }

    [TestMethod]
    public void Default_IsTheLastConvolutionAndNamed()
    {
        using var model = SmallModel.Create();
        using var gradCam = new GradCam(model);
        CollectionAssert.AreEqual(new[] { "conv1", "conv2", "layer1.conv1" }, GradCam.Layers(model).ToArray());
        Assert.AreEqual("layer1.conv1", gradCam.Layer);
        Assert.AreEqual("MNC5502", Assert.ThrowsExactly<MlNetCifarException>(() => new GradCam(model, "conv9")).Code);
    }

    [TestMethod]
    public void NoConvolution_IsNamed()
    {
        using var model = Small(LossKind.SoftmaxCrossEntropy, new Flatten(), new Linear(4), new Activation(ActivationKind.Relu), new Linear(2));
        Assert.IsEmpty(GradCam.Layers(model));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new GradCam(model));
        Assert.AreEqual("MNC5501", error.Code);
        StringAssert.Contains(error.Message, "occlusion");
    }

    /// <summary>One logit z is two: −z ÷ 2 and z ÷ 2.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Sigmoid_EqualsItsSoftmaxTwin(int target)
    {
        LayerSpec[] body = [new Conv2d(4, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2), new Flatten()];
        using var one = Small(LossKind.SigmoidCrossEntropy, [.. body, new Linear(1)]);
        using var two = Small(LossKind.SoftmaxCrossEntropy, [.. body, new Linear(2)]);
        foreach (var tensor in one.Weights.Tensors)
        {
            var twin = two.Weights.Tensors.Single(t => t.Name == tensor.Name).Values;
            for (var i = 0; i < twin.Length; i++)
                twin[i] = twin.Length == tensor.Length ? tensor.Values[i] : tensor.Values[i / 2] * (i % 2 == 0 ? -0.5f : 0.5f);
        }

        two.Weights.Changed();
        using var first = new GradCam(one);
        using var second = new GradCam(two);
        var (a, b) = (first.Explain(Pixels(5), target), second.Explain(Pixels(5), target));
        Assert.IsTrue(a.Any(map => !map.Degenerate));
        for (var i = 0; i < a.Count; i++)
        {
            Assert.AreEqual(b[i].Degenerate, a[i].Degenerate);
            Assert.AreEqual(b[i].Probability, a[i].Probability, 1e-5);
            Assert.AreEqual(0, a[i].Values.Zip(b[i].Values, (x, y) => Math.Abs(x - y)).Max(), 1e-4);
        }
    }

    [TestMethod]
    public void Average_IsTheMeanOfMapsAndPictures()
    {
        var (a, b) = (Heatmap.Normalized([1, 0], 1, 2, 2, 0.5f), Heatmap.Normalized([0.5f, 1], 1, 2, 2, 0.7f));
        var map = Heatmap.Average([a, b]);
        Assert.AreEqual((1f, 2, 0.6f), (map.Values[0], map.Class, map.Probability));
        Assert.AreEqual(2 / 3.0, map.Values[1], 1e-6);
        var mean = new MeanHeatmap();
        mean.Add(a, [10, 20]);
        mean.Add(b, [20, 40]);
        CollectionAssert.AreEqual(new byte[] { 15, 30 }, mean.ToPixels());
        CollectionAssert.AreEqual(map.Values.ToArray(), mean.ToHeatmap().Values.ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => mean.Add(Heatmap.Normalized([1], 1, 1, 0, 1), [1, 2]));
    }

    [TestMethod]
    public void NothingForAClass_IsZerosAndFlagged()
    {
        using var model = SmallModel.Create();
        model.Weights.Tensors.Single(t => t.Name == "fc2.weight").Values.Clear();
        model.Weights.Changed();
        using var gradCam = new GradCam(model);
        foreach (var map in gradCam.Explain(Pixels(2)))
        {
            Assert.IsTrue(map.Degenerate);
            Assert.IsTrue(map.Values.All(v => v == 0));
        }
    }

    [TestMethod]
    public void NotFinite_IsZerosAndFlagged()
    {
        var map = Heatmap.Normalized([1, float.NaN, 2, float.PositiveInfinity], 2, 2, 0, 1);
        Assert.IsTrue(map.Degenerate);
        Assert.IsTrue(map.Values.All(v => v == 0));
    }

    [TestMethod]
    public void Features_AreRankedByContribution()
    {
        using var model = SmallModel.Create();
        using var gradCam = new GradCam(model);
        var sheet = gradCam.Features(Pixels(1), top: 4);
        Assert.HasCount(4, sheet.Channels.Distinct());
        CollectionAssert.AreEqual(sheet.Contributions.OrderDescending().ToArray(), sheet.Contributions.ToArray());
        Assert.AreEqual((204, 204), (sheet.Picture.Width, sheet.Picture.Height));
    }

    /// <summary>The running statistics of gradcam.py.</summary>
    static int[] Classes(NetworkWeights weights, ReadOnlySpan<float> images, int count)
    {
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, count, training: false, pool);
        images.CopyTo(network.Input(count));
        network.Forward(count);
        var scores = ClassScores.Probabilities(weights.Spec, network.Logits(count));
        return [.. scores.Chunk(weights.Spec.Classes).Select(row => Array.IndexOf(row, row.Max()))];
    }

    static void FillStatistics(NetworkWeights weights)
    {
        var stream = 3000;
        foreach (var tensor in weights.Tensors.Where(t => t.Name.Contains("running_", StringComparison.Ordinal)))
        {
            for (var i = 0; i < tensor.Length; i++)
                tensor.Values[i] = (float)(GoldenData.Uniform(stream, i) + (tensor.Name.EndsWith("running_var", StringComparison.Ordinal) ? 0.5 : -0.5));
            stream++;
        }

        weights.Changed();
    }

    static ImageClassifier Small(LossKind loss, params LayerSpec[] layers)
    {
        var spec = new NetworkSpec { Name = "small", Height = 8, Width = 6, Channels = 3, Classes = 2, Loss = loss, Layers = [.. layers] };
        return new ImageClassifier(NetworkWeights.Initialize(spec, 5), ["a", "b"], new PreprocessSpec { Width = 6, Height = 8 }, MlNetCifar.Normalization.None(3));
    }

    static byte[] Pixels(int count)
    {
        var pixels = new byte[count * 144];
        new Random(0).NextBytes(pixels);
        return pixels;
    }
}
