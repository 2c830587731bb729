using MlNetCifar.Files;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Graphs and files that cannot be imported: errors with a code, which name the node.</summary>
[TestClass]
public sealed class OnnxFaultTests
{
    static readonly OnnxImportOptions s_plain = new() { Normalization = Normalization.None(3) };

    static readonly Dictionary<string, (string Code, string Says, Func<TestGraph> Build)> s_faults = new()
    {
        ["foreign operator"] = ("MNC4105", "'lstm0' (LSTM)", () => Start().Then("LSTM")),
        ["foreign domain"] = ("MNC4105", "com.microsoft", () => Start().Add(new OnnxNode("n", "Conv", ["x"], ["n"], []) { Domain = "com.microsoft" })),
        ["groups"] = ("MNC4105", "group 3", () => With(g => g.Then("Conv", [g.Random(3, 1, 3, 3)], OnnxAttribute.Of("group", 3)))),
        ["dilations"] = ("MNC4105", "dilations", () => With(g => g.Then("Conv", [g.Random(3, 3, 3, 3)], OnnxAttribute.Of("dilations", 2, 2)))),
        ["two strides"] = ("MNC4105", "strides [1, 2]", () => With(g => g.Then("Conv", [g.Random(3, 3, 3, 3)], OnnxAttribute.Of("strides", 1, 2)))),
        ["unknown attribute"] = ("MNC4105", "'speed'", () => With(g => g.Then("Relu", OnnxAttribute.Of("speed", 2)))),
        ["negative padding"] = ("MNC4105", "pads", () => With(g => g.Then("Conv", [g.Random(3, 3, 3, 3)], OnnxAttribute.Of("pads", -1, 0, 0, 0)))),
        ["wrong channels"] = ("MNC4105", "for 3 channels", () => With(g => g.Then("Conv", [g.Random(3, 4, 3, 3)]))),
        ["window too large"] = ("MNC4105", "a window of 9×9", () => With(g => g.Then("Conv", [g.Random(3, 3, 9, 9)]))),
        ["filter not constant"] = ("MNC4105", "(Conv)", () => Start().Then("Relu").Add("Conv", ["x", "relu0"])),
        ["dense on picture"] = ("MNC4105", "put Flatten before it", () => With(g => g.Then("Gemm", [g.Random(3, 4)]))),
        ["matrix does not fit"] = ("MNC4105", "'gemm1' (Gemm)", () => With(g => g.Then("Flatten").Then("Gemm", [g.Random(3, 4)]))),
        ["batch norm in training"] = ("MNC4105", "training_mode 1", () => With(g => g.Then("BatchNormalization", [g.Positive(3), g.Random(3), g.Random(3), g.Positive(3)], OnnxAttribute.Of("training_mode", 1)))),
        ["padding in mean"] = ("MNC4105", "padding that counts", () => With(g => g.Then("AveragePool", OnnxAttribute.Of("kernel_shape", 3, 3), OnnxAttribute.Of("pads", 1, 1, 1, 1), OnnxAttribute.Of("count_include_pad", 1)))),
        ["three readers"] = ("MNC4106", "read by 3 nodes", () => Start().Then("Relu").Add("Tanh", ["x"]).Add("Sigmoid", ["x"]).Add("Sum", ["relu0", "tanh1", "sigmoid2"])),
        ["paths that cross"] = ("MNC4106", "do not meet", () => Start().Then("Relu").Add("Tanh", ["x"]).Add("Sigmoid", ["relu0"]).Add("Add", ["relu0", "tanh1"]).Add("Add", ["add3", "sigmoid2"])),
        ["paths put side by side"] = ("MNC4105", "the operator Concat", () => Start().Then("Relu").Add("Tanh", ["x"]).Add("Concat", ["relu0", "tanh1"], OnnxAttribute.Of("axis", 1)).Then("Relu")),
        ["product of paths"] = ("MNC4105", "a product or quotient", () => Start().Then("Relu").Add("Tanh", ["x"]).Add("Mul", ["relu0", "tanh1"])),
        ["cycle"] = ("MNC4106", "go round in a circle", () => Start().Add("Add", ["x", "relu1"]).Add("Relu", ["add0"])),
        ["value given twice"] = ("MNC4106", "gives 'a'", () => Start().Add(new OnnxNode("n", "Relu", ["x"], ["a"], [])).Add(new OnnxNode("m", "Relu", ["a"], ["a"], []))),
        ["output of nothing"] = ("MNC4106", "nothing gives", () => Output(Start().Then("Relu"), "z")),
        ["output of a constant"] = ("MNC4106", "does not depend", () => With(g => Output(g.Then("Relu"), g.Random(3)))),
        ["picture as output"] = ("MNC4106", "[N, 3, 8, 10]", () => Start().Then("Relu")),
        ["no layers"] = ("MNC4106", "no layers", () => Output(Start(), "x")),
        ["after softmax"] = ("MNC4105", "follows the Softmax", () => Start().Then("GlobalMaxPool").Then("Flatten").Then("Softmax").Then("Relu")),
        ["negative side"] = ("MNC4105", "a side of -3", () => With(g => g.Then("Conv", [g.Constant(new OnnxTensor("w", ElementType.Float, [-3, 3, 3, 3]))]))),
        ["huge side"] = ("MNC4105", "more than", () => With(g => g.Then("Conv", [g.Constant(new OnnxTensor("w", ElementType.Float, [1L << 40, 3, 3, 3]))]))),
        ["missing elements"] = ("MNC4105", "has 4 bytes", () => With(g => g.Then("Conv", [g.Constant(new OnnxTensor("w", ElementType.Float, [4000, 3, 3, 3]) { Raw = new byte[4] })]))),
        ["texts as filter"] = ("MNC4105", "of the type String", () => With(g => g.Then("Conv", [g.Constant(new OnnxTensor("w", ElementType.String, [1, 3, 1, 1]))]))),
        ["grows constants"] = ("MNC4106", "more elements", () => With(Grow)),
        ["old opset"] = ("MNC4104", "opset", () => new TestGraph { Opset = 5 }.Then("Relu")),
        ["new opset"] = ("MNC4104", "opset", () => new TestGraph { Opset = 99 }.Then("Relu")),
        ["input of texts"] = ("MNC4108", "String", () => new TestGraph { Input = new("x", ElementType.String, [new(1), new(3), new(8), new(8)]) }.Then("Relu")),
        ["flat input"] = ("MNC4108", "2 sides", () => new TestGraph { Input = new("x", ElementType.Float, [new(1), new(3)]) }.Then("Relu")),
        ["negative input"] = ("MNC4108", "-8 pixels", () => new TestGraph { Input = new("x", ElementType.Float, [new(1), new(3), new(-8), new(8)]) }.Then("Relu")),
        ["huge input"] = ("MNC4108", "pixels along a side", () => new TestGraph { Input = new("x", ElementType.Float, [new(1), new(3), new(1L << 40), new(8)]) }.Then("Relu")),
        ["four channels"] = ("MNC4108", "of 4 channels", () => new TestGraph { Input = new("x", ElementType.Float, [new(1), new(4), new(8), new(8)]) }.Then("Relu")),
        ["scale of a pixel"] = ("MNC4105", "a factor for each pixel", () => With(g => g.Then("Mul", [g.Positive(3, 8, 10)]).Then("Relu"))),
        ["block on other channels"] = ("MNC4105", "red, green, blue", () => With(g => Block(g.Then("Gather", [g.Ints(2, 1, 0)], OnnxAttribute.Of("axis", 1))))),
        ["block on a flat picture"] = ("MNC4105", "a flattened picture", () => With(g => Block(g.Then("Flatten")))),
    };

    public static IEnumerable<object[]> Faults => s_faults.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Faults))]
    public void Fault_IsNamed(string name)
    {
        var (code, says, build) = s_faults[name];
        var error = Refused(build().ToBytes(), s_plain);
        Assert.AreEqual(code, error.Code, error.Message);
        StringAssert.Contains(error.Message, says);
    }

    [TestMethod]
    public void ScalingOfPixels_MustBeKnownOnce()
    {
        var g = Start();
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten");
        Assert.AreEqual("MNC4109", Refused(g.ToBytes(), new()).Code);
        g = Start();
        g.Then("Mul", [g.Constant([], 0.1f)]).Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten");
        Assert.AreEqual("MNC4110", Refused(g.ToBytes(), s_plain).Code);
        g = Start();
        g.Then("Mul", [g.Constant([], -0.1f)]).Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten");
        Assert.AreEqual("MNC4106", Refused(g.ToBytes(), new()).Code);
    }

    [TestMethod]
    [DataRow(new byte[] { }, "it has no graph")]
    [DataRow(new byte[] { 0xFF, 0xFF }, "ends within a number")]
    [DataRow(new byte[] { 0x3A, 0x7F }, "127 bytes and 0 are left")]
    [DataRow(new byte[] { 0x00, 0x00 }, "the number 0")]
    [DataRow(new byte[] { 0x0B }, "the encoding 3")]
    [DataRow(new byte[] { 0x3A, 0, 0x3A, 0 }, "two graphs")]
    [DataRow(new byte[] { 0x38, 1 }, "expected bytes")]
    [DataRow(new byte[] { 0x12, 1, 0xFF }, "no UTF-8")]
    public void OtherBytes_AreNoOnnxFile(byte[] file, string says)
    {
        var error = Refused(file, s_plain);
        Assert.AreEqual("MNC4103", error.Code);
        StringAssert.Contains(error.Message, says);
    }

    [TestMethod]
    [DataRow(13)]
    [DataRow(14)]
    public void ExternalData_IsRefused(int field)
    {
        var tensor = new ProtoWriter();
        tensor.Ints(1, [4, 3, 3, 3]);
        tensor.Int(2, 1);
        tensor.Text(8, "weights");
        if (field == 14)
            tensor.Int(14, 1);
        else
            tensor.Message(13, entry => { entry.Text(1, "location"); entry.Text(2, "../../etc/passwd"); });
        var g = Start().Then("Conv", ["weights"]);
        var graph = new ProtoWriter();
        var file = OnnxWriter.Write(g.Model());
        for (var reader = new ProtoReader(file); reader.Next();)
            if (reader.Field == 7)
                graph.Bytes(7, [.. reader.Content.Span, 0x2A, (byte)tensor.Content.Length, .. tensor.Content.Span]);
        graph.Int(1, 8);
        graph.Message(8, opset => opset.Int(2, 13));
        var error = Refused(graph.Content.ToArray(), s_plain);
        Assert.AreEqual("MNC4107", error.Code);
        StringAssert.Contains(error.Message, "'weights'");
    }

    [TestMethod]
    public void MissingFile_IsNamed()
    {
        using var folder = new TestFolder();
        Assert.AreEqual("MNC4101", Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(folder["none.onnx"])).Code);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(folder.Write("model.onnx", Start().Then("Relu").ToBytes()), new() { Preprocessing = folder["none.onnx"] }));
        StringAssert.Contains(error.Message, "none.onnx");
    }

    static MlNetCifarException Refused(byte[] file, OnnxImportOptions options)
    {
        using var folder = new TestFolder();
        return Assert.ThrowsExactly<MlNetCifarException>(() => OnnxImport.Load(folder.Write("model.onnx", file), options));
    }

    static TestGraph Start() => new();

    static TestGraph With(Func<TestGraph, TestGraph> build) => build(new());

    static TestGraph Output(TestGraph graph, string name)
    {
        graph.Outputs.Add(name);
        return graph;
    }

    static TestGraph Block(TestGraph graph)
    {
        var start = graph.Last;
        return graph.Then("Relu").Add("Add", [start, graph.Last]).Then("Tanh");
    }

    /// <summary>Many layers that read one constant.</summary>
    static TestGraph Grow(TestGraph graph)
    {
        var filter = graph.Random(100, 100, 1, 1);
        graph.Then("Conv", [graph.Random(100, 3, 1, 1)]);
        for (var i = 0; i < 200; i++)
            graph.Then("Conv", [filter]);
        return graph.Then("GlobalMaxPool").Then("Flatten");
    }
}
