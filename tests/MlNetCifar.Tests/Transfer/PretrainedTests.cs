using MlNetCifar.Imaging;
using MlNetCifar.Pretrained;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Transfer;

/// <summary>The backbone that lies beside the program.</summary>
[TestClass]
public sealed class PretrainedTests
{
    [TestMethod]
    public void ResNet18_IsBesideTheProgram_WithItsLicence()
    {
        var backbones = new PretrainedBackbones();
        Assert.IsTrue(backbones.IsHere("resnet18"));
        StringAssert.Contains(backbones.LicenceOf("resnet18"), "MIT");
        StringAssert.Contains(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "backbones", "ResNet18.LICENSE")), "MIT");
        using var backbone = backbones.Open("resnet18");
        Assert.AreEqual(512, backbone.Count);
        Assert.AreEqual(backbone.Preprocess, backbones.PreprocessOf("resnet18"));
        Assert.IsNull(backbones.PreprocessOf("resnet50"));
        Assert.AreEqual((224, 224, 3), (backbone.Preprocess.Width, backbone.Preprocess.Height, backbone.Preprocess.Channels));

        // Grey pictures are colour pictures without colour, and one pixel is a picture.
        byte[] grey = [.. Enumerable.Range(0, 40 * 30).Select(i => (byte)(i * 7))];
        var colour = backbone.Features(Decoded(backbone, PngEncoder.Encode([.. grey.SelectMany(v => new[] { v, v, v })], 40, 30, 3)), new TransferOptions());
        CollectionAssert.AreEqual(colour, backbone.Features(Decoded(backbone, PngEncoder.Encode(grey, 40, 30, 1)), new TransferOptions()));
        var one = backbone.Features(Decoded(backbone, PngEncoder.Encode([200, 10, 10], 1, 1, 3)), new TransferOptions());
        Assert.IsTrue(one.All(float.IsFinite) && one.Any(v => v != 0));
        CollectionAssert.AreNotEqual(colour, one);
    }

    [TestMethod]
    public void NoNativeBinary_ComesWithIt()
    {
        var pretrained = typeof(PretrainedBackbones).Assembly.GetReferencedAssemblies().Select(name => name.Name!).ToArray();
        Assert.IsFalse(pretrained.Any(name => name.StartsWith("Microsoft.ML", StringComparison.Ordinal)), string.Join(", ", pretrained));
        var project = File.ReadAllText(TestKit.Repository.File("src", "MlNetCifar.Pretrained", "packages.lock.json"));
        Assert.DoesNotContain("Microsoft.ML", project);
    }

    [TestMethod]
    public void MissingAndOtherFiles_AreNamed()
    {
        using var folder = new Pictures();
        var backbones = new PretrainedBackbones(folder.Root);
        Assert.IsFalse(backbones.IsHere("resnet18"));
        var missing = Assert.ThrowsExactly<MlNetCifarException>(() => backbones.Open("resnet18"));
        Assert.AreEqual(("MNC3105", folder["ResNet18.onnx"]), (missing.Code, missing.Path));
        folder.Text("ResNet18.onnx", "another file");
        folder.Text("ResNetPreprocess.onnx", "another file");
        Assert.IsTrue(backbones.IsHere("resnet18"));
        var other = Assert.ThrowsExactly<MlNetCifarException>(() => backbones.Open("resnet18"));
        Assert.AreEqual("MNC3106", other.Code);
        Assert.ThrowsExactly<ArgumentException>(() => backbones.Open("resnet50"));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Train_KilledInTheFeaturePass_GoesOnBitIdentically()
    {
        using var folder = new Pictures();
        string[] train = ["train", "--data", folder.Classes("photos", 60), "--backbone", "resnet18", "--split", "0.9", "--val-split", "0", "--output", folder.Runs];
        string[] cached = [.. train, "--cache", folder["cache"]];
        using (var killed = new ProgramProcess([.. cached, "--name", "killed"]))
        {
            killed.Until(() => Parts() > 0, "a part");
            killed.Signal("KILL");
            killed.Exit();
        }

        Assert.IsFalse(File.Exists(Path.Combine(folder.Runs, "train", "killed", "report.html")));
        var kept = Parts();
        Assert.IsLessThan(4, kept);
        using var resumed = new ProgramProcess(["train", "--resume", Path.Combine(folder.Runs, "train", "killed")]);
        Assert.AreEqual(0, resumed.Exit(), resumed.Log);
        using var whole = new ProgramProcess([.. train, "--cache", "none", "--name", "whole"]);
        Assert.AreEqual(0, whole.Exit(), whole.Log);
        Assert.AreEqual(Weights(whole), Weights(resumed));

        int Parts() => Directory.Exists(folder["cache"]) ? Directory.EnumerateFiles(folder["cache"], "*.features", SearchOption.AllDirectories).Count() : 0;
    }

    static string Weights(ProgramProcess run) => run.Log.Split('\n').Single(line => line.StartsWith("weights", StringComparison.Ordinal)).Split("SHA-256 ")[1].Trim();

    static ImageSet Decoded(FeatureExtractor backbone, byte[] file)
    {
        var pixels = new byte[backbone.Preprocess.Length];
        new Preprocessor(backbone.Preprocess).Apply(file, pixels);
        return new ImageSet(pixels, [0], 224, 224, 3, ["a", "b"]);
    }
}
