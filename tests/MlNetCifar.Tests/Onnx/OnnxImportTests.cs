using MlNetCifar.Nn;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Graphs that can be imported: the same numbers as ONNX Runtime's.</summary>
[TestClass]
public sealed class OnnxImportTests
{
    static readonly OnnxImportOptions s_plain = new() { Normalization = new([0, 0, 0], [1 / 255f, 1 / 255f, 1 / 255f]) };

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void ChainOfEverything_EqualsOnnxRuntime(int seed)
    {
        var g = new TestGraph(seed);
        g.Then("Sub", [g.Constant([1, 3, 1, 1], 120, 110, 100)]).Then("Mul", [g.Constant([], 0.02f)]).Then("Add", [g.Random(3, 8, 10)]);
        g.Then("Conv", [g.Random(6, 3, 3, 3), g.Random(6)], OnnxAttribute.Of("pads", 1, 1, 1, 1), OnnxAttribute.Of("kernel_shape", 3, 3));
        g.Then("BatchNormalization", [g.Positive(6), g.Random(6), g.Random(6), g.Positive(6)], OnnxAttribute.Of("epsilon", 0.01f));
        g.Then(seed == 0 ? "Relu" : seed == 1 ? "Tanh" : seed == 2 ? "Sigmoid" : "LeakyRelu");
        Residual(g, project: true);
        g.Then("MaxPool", OnnxAttribute.Of("kernel_shape", 3, 3), OnnxAttribute.Of("strides", 2, 2), OnnxAttribute.Of("pads", 1, 1, seed % 2, seed % 2));
        Silu(g);
        g.Then("Conv", [g.Random(5, 4, 2, 1)], OnnxAttribute.Of("strides", 1, 1)).Then("Add", [g.Random(5, 1, 1)]);
        Gelu(g, seed);
        Residual(g, project: false, channels: 5);
        g.Then("AveragePool", OnnxAttribute.Of("kernel_shape", 3, 3), OnnxAttribute.Of("strides", 2, 2), OnnxAttribute.Of("pads", 1, 1, 1, 1)).Then("Identity");
        Head(g, seed);
        Compare(g, s_plain with { Normalization = null });
    }

    [TestMethod]
    [DataRow(7, 2, 3, 3, 2, 2, 224)]
    [DataRow(3, 2, 1, 1, 0, 0, 8)]
    [DataRow(3, 2, 1, 1, 1, 1, 9)]
    [DataRow(5, 1, 2, 2, 2, 2, 7)]
    [DataRow(2, 1, 0, 0, 1, 1, 7)]
    [DataRow(3, 3, 0, 0, 0, 0, 11)]
    [DataRow(1, 2, 0, 0, 0, 0, 8)]
    public void Padding_ThatGivesTheSame_IsRead(int kernel, int stride, int top, int left, int bottom, int right, int side)
    {
        var g = Picture(side);
        g.Then("Conv", [g.Random(2, 3, kernel, kernel)], OnnxAttribute.Of("pads", top, left, bottom, right), OnnxAttribute.Of("strides", stride, stride));
        g.Then("GlobalMaxPool").Then("Flatten");
        Compare(g, s_plain);
    }

    [TestMethod]
    [DataRow("SAME_UPPER", 3, 1, 8)]
    [DataRow("SAME_UPPER", 3, 2, 9)]
    [DataRow("SAME_LOWER", 3, 2, 9)]
    [DataRow("VALID", 3, 2, 9)]
    public void AutoPad_IsRead(string kind, int kernel, int stride, int side)
    {
        var g = Picture(side);
        g.Then("Conv", [g.Random(2, 3, kernel, kernel)], OnnxAttribute.Of("auto_pad", kind), OnnxAttribute.Of("strides", stride, stride)).Then("GlobalAveragePool").Then("Flatten");
        Compare(g, s_plain);
    }

    [TestMethod]
    [DataRow(3, 2, 0, 0, 1, 1, 8)]
    [DataRow(3, 2, 1, 1, 0, 0, 9)]
    [DataRow(3, 1, 2, 2, 2, 2, 9)]
    public void Padding_ThatOursCannotGive_IsRefused(int kernel, int stride, int top, int left, int bottom, int right, int side)
    {
        var g = Picture(side);
        g.Then("Conv", [g.Random(2, 3, kernel, kernel)], OnnxAttribute.Of("pads", top, left, bottom, right), OnnxAttribute.Of("strides", stride, stride));
        g.Then("GlobalMaxPool").Then("Flatten");
        using var folder = new TestFolder();
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(folder.Write("model.onnx", g.ToBytes()), s_plain));
        Assert.AreEqual("MNC4105", error.Code);
        StringAssert.Contains(error.Message, "'conv0' (Conv)");
    }

    [TestMethod]
    [DataRow("split")]
    [DataRow("gather")]
    [DataRow("nhwc")]
    public void ChannelsInAnotherOrder_ArePutRight(string how)
    {
        var g = new TestGraph();
        if (how == "split")
        {
            g.Add(new OnnxNode("split", "Split", ["x"], ["r", "g", "b"], [OnnxAttribute.Of("axis", 1)]));
            g.Add("Concat", ["b", "g", "r"], OnnxAttribute.Of("axis", 1));
        }
        else if (how == "gather")
        {
            g.Then("Gather", [g.Ints(2, 0, 1)], OnnxAttribute.Of("axis", 1));
        }
        else
        {
            g.Input = new("x", ElementType.UInt8, [new(null, "N"), new(8), new(10), new(3)]);
            g.Then("Cast", OnnxAttribute.Of("to", 1)).Then("Div", [g.Constant([3], 50, 60, 70)]).Then("Transpose", OnnxAttribute.Of("perm", 0, 3, 1, 2));
        }

        g.Then("Sub", [g.Random(1, 3, 8, 10)]).Then("Div", [g.Constant([3, 1, 1], 10, 20, 30)]);
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten").Then("Gemm", [g.Random(3, 4)], OnnxAttribute.Of("transB", 1));
        Compare(g, s_plain with { Normalization = null });
    }

    [TestMethod]
    public void ConstantsOfManyKinds_AreRead()
    {
        var g = Picture(6);
        var half = g.Constant(new OnnxTensor("half", ElementType.Float16, [4, 3, 3, 3])
        {
            Raw = System.Runtime.InteropServices.MemoryMarshal.AsBytes(Enumerable.Range(0, 108).Select(i => (Half)((i % 7) - 3)).ToArray().AsSpan()).ToArray(),
        });
        var floats = g.Add("Cast", [half], OnnxAttribute.Of("to", 1)).Last;
        g.Last = "x";
        var conv = g.Then("Conv", [floats]).Last;
        var quantized = g.Constant(new OnnxTensor("quantized", ElementType.Int8, [4, 4, 1, 1]) { Raw = Enumerable.Range(0, 16).Select(i => (byte)(sbyte)(i - 8)).ToArray() });
        var zeros = g.Constant(new OnnxTensor("zeros", ElementType.Int8, [4]) { Raw = new byte[4] });
        var filter = g.Add("DequantizeLinear", [quantized, g.Positive(4), zeros], OnnxAttribute.Of("axis", 0)).Last;
        g.Last = conv;
        var pooled = g.Then("Conv", [filter]).Then("GlobalAveragePool").Then("Squeeze", [g.Ints(2, 3)]).Last;
        var matrix = g.Add("Transpose", [g.Random(5, 4)], OnnxAttribute.Of("perm", 1, 0)).Last;
        g.Add(new OnnxNode("bias", "Constant", [], ["bias"], [new OnnxAttribute("value", AttributeKind.Tensor) { Tensor = OnnxTensor.Of("", [5], new float[] { 1, 2, 3, 4, 5 }) }]));
        g.Last = pooled;
        g.Then("MatMul", [matrix]).Then("Add", ["bias"]).Then("Reshape", [g.Ints(1, -1)]).Then("Softmax", OnnxAttribute.Of("axis", 1));
        Compare(g, s_plain);
    }

    [TestMethod]
    public void OpenSize_IsGiven()
    {
        var g = Picture(8);
        g.Input = new("x", ElementType.Float, [new(null, "n"), new(3), new(null, "h"), new(null, "w")]);
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten");
        using var folder = new TestFolder();
        var path = folder.Write("model.onnx", g.ToBytes());
        Assert.AreEqual("MNC4108", Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(path, s_plain)).Code);
        using var model = OnnxImport.Load(path, s_plain with { Size = (7, 9) });
        Assert.AreEqual((7, 9), (model.Network.Height, model.Network.Width));
    }

    [TestMethod]
    public void Names_And_Notes_AreGiven()
    {
        var g = Picture(8);
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten").Then("Gemm", [g.Random(4, 3)]);
        var logits = g.Last;
        g.Then("Softmax");
        g.Outputs.AddRange([logits, g.Last]);
        using var folder = new TestFolder();
        var path = folder.Write("model.onnx", g.ToBytes());
        using var model = OnnxImport.Load(path, s_plain);
        CollectionAssert.AreEqual(new[] { "0", "1", "2" }, model.Classes.ToArray());
        Assert.HasCount(2, model.Notes);
        using var named = OnnxImport.Load(path, s_plain with { Output = g.Last, Classes = ["a", "b", "c"], Name = "other" });
        Assert.AreEqual("other", named.Network.Name);
        using var classifier = named.ToClassifier();
        CollectionAssert.AreEqual(new[] { "a", "b", "c" }, classifier.Classes.ToArray());
        Assert.AreEqual("MNC4111", Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(path, s_plain with { Output = "no" })).Code);
        Assert.AreEqual("MNC4112", Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(path, s_plain with { Classes = ["a"] })).Code);
    }

    static TestGraph Picture(int side) => new() { Input = new("x", ElementType.Float, [new(1), new(3), new(side), new(side)]) };

    static void Residual(TestGraph g, bool project, int channels = 6)
    {
        var start = g.Last;
        var filters = project ? 4 : channels;
        g.Then("Conv", [g.Random(filters, channels, 3, 3)], OnnxAttribute.Of("pads", 1, 1, 1, 1)).Then("Relu");
        var inner = g.Last;
        g.Then("Conv", [g.Random(filters, filters, 1, 1)]).Add("Add", [inner, g.Last]);
        var body = g.Last;
        g.Last = start;
        if (project)
            g.Then("Conv", [g.Random(filters, channels, 1, 1)]);
        g.Add("Add", project ? [g.Last, body] : [start, body]);
    }

    static void Silu(TestGraph g)
    {
        var start = g.Last;
        g.Then("Sigmoid").Add("Mul", [start, g.Last]);
    }

    static void Gelu(TestGraph g, int seed)
    {
        var start = g.Last;
        if (seed % 2 == 0)
            g.Then("Div", [g.Constant([], 1.41421356f)]);
        else
            g.Then("Mul", [g.Constant([], 0.70710678f)]);
        g.Then("Erf").Then("Add", [g.Constant([], 1)]).Add("Mul", [start, g.Last]).Then("Mul", [g.Constant([], 0.5f)]);
    }

    static void Head(TestGraph g, int seed)
    {
        if (seed % 2 == 0)
            g.Then("Flatten").Then("Gemm", [g.Random(3, 30), g.Random(3)], OnnxAttribute.Of("transB", 1));
        else
            g.Then("Reshape", [g.Ints(0, -1)]).Then("Gemm", [g.Random(30, 7)]).Then("BatchNormalization", [g.Positive(7), g.Random(7), g.Random(7), g.Positive(7)]).Then("MatMul", [g.Random(7, 3)]);
        g.Then("Mul", [g.Constant([], 0.25f)]);
    }

    /// <summary>The outputs of the import and of ONNX Runtime on the same random pictures.</summary>
    static void Compare(TestGraph g, OnnxImportOptions options)
    {
        using var folder = new TestFolder();
        var path = folder.Write("model.onnx", g.ToBytes());
        using var model = OnnxImport.Load(path, options);
        var spec = model.Network;
        var (count, size) = (4, spec.Height * spec.Width * spec.Channels);
        var pixels = new byte[count * size];
        new Random(5).NextBytes(pixels);
        var source = new ImageSet(pixels, new int[count], spec.Width, spec.Height, spec.Channels, ["any"]);
        using var peer = new OnnxRuntimePeer(path);
        var expected = new List<float>();
        for (var i = 0; i < count; i++)
            expected.AddRange(g.Input.Type == ElementType.UInt8
                ? peer.Run(pixels[(i * size)..((i + 1) * size)], [1, spec.Height, spec.Width, 3])
                : peer.Run(Planes(pixels.AsSpan(i * size, size), spec.Channels), [1, spec.Channels, spec.Height, spec.Width]));
        var softmax = model.Notes.Any(note => note.Contains("Softmax", StringComparison.Ordinal));
        var found = model.IsClassifier ? Scores(model, source, softmax) : Features(model, source);
        Assert.IsLessThan(2e-5, OnnxRuntimePeer.RelativeDifference(found, [.. expected]));
    }

    static float[] Scores(ImportedModel model, ImageSet source, bool softmax)
    {
        using var classifier = model.ToClassifier();
        return softmax ? classifier.Score(source) : classifier.Logits(source);
    }

    static float[] Features(ImportedModel model, ImageSet source)
    {
        using var extractor = model.ToFeatures();
        return extractor.Features(source);
    }

    static float[] Planes(ReadOnlySpan<byte> pixels, int channels)
    {
        var result = new float[pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
            result[(i % channels * (pixels.Length / channels)) + (i / channels)] = pixels[i];
        return result;
    }
}
