using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.Experiments;

/// <summary>A model is judged by pictures that it has not learned from, or the figures say that it has.</summary>
[TestClass]
public sealed class SplitRecordTests
{
    const int Images = 36;

    [TestMethod]
    public void SameData_InAnyForm_AreJudgedByTheRunsOwnTestSplit()
    {
        using var folder = new Pictures();
        var data = Different(folder);
        using var trained = Trained(folder, data);
        Assert.AreEqual("test", trained.Split);
        var tested = trained.Evaluation.Count;
        Assert.IsLessThan(Images / 2, tested);
        using (var arrays = ImageDataset.Open(data, new() { Spec = new() { Width = 16, Height = 16 } }))
            WriteArrays(arrays.Train, folder["arrays"]);
        Cli.Run("prepare", data, "--to", folder["shards"], "--size", "16", "--parts", "3").Good();
        Cli.Run("prepare", data, "--to", folder["floats"], "--size", "16", "--float32").Good();
        foreach (var form in new[] { data, folder["arrays"], folder["shards"], folder["floats"] })
        {
            foreach (var model in new[] { trained.Folder.Path, trained.Folder.Best, trained.Folder.Last })
            {
                using var result = new EvaluationExperiment(new() { Model = model, Data = form, Output = folder.Runs, Name = "again" }).Run();
                Assert.AreEqual(tested, result.Evaluation.Count, form);
                StringAssert.Contains(result.Split, $"the {tested} of {Images} not trained on");
                Assert.IsTrue(result.Warnings.Any(w => w.Contains("they are left out, as in the split of its run", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
                if (model != trained.Folder.Last)
                    Assert.AreEqual(trained.Evaluation.MicroAccuracy, result.Evaluation.MicroAccuracy, form);
            }
        }
    }

    [TestMethod]
    public void AllSeen_IsRefused_UnlessTheSplitIsAskedFor()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        using var trained = Trained(folder, data);
        string[] evaluate = ["evaluate", "--model", trained.Folder.Path, "--output", folder.Runs, "--data"];
        var refused = Cli.Run([.. evaluate, Path.Combine(data, "train")]).Bad(ExitCodes.DataRejected, "MNC9020");
        StringAssert.Contains(refused.Error, "--subset train");
        var asked = Cli.Run([.. evaluate, data, "--subset", "train"]).Good();
        StringAssert.Contains(asked.Error, "trained on ");
        StringAssert.Contains(asked.Error, "promise too much");
        StringAssert.Contains(Cli.Run([.. evaluate, Path.Combine(data, "train"), "--subset", "train"]).Good().Error, "promise too much");
        var fresh = Cli.Run([.. evaluate, data]).Good();
        StringAssert.Contains(fresh.Error, "the model was trained on none of these 12 images");
    }

    [TestMethod]
    public void SplitOfTheData_WithTrainingImages_IsWhole_AndTold()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        using var trained = Trained(folder, data);
        File.Copy(Path.Combine(data, "train", "red", "000.png"), Path.Combine(data, "test", "red", "twin.png"));
        using var result = new EvaluationExperiment(new() { Model = trained.Folder.Path, Data = data, Output = folder.Runs }).Run();
        Assert.AreEqual(13, result.Evaluation.Count);
        Assert.IsTrue(result.Warnings.Any(w => w.StartsWith("of the 13 test images the model was ", StringComparison.Ordinal) && w.Contains(" 1: ", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
    }

    [TestMethod]
    public void ModelWithoutARecord_SaysThatItCannotBeKnown()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        using var trained = Trained(folder, data);
        var alone = folder["model.safetensors"];
        File.Copy(trained.Folder.Best, alone);
        foreach (string[] images in new[] { [Path.Combine(data, "train")], new[] { data, "--subset", "train" } })
        {
            var run = Cli.Run(["evaluate", "--model", alone, "--output", folder.Runs, "--exist-ok", "--json", "--data", .. images]).Good();
            var said = run.Error.Split('\n').Single(line => line.Contains("cannot be known", StringComparison.Ordinal));
            StringAssert.StartsWith(said, "warning: whether the model was trained on some of these images cannot be known");
            using var result = JsonDocument.Parse(run.Out.Trim().Split('\n')[^1]);
            using var report = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(result.RootElement.GetProperty("report").GetString()!, ".json")));
            foreach (var json in new[] { result, report })
                Assert.AreEqual(said["warning: ".Length..].Trim(), json.RootElement.GetProperty("warnings")[0].GetString());
        }

        var test = Cli.Run("evaluate", "--model", alone, "--output", folder.Runs, "--data", data).Good();
        StringAssert.Contains(test.Error, "cannot be known");
        Assert.DoesNotContain("warning", test.Error, "a test split is meant to be new");
        File.WriteAllText(trained.Folder.File("split/train.npy"), "damaged");
        Cli.Run("evaluate", "--model", trained.Folder.Path, "--output", folder.Runs, "--data", data).Bad(ExitCodes.DataRejected, "MNC1020");
    }

    [TestMethod]
    public void Record_IsTheSplitsSorted_AndReadsBack()
    {
        using var folder = new Pictures();
        using var trained = Trained(folder, Different(folder));
        var counts = new Dictionary<string, int>();
        foreach (var file in Directory.GetFiles(trained.Folder.File("split")))
        {
            using var stream = File.OpenRead(file);
            var header = NpyHeader.Read(stream, stream.Length, file);
            Assert.AreEqual("<u8", header.Descr);
            counts.Add(Path.GetFileName(file), (int)header.Shape[0]);
        }

        Assert.AreEqual(Images, counts.Values.Sum());
        CollectionAssert.AreEquivalent(new[] { "train.npy", "validation.npy", "test.npy" }, counts.Keys);
        var record = SplitRecord.Find(trained.Folder.Path, trained.Model.WeightsSha256, LocalStorage.Instance)!;
        using var data = ImageDataset.Open(folder["photos"], new() { Spec = trained.Model.Preprocess });
        using var onDemand = ImageDataset.Open(folder["photos"], new() { Spec = trained.Model.Preprocess, DecodeOnDemand = true });
        var hashes = SourceHash.OfPictures(data.Train, 2, default);
        CollectionAssert.AreEqual(hashes, SourceHash.OfPictures(onDemand.Train, 1, default));
        foreach (var split in Enum.GetValues<DatasetSplit>())
            Assert.AreEqual(counts[$"{ShardManifest.NameOf(split)}.npy"], hashes.Count(hash => record.Has(split, hash)));
    }

    /// <summary>Three classes of one colour each, no two pictures alike.</summary>
    static string Different(Pictures folder)
    {
        for (var i = 0; i < Images; i++)
        {
            var pixels = new byte[16 * 16 * 3];
            for (var p = 0; p < pixels.Length; p++)
                pixels[p] = (byte)(p % 3 == i % 3 ? 220 : 30 + i);
            folder.Write(Path.Combine("photos", $"class{i % 3}", $"{i:000}.png"), PngEncoder.Encode(pixels, 16, 16, 3));
        }

        return folder["photos"];
    }

    static ExperimentResult Trained(Pictures folder, string data) => new Experiment(new ExperimentOptions
    {
        Data = data, Preset = "cats-dogs-cnn", Size = 16, Adjust = recipe => recipe with { Epochs = 2, BatchSize = 8, Threads = 1 }, Output = folder.Runs,
    }).Run();

    static void WriteArrays(ImageSource source, string folder)
    {
        Directory.CreateDirectory(folder);
        var pixels = new byte[source.Count * source.ImageLength];
        for (var i = 0; i < source.Count; i++)
            source.CopyPixels(i, pixels.AsSpan(i * source.ImageLength));
        File.WriteAllBytes(Path.Combine(folder, "X.npy"), [.. NpyHeader.Format("|u1", source.Count, source.Height, source.Width, source.Channels), .. pixels]);
        File.WriteAllBytes(Path.Combine(folder, "y.npy"), [.. NpyHeader.Format("|u1", source.Count), .. Enumerable.Range(0, source.Count).Select(i => (byte)source.Label(i))]);
        File.WriteAllLines(Path.Combine(folder, "labels.txt"), source.Classes);
    }
}
