using System.Text;
using MlNetCifar.App.Cli;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.App;

/// <summary>Limits can be raised by the options that their errors name, and what stands in the way is said.</summary>
[TestClass]
public sealed class LimitTests
{
    static string ShippedModel => Repository.File("models", "cifar10-airbench94.safetensors");

    [TestMethod]
    public void MaxPixels_RefusesAndNamesItself()
    {
        using var folder = new Pictures();
        var picture = folder.Write("a.png", Png(40, 30));
        var run = Cli.Run("predict", "--model", ShippedModel, "--max-pixels", "1k", picture);
        Assert.AreEqual(ExitCodes.DataRejected, run.ExitCode);
        StringAssert.Contains(run.Error, "MNC1207");
        StringAssert.Contains(run.Error, "--max-pixels");
        Cli.Run("predict", "--model", ShippedModel, "--max-pixels", "1200", picture).Good();
        Cli.Run("image", "decode", picture, "--max-pixels", "1199", "--out", folder["a.ppm"]).Bad(ExitCodes.DataRejected, "MNC1207");
        Cli.Run("image", "decode", picture, "--out", folder["a.ppm"]).Good();
        Cli.Run("predict", "--model", ShippedModel, "--max-pixels", "0", picture).Bad(ExitCodes.Usage, "MNC9002");
    }

    [TestMethod]
    public void OnTruncated_Use_TakesWhatIsThere()
    {
        using var folder = new Pictures();
        var whole = Png(40, 30);
        var picture = folder.Write("a.png", whole[..(whole.Length * 3 / 4)]);
        var run = Cli.Run("predict", "--model", ShippedModel, picture);
        StringAssert.Contains(run.Error, "MNC1205");
        StringAssert.Contains(run.Error, "--on-truncated use");
        Cli.Run("predict", "--model", ShippedModel, "--on-truncated", "use", picture).Good();
        var data = folder.Classes("data", 3);
        File.Copy(picture, Path.Combine(data, "red", "cut.png"));
        StringAssert.Contains(Cli.Run("prepare", "--data", data, "--to", folder["one"]).Good().Error, "cut.png");
        Assert.DoesNotContain("cut.png", Cli.Run("prepare", "--data", data, "--to", folder["two"], "--on-truncated", "use").Good().Error);
    }

    [TestMethod]
    public void MaxFileSize_RefusesAndNamesItself()
    {
        using var folder = new Pictures();
        var data = folder.Classes("data", 3);
        folder.Write("data/red/large.png", Png(64, 64));
        var run = Cli.Run("prepare", "--data", data, "--to", folder["one"], "--max-file-size", "2k").Good();
        StringAssert.Contains(run.Error, "large.png");
        Assert.DoesNotContain("large.png", Cli.Run("prepare", "--data", data, "--to", folder["one"], "--max-file-size", "none").Good().Error);
        StringAssert.Contains(
            Cli.Run("prepare", "--data", data, "--to", folder["two"], "--max-file-size", "2k", "--on-bad-image", "fail").Bad(ExitCodes.DataRejected, "MNC1012").Error, "large.png");
    }

    [TestMethod]
    public void LabelsFrom_Name_ReadsAFolderOfAllImages()
    {
        using var folder = new Pictures();
        for (var i = 0; i < 6; i++)
            folder.Write($"flat/{(i % 2 == 0 ? "cat" : "dog")}.{i}.png", Png(8, 8 + i));
        StringAssert.Contains(Cli.Run("prepare", "--data", folder["flat"], "--to", folder["out"]).Bad(ExitCodes.DataRejected, "MNC1003").Error, "--labels-from name");
        Cli.Run("prepare", "--data", folder["flat"], "--to", folder["out"], "--labels-from", "name").Good();
        Assert.AreEqual("cat\ndog\n", File.ReadAllText(folder["out/labels.txt"]));
        Cli.Run("doctor", "data", folder["flat"], "--labels-from", "name", "--output", folder.Runs).Good();
    }

    [TestMethod]
    public void Config_WithAByteOrderMark_IsRead()
    {
        using var folder = new Pictures();
        var data = folder.Classes("data", 3);
        File.WriteAllText(folder["c.json"], $"{{\"to\": \"{folder["out"]}\", \"size\": \"16\"}}", new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Cli.Run("prepare", "--data", data, "--config", folder["c.json"]).Good();
        Assert.IsTrue(File.Exists(folder["out/manifest.json"]));
    }

    [TestMethod]
    public void Variables_ThatStandForNothing_AreNamed()
    {
        using var folder = new Pictures();
        var data = folder.Classes("data", 3);
        var variables = new Dictionary<string, string> { ["MLNETCIFAR_BATCHSIZE"] = "5", ["MLNETCIFAR_EPOCHS"] = "5", ["MLNETCIFAR_SIMD"] = "256", ["MLNETCIFAR_SIZE"] = "16", ["PATH"] = "x" };
        var run = Cli.Run(["prepare", "--data", data, "--to", folder["out"]], variables).Good();
        Assert.AreEqual(1, run.Error.Split('\n').Count(line => line.StartsWith("warning: the variable MLNETCIFAR_BATCHSIZE ", StringComparison.Ordinal)), run.Error);
        Assert.AreEqual(1, run.Error.Split('\n').Count(line => line.Contains("variable", StringComparison.Ordinal)), run.Error);
    }

    [TestMethod]
    public void Doctor_WhereTheReportCannotBeWritten_StillTellsWhatItFound()
    {
        using var folder = new Pictures();
        var data = folder.Classes("data", 3);
        folder.Write("data/red/bad.png", [1, 2, 3]);
        folder.Text("taken", "a file");
        var run = Cli.Run("doctor", "data", data, "--output", folder["taken"]);
        Assert.AreNotEqual(ExitCodes.Ok, run.ExitCode);
        StringAssert.Contains(run.Out, "bad.png");
        StringAssert.Contains(run.Error, "error MNC");
        var json = Cli.Run("doctor", "data", data, "--output", folder["taken"], "--json");
        Assert.IsTrue(json.Lines.Any(line => line.GetProperty("event").GetString() == "finding"));
    }

    [TestMethod]
    public void Train_IntoAFolderInUse_IsAFailureAndNoWrongUsage()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        using (RunLock.Take(Path.Combine(folder.Runs, "train", "x", "checkpoints")))
            Cli.Run("train", "--data", data, "--output", folder.Runs, "--name", "x", "--exist-ok", "--size", "16", "--epochs", "1", "--preset", "cats-dogs-cnn").Bad(ExitCodes.Failure, "MNC3014");
    }

    [TestMethod]
    public void Evaluate_OnCifarsTestFileAlone_Works()
    {
        using var folder = new Pictures();
        var records = new byte[20 * 3073];
        new Random(1).NextBytes(records);
        for (var i = 0; i < 20; i++)
            records[i * 3073] = (byte)(i % 10);
        var file = folder.Write("cifar/test_batch.bin", records);
        foreach (var path in new[] { file, folder["cifar"] })
            Assert.AreEqual(20, Cli.Run("evaluate", "--model", ShippedModel, "--data", path, "--output", folder.Runs, "--json").Good().Lines[^1].GetProperty("images").GetInt32());
    }

    [TestMethod]
    public void Predict_OnAFolder_TakesTheFilesThatTrainingTakes()
    {
        using var folder = new Pictures();
        foreach (var name in new[] { "a.jfif", "b.jpe", "sub/c.dib", "d.pbm.png", "@eaDir/x.png", ".hidden/y.png", "note.txt" })
            folder.Write($"in/{name}", Png(8, 8));
        File.CreateSymbolicLink(folder["in/sub/up"], "..");
        var run = Cli.Run("predict", "--model", ShippedModel, "--json", folder["in"]).Good();
        CollectionAssert.AreEqual(
            new[] { "a.jfif", "b.jpe", "d.pbm.png", "sub/c.dib" }, run.Lines.Select(line => Path.GetRelativePath(folder["in"], line.GetProperty("path").GetString()!)).ToArray());
    }

    static byte[] Png(int width, int height)
    {
        var pixels = new byte[3 * width * height];
        new Random(width * height).NextBytes(pixels);
        return PngEncoder.Encode(pixels, width, height, 3);
    }
}
