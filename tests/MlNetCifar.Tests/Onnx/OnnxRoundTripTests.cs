using MlNetCifar.Onnx;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Exported and imported again: the same model, to the bit.</summary>
[TestClass]
public sealed class OnnxRoundTripTests
{
    public static IEnumerable<object[]> Presets => Architectures.Names.Select(name => new object[] { name });

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Presets))]
    public void Preset_ComesBack(string name)
    {
        using var model = OnnxExportTests.Random(Architectures.Create(name, 32, 32, 3, 10), 4);
        AssertSame(model, new());
    }

    [TestMethod]
    [DataRow(OnnxInput.Pixels, 13)]
    [DataRow(OnnxInput.Pixels, 24)]
    [DataRow(OnnxInput.Normalized, 17)]
    public void CalibratedModel_ComesBack(OnnxInput input, int opset)
    {
        using var plain = SmallModel.Create();
        using var model = plain.Calibrate(SmallModel.Images(120));
        AssertSame(model, new() { Input = input, Opset = opset });
    }

    [TestMethod]
    public void Ensemble_ComesBack()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        using var model = ModelEnsemble.Average([a, b]);
        AssertSame(model, new());
    }

    [TestMethod]
    public void SigmoidAndMeanImage_ComeBack()
    {
        using var sigmoid = OnnxExportTests.Random(Architectures.Create("cats-dogs-cnn", 24, 20, 1, 2), 3);
        AssertSame(sigmoid, new());
        using var small = SmallModel.Create();
        using var image = new ImageClassifier(small.Weights.Clone(), small.Classes, small.Preprocess, Normalization.WithMeanImage([.. Enumerable.Range(0, 144).Select(i => i / 200f)], [1, 1, 1]));
        AssertSame(image, new());
        AssertSame(image, new() { Input = OnnxInput.Normalized });
    }

    [TestMethod]
    [DataRow(OnnxWeights.Float16)]
    [DataRow(OnnxWeights.Int8)]
    public void SmallerWeights_ComeBackAsWritten(OnnxWeights weights)
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.ExportOnnx(folder["a.onnx"], new() { Weights = weights, FoldBatchNorm = true });
        using var imported = OnnxImport.Load(folder["a.onnx"]);
        Assert.IsEmpty(imported.Notes);
        using var classifier = imported.ToClassifier();
        classifier.ExportOnnx(folder["b.onnx"], new() { Weights = OnnxWeights.Float32 });
        using var again = OnnxImport.Load(folder["b.onnx"]);
        Assert.AreEqual(imported.Weights.Sha256(), again.Weights.Sha256());
        using var peer = new OnnxRuntimePeer(folder["a.onnx"]);
        var pictures = SmallModel.Images(20);
        var pixels = new byte[20 * 144];
        for (var i = 0; i < 20; i++)
            pictures.CopyPixels(i, pixels.AsSpan(i * 144, 144));
        Assert.IsLessThan(1e-5, OnnxRuntimePeer.RelativeDifference(peer.Run(pixels, [20, 8, 6, 3], "logits"), classifier.Logits(pictures)));
    }

    [TestMethod]
    public void ChangedWeight_IsNotCoveredByTheDescription()
    {
        using var folder = new TestFolder();
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 8, 8, 3, 4), 4);
        model.ExportOnnx(folder["model.onnx"]);
        var file = OnnxReader.Read(File.ReadAllBytes(folder["model.onnx"]));
        var changed = file with { Graph = file.Graph with { Initializers = [.. file.Graph.Initializers.Select(Doubled)] } };
        File.WriteAllBytes(folder["model.onnx"], OnnxWriter.Write(changed).ToArray());
        using var imported = OnnxImport.Load(folder["model.onnx"]);
        StringAssert.StartsWith(imported.Notes[0], "The description in the file was not used: MNC4005");
        Assert.AreEqual(2 * model.Weights.Find("conv1.weight")!.Values[5], imported.Weights.Find("conv1.weight")!.Values[5]);

        static OnnxTensor Doubled(OnnxTensor tensor) =>
            tensor.Name == "conv1.weight" ? OnnxTensor.Of(tensor.Name, tensor.Dimensions, [.. tensor.ToFloats().Select(value => 2 * value)]) : tensor;
    }

    [TestMethod]
    public void ChangedGraph_IsNotCoveredByTheDescription()
    {
        using var folder = new TestFolder();
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 8, 8, 3, 4), 4);
        model.ExportOnnx(folder["model.onnx"]);
        var file = OnnxReader.Read(File.ReadAllBytes(folder["model.onnx"]));
        var changed = file with { Graph = file.Graph with { Nodes = [.. file.Graph.Nodes.Select(node => node.Op == "Relu" ? node with { Op = "Tanh" } : node)] } };
        File.WriteAllBytes(folder["model.onnx"], OnnxWriter.Write(changed).ToArray());
        using var imported = OnnxImport.Load(folder["model.onnx"]);
        StringAssert.Contains(imported.Notes[0], "(Tanh) is not the");
        Assert.AreEqual(new MlNetCifar.Nn.Activation(MlNetCifar.Nn.ActivationKind.Tanh), imported.Network.Layers[1]);
    }

    static void AssertSame(ImageClassifier model, OnnxExportOptions options)
    {
        using var folder = new TestFolder();
        model.ExportOnnx(folder["model.onnx"], options);
        using var imported = OnnxImport.Load(folder["model.onnx"]);
        Assert.IsEmpty(imported.Notes, string.Join('\n', imported.Notes));
        using var again = imported.ToClassifier();
        Assert.AreEqual(model.Network, again.Network);
        Assert.AreEqual(model.WeightsSha256, again.WeightsSha256);
        Assert.AreEqual(model.Normalization, again.Normalization);
        Assert.AreEqual(model.Preprocess, again.Preprocess);
        CollectionAssert.AreEqual(model.Classes.ToArray(), again.Classes.ToArray());
        Assert.AreEqual(model.Calibration?.Temperature, again.Calibration?.Temperature);
        CollectionAssert.AreEqual(model.History.ToArray(), again.History.ToArray());
        var pictures = OnnxExportTests.Pictures(model, 6);
        CollectionAssert.AreEqual(model.Logits(pictures), again.Logits(pictures));
        CollectionAssert.AreEqual(model.Score(pictures), again.Score(pictures));
    }
}
