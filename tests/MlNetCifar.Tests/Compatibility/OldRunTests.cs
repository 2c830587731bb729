using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using MlNetCifar.Data;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>Runs and shards of version 0.1.0: interrupted training ends in the weights that it ended in then, and pictures are the same.</summary>
[TestClass]
public sealed class OldRunTests
{
    [TestMethod]
    [DataRow(
        "small", 22, 36,
        "c2f2592e3d1b4523ed40880d4ebe55254400dcc86e6afdad0237eaf5bccb009c", "0055d8cc2c8dbf709b918c4b507c4f3a7c99be7c7bd0df623de0964ddfec0731")]
    [DataRow(
        "frozen", 15, 24,
        "dcd252cf572128e7eba2a6c65763b31257c1c39e9254997a7e3ea6dc156b54bc", "dcd252cf572128e7eba2a6c65763b31257c1c39e9254997a7e3ea6dc156b54bc")]
    public void Checkpoint_GoesOnToTheSameWeights(string name, int from, int steps, string last, string best)
    {
        OldFiles.RequireWidth(SimdWidth.Bits256);
        using var folder = new TestFolder();
        OldFiles.Copy(OldFiles.At("checkpoints", name), folder.Root);
        var header = Header(Path.Combine(folder.Root, "last.ckpt"));
        var trainer = new Trainer(header.ReadNetwork("last.ckpt"), header.ReadOptions("last.ckpt") with { Threads = 2 })
        {
            Checkpoints = new CheckpointOptions { Folder = folder.Root, Resume = true },
        };
        var (train, validation) = name == "small"
            ? (OldFiles.Pictures(60, 8, 21), OldFiles.Pictures(24, 8, 22))
            : (OldFiles.Pictures(48, 8, 31), OldFiles.Pictures(18, 8, 32));
        var result = trainer.Fit(train, validation);
        using (result.Weights)
        {
            Assert.IsEmpty(result.Warnings, string.Join('\n', result.Warnings));
            Assert.AreEqual((from, steps), ((int)result.ResumedFrom!, (int)result.Steps));
            Assert.AreEqual((last, best), (result.LastWeightsSha256, result.WeightsSha256));
        }
    }

    [TestMethod]
    public void Run_GoesOnFromItsFolder()
    {
        OldFiles.RequireWidth(SimdWidth.Bits256);
        using var folder = new TestFolder();
        var run = Path.Combine(folder.Root, "run");
        OldFiles.Copy(OldFiles.At("run"), run);
        Cli.Run("train", "--resume", run, "--data", OldFiles.At("pictures")).Good();
        using var best = ImageClassifier.Load(Path.Combine(run, "weights", "best.safetensors"));
        using var last = ImageClassifier.Load(Path.Combine(run, "weights", "last.safetensors"));
        Assert.AreEqual("11bb18b33414810fb4a99e3885de98f12ab05d4a8194eede8d00080263020b75", best.WeightsSha256);
        Assert.AreEqual("05e8fcd0150a01d28f0f6bc46dbcc0c50e4869e9069d77f6ffe9bdbd445d9fde", last.WeightsSha256);
        Cli.Run("compare", run, OldFiles.At("evaluated")).Good();
    }

    [TestMethod]
    public void Run_LeavesItsBestModel()
    {
        using var model = SavedRun.LoadBest(OldFiles.At("run", "checkpoints"), new PreprocessSpec { Width = 4, Height = 4 });
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, model.Classes);
        Assert.AreEqual((1, 1), (model.BestEpoch, model.History.Count));
    }

    [TestMethod]
    [DataRow("bytes", DatasetSplit.Train, 16, "e72d6eb75abe33c4c5085b515cb249e26513b1a55e03981860a937322d376d75")]
    [DataRow("bytes", DatasetSplit.Validation, 4, "5a098ca5ccf94d821684d6b199c7a56d019890b90fd64d484f6197231a42d8ea")]
    [DataRow("bytes", DatasetSplit.Test, 12, "7113f4c945aef3547067f5f7a5d291c21605dd58c38f7cf89b55eb75be4ccdd5")]
    [DataRow("floats", DatasetSplit.Train, 20, "068418aad02cabbef19d21e2496e4164f01a8b8ea04181c0edab7c45aaf13979")]
    [DataRow("floats", DatasetSplit.Test, 12, "b8b1d3057fa0de01bf67fd974ad343b373842732e7b8e50c2b3e7caef75f5820")]
    public void Shards_HoldTheSamePictures(string name, DatasetSplit split, int count, string sha256)
    {
        using var shards = ImageDataset.Open(OldFiles.At("shards", name));
        var source = shards.Get(split);
        Assert.AreEqual((count, sha256), (source.Count, Contents(source)));
        var hash = JsonNode.Parse(File.ReadAllText(OldFiles.At("shards", name, "train", "manifest.json")))!["preprocess_sha256"]!.GetValue<string>();
        Assert.AreEqual(hash, shards.Spec!.Hash(), "parts are known again by the specification's hash");
    }

    [TestMethod]
    public void Shards_AreKnownAgainByPrepare()
    {
        using var folder = new TestFolder();
        OldFiles.Copy(OldFiles.At("pictures"), Path.Combine(folder.Root, "pictures"));
        var picture = Directory.GetFiles(Path.Combine(folder.Root, "pictures", "train", "cat")).Order(StringComparer.Ordinal).First();
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(picture)!, "broken.jpg"), File.ReadAllBytes(picture)[..300]);
        var shards = Path.Combine(folder.Root, "shards");
        OldFiles.Copy(OldFiles.At("shards", "bytes"), shards);
        string[] how = ["--size", "8x6", "--filter", "lanczos", "--parts", "2", "--val-share", "0.2", "--seed", "2"];
        var again = Cli.Run(["prepare", "--data", Path.Combine(folder.Root, "pictures"), .. how, "--to", shards]).Good();
        StringAssert.Contains(again.Out + again.Error, "0 parts written, 6 kept");
    }

    static CheckpointHeader Header(string path)
    {
        using var stream = File.OpenRead(path);
        return CheckpointHeader.Read(CheckpointFile.Verify(stream), path);
    }

    static string Contents(ImageSource source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var pixels = new byte[source.ImageLength];
        for (var i = 0; i < source.Count; i++)
        {
            source.CopyPixels(i, pixels);
            hash.AppendData(pixels);
            hash.AppendData(BitConverter.GetBytes(source.Label(i)));
            hash.AppendData(Encoding.UTF8.GetBytes($"{source.Name(i)}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
