using MlNetCifar.App.Cli;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.Onnx;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>The commands export and import with ONNX files.</summary>
[TestClass]
public sealed class OnnxCommandTests
{
    [TestMethod]
    public void ExportAndImport_GiveTheModelBack()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.Save(folder["model.safetensors"]);
        var export = Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["model.onnx"], "--opset", "20", "--license", "MIT", "--json").Good();
        Assert.AreEqual(model.WeightsSha256, export.Lines.Single().GetProperty("weightsSha256").GetString());
        var import = Cli.Run("import", folder["model.onnx"], "--to", folder["again.safetensors"], "--json").Good();
        Assert.AreEqual(3, import.Lines.Single().GetProperty("classes").GetInt32());
        Assert.AreEqual(0, import.Lines.Single().GetProperty("notes").GetArrayLength());
        using var again = ImageClassifier.Load(folder["again.safetensors"]);
        Assert.AreEqual(model.WeightsSha256, again.WeightsSha256);
        Assert.AreEqual(model.Network, again.Network);
    }

    [TestMethod]
    public void ModelOnABackbone_NamesItsLicence()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        Directory.CreateDirectory(folder[Path.Combine("run", "weights")]);
        model.Save(folder[Path.Combine("run", "weights", "best.safetensors")]);
        folder.Write(Path.Combine("run", "args.json"), """{ "backbone": "resnet18" }""");
        folder.Write(Path.Combine("pictures", "0.ppm"), [.. "P6 12 10 255\n"u8, .. new byte[12 * 10 * 3]]);
        string[] export = ["export", "--model", folder["run"], "--out", folder["model.onnx"], "--proof", folder["pictures"]];
        Cli.Run(export).Good();
        Assert.AreEqual("backbone resnet18: MIT (Microsoft.ML.DnnImageFeaturizer.ResNet18)", Licence());
        Cli.Run([.. export, "--license", "Apache-2.0"]).Good();
        Assert.AreEqual("Apache-2.0", Licence());
        folder.Write(Path.Combine("run", "args.json"), """{ "preset": "resnet18" }""");
        Cli.Run(export).Good();
        Assert.IsNull(Licence());

        string? Licence() => new Importer(File.ReadAllBytes(folder["model.onnx"]), "model.onnx", new()).Model.Metadata.FirstOrDefault(pair => pair.Name == "license").Value;
    }

    [TestMethod]
    public void Proof_IsCheckedByTwoEngines_AsByEach()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        var random = new Random(2);
        var pixels = new byte[2 * model.Preprocess.Length];
        random.NextBytes(pixels);
        model.ExportOnnx(folder["model.onnx"], new() { Proof = new ImageSet(pixels, new int[2], model.Network.Width, model.Network.Height, model.Network.Channels, model.Classes) });
        static float[] Other(ImageClassifier described, ImageSource pictures) => [.. described.Logits(pictures).Select(value => value + 1)];
        var (itself, engine) = ModelProof.CheckBoth(folder["model.onnx"], Other);
        Assert.AreEqual(ModelProof.Check(folder["model.onnx"]), itself);
        Assert.AreEqual(ModelProof.Check(folder["model.onnx"], Other), engine);
        Assert.IsTrue(itself.Passes);
        Assert.IsFalse(engine.Passes);
    }

    [TestMethod]
    public void SmallerWeights_MakeSmallerFiles()
    {
        using var folder = new TestFolder();
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 16, 16, 3, 10), 1);
        model.Save(folder["model.safetensors"]);
        foreach (var (name, arguments) in new[] { ("a", ""), ("b", "--half"), ("c", "--precision int8"), ("d", "--precision int8 --fold-batch-norm --input normalized") })
            Cli.Run([.. $"export --model {folder["model.safetensors"]} --format onnx --out {folder[name]} {arguments}".Split(' ', StringSplitOptions.RemoveEmptyEntries)]).Good();
        long[] lengths = [.. "abcd".Select(name => new FileInfo(folder[name.ToString()]).Length)];
        Assert.IsLessThan(lengths[0] * 0.55, lengths[1]);
        Assert.IsLessThan(lengths[0] * 0.30, lengths[2]);
        Assert.IsLessThan(lengths[0] * 0.30, lengths[3]);
    }

    [TestMethod]
    [DataRow("float32")]
    [DataRow("int8")]
    public void Proof_IsChecked(string weights)
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.Save(folder["model.safetensors"]);
        Directory.CreateDirectory(folder["pictures"]);
        var random = new Random(2);
        for (var i = 0; i < 20; i++)
        {
            var pixels = new byte[12 * 10 * 3];
            random.NextBytes(pixels);
            File.WriteAllBytes(Path.Combine(folder["pictures"], $"{i:00}.ppm"), [.. "P6 12 10 255\n"u8, .. pixels]);
        }

        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["model.onnx"], "--proof", folder["pictures"], "--precision", weights).Good();
        var good = Cli.Run("check", folder["model.onnx"]).Good();
        StringAssert.StartsWith(good.Out, "PASS: 16 pictures");
        StringAssert.Contains(good.Out, "ONNX Runtime 1.31.1: PASS: 16 pictures");
        var file = OnnxReader.Read(File.ReadAllBytes(folder["model.onnx"]));
        var changed = file with
        {
            Graph = file.Graph with { Initializers = [.. file.Graph.Initializers.Select(t => t.Name == "fc2.bias" ? OnnxTensor.Of(t.Name, t.Dimensions, new float[] { 1, 2, 3 }) : t)] },
        };
        File.WriteAllBytes(folder["changed.onnx"], OnnxWriter.Write(changed).ToArray());
        var check = Cli.Run("check", folder["changed.onnx"]);
        Assert.AreEqual(ExitCodes.DataRejected, check.ExitCode, check.Error);
        StringAssert.Contains(check.Out, "ONNX Runtime 1.31.1: FAIL at picture 1");
        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["plain.onnx"]).Good();
        Cli.Run("check", folder["plain.onnx"]).Bad(ExitCodes.DataRejected, "MNC4114");
    }

    [TestMethod]
    [DataRow("normalized")]
    [DataRow("pictures")]
    public void Proof_IsCheckedByOnnxRuntime_WhateverTheInput(string input)
    {
        using var folder = new Pictures();
        using var model = SmallModel.Create();
        model.Save(folder["model.safetensors"]);
        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["model.onnx"], "--proof", folder.Classes("pictures"), "--input", input).Good();
        StringAssert.Contains(Cli.Run("check", folder["model.onnx"]).Good().Out, "ONNX Runtime 1.31.1: PASS");
        StringAssert.Contains(Cli.Run("check", folder["model.onnx"], "--json").Good().Out, "\"onnxRuntime\":{\"version\":\"1.31.1\",\"passes\":true");
        Cli.Run("check", folder["model.onnx"], "--onnx-runtime", folder["model.safetensors"]).Bad(ExitCodes.Usage, "MNC9031");
    }

    [TestMethod]
    public void PicturesThatAGraphWouldChange_AreNotGivenToOnnxRuntime()
    {
        using var folder = new Pictures();
        using var model = SmallModel.Create(preprocess: new PreprocessSpec { Width = 6, Height = 8, Resize = ResizeMode.ShorterSideCrop, ShorterSide = 16 });
        model.Save(folder["model.safetensors"]);
        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["model.onnx"], "--proof", folder.Classes("pictures"), "--input", "pictures").Good();
        var check = Cli.Run("check", folder["model.onnx"]).Good();
        StringAssert.StartsWith(check.Out, "PASS");
        StringAssert.Contains(check.Error, "ONNX Runtime 1.31.1 was not asked: the pictures in the file are prepared already");
    }

    [TestMethod]
    public void PicturesOfTheRun_AreTheProof_WhereTheyCanBeHad()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 60);
        Cli.Run("train", "--data", data, "--preset", "seed-cnn", "--size", "16", "--epochs", "1", "--output", folder.Runs).Good();
        var (run, file) = (Path.Combine(folder.Runs, "train", "seed-cnn"), folder["photos.onnx"]);
        foreach (var target in new[] { file, folder["photos.safetensors"] })
        {
            var export = Cli.Run("export", "--model", run, "--out", target).Good();
            StringAssert.Contains(export.Error, $"proof    16 pictures of {data}");
            StringAssert.StartsWith(Cli.Run("check", target).Good().Out, "PASS: 16 pictures");
        }

        StringAssert.Contains(File.ReadAllText(file + ".md"), "seed-cnn");
        Assert.IsFalse(File.Exists(folder["photos.safetensors.md"]));

        // What carries a proof hands it on, though the numbers of smaller weights are others.
        Cli.Run("export", "--model", folder["photos.safetensors"], "--precision", "int8", "--out", folder["small.onnx"], "--no-card").Good();
        StringAssert.StartsWith(Cli.Run("check", folder["small.onnx"]).Good().Out, "PASS: 16 pictures");
        Assert.IsFalse(File.Exists(folder["small.onnx.md"]));
        Cli.Run("export", "--model", folder["photos.safetensors"], "--half", "--out", folder["half.safetensors"]).Good();
        StringAssert.StartsWith(Cli.Run("check", folder["half.safetensors"]).Good().Out, "PASS: 16 pictures");
        Cli.Run("export", "--model", run, "--out", file, "--no-proof").Good();
        Cli.Run("check", file).Bad(ExitCodes.DataRejected, "MNC4114");
        Directory.Delete(data, recursive: true);
        StringAssert.Contains(Cli.Run("export", "--model", run, "--out", file).Good().Error, "No proof is in the file: MNC1001");
        Cli.Run("export", "--model", run, "--out", file, "--data", data).Bad(ExitCodes.DataRejected, "MNC1001");
        Cli.Run("export", "--model", run, "--out", file, "--data", folder.Classes("others")).Good();
        StringAssert.StartsWith(Cli.Run("check", file).Good().Out, "PASS: 16 pictures");
    }

    [TestMethod]
    public void Pictures_NeedAnOpset()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.Save(folder["model.safetensors"]);
        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["m.onnx"], "--input", "pictures", "--opset", "17").Bad(ExitCodes.Usage, "MNC9001");
        Cli.Run("export", "--model", folder["model.safetensors"], "--out", folder["m.onnx"], "--input", "pictures").Good();
    }

    [TestMethod]
    public void WeightsAlone_AreImported()
    {
        using var folder = new TestFolder();
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 8, 8, 3, 4), 5);
        folder.Write("weights.safetensors", WeightImportTests.Weights(model));
        Cli.Run("import", folder["weights.safetensors"], "--to", folder["m.safetensors"]).Bad(ExitCodes.Usage, "MNC9001");
        var import = Cli.Run("import", folder["weights.safetensors"], "--preset", "seed-cnn", "--size", "8", "--to", folder["m.safetensors"]).Good();
        StringAssert.Contains(import.Error, "mean and deviation of ImageNet");
        using var again = ImageClassifier.Load(folder["m.safetensors"]);
        Assert.AreEqual(model.WeightsSha256, again.WeightsSha256);
        Cli.Run("import", folder["weights.safetensors"], "--preset", "seed-cnn", "--size", "8", "--mean", "0", "--std", "1", "--to", folder["n.safetensors"]).Bad(ExitCodes.Usage, "MNC4118");
        Cli.Run("import", folder["weights.safetensors"], "--preset", "resnet18", "--to", folder["m.safetensors"]).Bad(ExitCodes.DataRejected, "MNC2006");
    }

    [TestMethod]
    public void Features_AreImported()
    {
        using var folder = new TestFolder();
        var g = new TestGraph();
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten");
        folder.Write("model.onnx", g.ToBytes());
        var import = Cli.Run("import", folder["model.onnx"], "--mean", "0.4,0.5,0.6", "--std", "0.2,0.2,0.2", "--to", folder["f.safetensors"]).Good();
        StringAssert.Contains(import.Error, "4 features, no classes");
        using var features = FeatureExtractor.Load(folder["f.safetensors"]);
        Assert.AreEqual(4, features.Count);
    }

    [TestMethod]
    public void ClassNames_ComeFromAFile()
    {
        using var folder = new TestFolder();
        var g = new TestGraph();
        g.Then("Conv", [g.Random(4, 3, 3, 3)]).Then("GlobalAveragePool").Then("Flatten").Then("Gemm", [g.Random(4, 2)]);
        folder.Write("model.onnx", g.ToBytes());
        File.WriteAllText(folder["names.txt"], "cat\r\ndog\n\n");
        Cli.Run("import", folder["model.onnx"], "--mean", "0,0,0", "--std", "1,1,1", "--class-names", folder["names.txt"], "--to", folder["m.safetensors"]).Good();
        using var model = ImageClassifier.Load(folder["m.safetensors"]);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, model.Classes.ToArray());
    }

    [TestMethod]
    public void Faults_AreNamed()
    {
        using var folder = new TestFolder();
        folder.Write("model.onnx", new TestGraph().Then("LSTM").ToBytes());
        Cli.Run("import", folder["model.onnx"], "--to", folder["m.safetensors"]).Bad(ExitCodes.DataRejected, "MNC4105");
        Cli.Run("import", folder["none.onnx"], "--to", folder["m.safetensors"]).Bad(ExitCodes.DataRejected, "MNC4101");
        Cli.Run("import", folder["model.onnx"]).Bad(ExitCodes.Usage, "MNC9004");
        Cli.Run("import", folder["model.onnx"], "--to", folder["m.safetensors"], "--mean", "0,0,0").Bad(ExitCodes.Usage, "MNC9001");
        Cli.Run("import", folder["model.onnx"], "--to", folder["m.safetensors"], "--mean", "0,0").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("export", "--model", folder["none"], "--out", folder["m.onnx"], "--opset", "12").Bad(ExitCodes.Usage, "MNC9002");
        Assert.IsFalse(File.Exists(folder["m.safetensors"]));
    }
}
