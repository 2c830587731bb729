using System.Diagnostics;
using System.Text.Json;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>The programs under samples/onnx, which check a model by the pictures that it carries without this library.</summary>
[TestClass]
public sealed class SampleTests
{
    const string Python = "/usr/bin/python3";

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("check.cs")]
    [DataRow("check-mlnet.cs")]
    public void Program_PassesAndFails(string name)
    {
        using var folder = new TestFolder();
        var good = Run("dotnet", "run", "-c", "Release", Repository.File("samples", "onnx", name), "--", Export(folder, new()));
        Assert.AreEqual((0, "PASS: 16 pictures"), (good.ExitCode, good.Output[..Math.Min(17, good.Output.Length)]), good.Error);
        var bad = Run("dotnet", "run", "-c", "Release", Repository.File("samples", "onnx", name), "--", Changed(folder));
        Assert.AreEqual((3, "FAIL: 16 pictures"), (bad.ExitCode, bad.Output[..Math.Min(17, bad.Output.Length)]), bad.Error);
    }

    [TestMethod]
    public void Script_PassesAndFails()
    {
        if (!File.Exists(Python) || Run(Python, "-c", "import numpy, onnxruntime").ExitCode != 0)
            Assert.Inconclusive("There is no onnxruntime for Debian's Python on this machine.");
        using var folder = new TestFolder();
        foreach (var input in Enum.GetValues<OnnxInput>())
        {
            var good = Run(Python, Repository.File("samples", "onnx", "check.py"), Export(folder, new() { Input = input }));
            Assert.AreEqual(0, good.ExitCode, good.Output + good.Error);
        }

        Assert.AreEqual(3, Run(Python, Repository.File("samples", "onnx", "check.py"), Changed(folder)).ExitCode);
    }

    /// <summary>The script itself runs everywhere: ONNX Runtime for Python is replaced by a few lines that answer what ONNX Runtime for .NET has answered.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Script_ReadsTheProof(bool changed)
    {
        if (!File.Exists(Python) || Run(Python, "-c", "import numpy").ExitCode != 0)
            Assert.Inconclusive("There is no Debian Python with numpy on this machine.");
        using var folder = new TestFolder();
        var model = changed ? Changed(folder) : Export(folder, new());
        using (var peer = new OnnxRuntimePeer(model))
        {
            var proof = JsonDocument.Parse(peer.Metadata["proof"]).RootElement;
            var pixels = System.Buffers.Text.Base64Url.DecodeFromChars(proof.GetProperty("pixels").GetString());
            var answers = pixels.Chunk(144).ToDictionary(Convert.ToHexString, picture => peer.Run(picture, [1, 8, 6, 3], "logits"));
            File.WriteAllText(folder["answers.json"], JsonSerializer.Serialize(new { metadata = peer.Metadata, answers }));
        }

        File.WriteAllText(folder["onnxruntime.py"], StandIn);
        var result = Run(Python, Repository.File("samples", "onnx", "check.py"), model, folder.Root);
        Assert.AreEqual(changed ? 3 : 0, result.ExitCode, result.Output + result.Error);
        StringAssert.StartsWith(result.Output, changed ? "FAIL: 16" : "PASS: 16");
    }

    /// <summary>The checks of ONNX's own package, shapes inferred, for the sets of operators that it knows.</summary>
    [TestMethod]
    [DataRow(13, OnnxInput.Pixels, OnnxWeights.Float32)]
    [DataRow(15, OnnxInput.Normalized, OnnxWeights.Int8)]
    [DataRow(17, OnnxInput.Pixels, OnnxWeights.Float16)]
    public void File_IsValid(int opset, OnnxInput input, OnnxWeights weights)
    {
        const string check = "import sys, onnx; onnx.checker.check_model(sys.argv[1], full_check=True)";
        if (!File.Exists(Python) || Run(Python, "-c", "import onnx").ExitCode != 0)
            Assert.Inconclusive("Debian's python3-onnx is not installed.");
        using var folder = new TestFolder();
        var result = Run(Python, "-c", check, Export(folder, new() { Opset = opset, Input = input, Weights = weights }));
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    const string StandIn = """
        import json, os
        import numpy as np
        known = json.load(open(os.path.join(os.path.dirname(__file__), "answers.json")))
        class Named: name = "pixels"
        class About: custom_metadata_map = known["metadata"]
        class InferenceSession:
            def __init__(self, path, providers): assert os.path.exists(path)
            def get_modelmeta(self): return About
            def get_inputs(self): return [Named]
            def run(self, outputs, inputs):
                assert outputs == ["logits"] and inputs["pixels"].shape == (1, 8, 6, 3) and inputs["pixels"].dtype == np.uint8
                return [np.array([known["answers"][inputs["pixels"].tobytes().hex().upper()]], np.float32)]
        """;

    static string Export(TestFolder folder, OnnxExportOptions options)
    {
        using var model = SmallModel.Create();
        model.ExportOnnx(folder["model.onnx"], options with { Proof = SmallModel.Images(16) });
        return folder["model.onnx"];
    }

    static string Changed(TestFolder folder)
    {
        var file = OnnxReader.Read(File.ReadAllBytes(Export(folder, new())));
        OnnxTensor Other(OnnxTensor t) => t.Name == "fc2.bias" ? OnnxTensor.Of(t.Name, t.Dimensions, new float[] { 1, 2, 3 }) : t;
        File.WriteAllBytes(folder["changed.onnx"], OnnxWriter.Write(file with { Graph = file.Graph with { Initializers = [.. file.Graph.Initializers.Select(Other)] } }).ToArray());
        return folder["changed.onnx"];
    }

    static (int ExitCode, string Output, string Error) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["PYTHONPATH"] = arguments[^1];
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
