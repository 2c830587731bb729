using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.Experiments;

[TestClass]
public sealed class IdleDataTests
{
    static readonly DataFacts s_files = new(DataKind.Files, [DatasetSplit.Train], IsRemote: false, HasCache: true);
    static readonly DataFacts s_split = s_files with { Splits = [DatasetSplit.Train, DatasetSplit.Test, DatasetSplit.Validation] };
    static readonly DataFacts s_arrays = s_files with { Kind = DataKind.Arrays };
    static readonly DataFacts s_remote = s_files with { Kind = DataKind.Shards, IsRemote = true };

    /// <summary>Each rule: options that are idle on some data and have an effect on other data.</summary>
    static (OptionDescription Option, ExperimentOptions Options, DataFacts Idle, DataFacts Effective)[] Cases =>
    [
        (ExperimentTable.Split, new() { Split = 0.5 }, s_split, s_files),
        (ExperimentTable.Split, new() { Split = 0.5 }, s_files with { Splits = [DatasetSplit.Train, DatasetSplit.Validation] }, s_files),
        (ExperimentTable.ValidationSplit, new() { ValidationSplit = 0.5 }, s_split, s_files),
        (ExperimentTable.Size, new() { Size = 64 }, s_arrays, s_arrays with { Kind = DataKind.Cifar }),
        (ExperimentTable.Grey, new() { Preprocess = new() { Channels = 1 } }, s_arrays, s_files),
        (ExperimentTable.Resize, new() { Preprocess = new() { Resize = ResizeMode.CenterCrop } }, s_arrays, s_files),
        (ExperimentTable.Filter, new() { Preprocess = new() { Filter = ResizeFilter.Bicubic } }, s_arrays, s_files),
        (ExperimentTable.Median, new() { Preprocess = new() { Median = 3 } }, s_arrays, s_files),
        (ExperimentTable.Blur, new() { Preprocess = new() { Blur = 1 } }, s_arrays, s_files),
        (ExperimentTable.OnBadImage, new() { OnBadImage = OnBadImage.Fail }, s_remote, s_files),
        (ExperimentTable.OnTruncated, new() { OnTruncated = OnTruncated.Use }, s_arrays, s_files),
        (ExperimentTable.MaxPixels, new() { MaxPixels = 1000 }, s_arrays with { Kind = DataKind.Cifar }, s_files),
        (ExperimentTable.MaxFileSize, new() { MaxFileSize = 1000 }, s_arrays, s_files with { Kind = DataKind.Manifest }),
        (ExperimentTable.LabelsFrom, new() { LabelsFrom = LabelSource.Name }, s_files with { Kind = DataKind.Manifest }, s_files),
        (ExperimentTable.CacheFolder, new() { CacheFolder = "kept" }, s_files, s_remote),
        (ExperimentTable.CacheFolder, new() { CacheFolder = "kept" }, s_files with { IsRemote = true }, s_files with { HasBackbone = true }),
        (ExperimentTable.CacheLimit, new() { CacheLimit = 1000 }, s_files, s_remote),
        (ExperimentTable.CacheLimit, new() { CacheLimit = 1000 }, s_remote with { HasCache = false }, s_remote),
        (ExperimentTable.BackboneSize, new() { BackboneSize = 160 }, s_files, s_files with { HasBackbone = true }),
        (ExperimentTable.FineTune, new() { FineTune = FineTuning.All }, s_files, s_files with { HasBackbone = true }),
        (ExperimentTable.FreezeStatistics, new() { FreezeStatistics = false }, s_files, s_files with { HasBackbone = true }),
        (ExperimentTable.WorkerTimeout, new() { WorkerTimeout = TimeSpan.FromSeconds(9) }, s_files, s_files with { HasWorkers = true }),
        (ExperimentTable.Chaos, new() { Chaos = "drop:5%" }, s_files, s_files with { HasWorkers = true }),
        (ExperimentTable.JoinTimeout, new() { JoinTimeout = TimeSpan.FromSeconds(9) }, s_files, s_files with { HasWorkers = true }),
        (ExperimentTable.MaxWorkers, new() { MaxWorkers = 9 }, s_files with { MayGrow = true }, s_files with { HasWorkers = true, MayGrow = true }),
        (ExperimentTable.MaxWorkers, new() { MaxWorkers = 9 }, s_files with { HasWorkers = true }, s_files with { HasWorkers = true, MayGrow = true }),
        (ExperimentTable.WorkerSecret, new() { WorkerSecret = "a" }, s_files, s_files with { HasWorkers = true }),
        (ExperimentTable.WorkerLinks, new() { WorkerLinks = "on" }, s_files with { SumsUp = true }, s_files with { HasWorkers = true, SumsUp = true }),
        (ExperimentTable.WorkerLinks, new() { WorkerLinks = "on" }, s_files with { HasWorkers = true, SumsUp = false }, s_files with { HasWorkers = true, SumsUp = true }),
        (ExperimentTable.MaxStaleness, new() { MaxStaleness = 3 }, s_files with { BoundsStaleness = true }, s_files with { HasWorkers = true, BoundsStaleness = true }),
        (ExperimentTable.MaxStaleness, new() { MaxStaleness = 3 }, s_files with { HasWorkers = true }, s_files with { HasWorkers = true, BoundsStaleness = true }),
        (ExperimentTable.Name, new() { Name = "other" }, s_files with { Resumes = true }, s_files),
        (ExperimentTable.ExistOk, new() { ExistOk = true }, s_files with { Resumes = true }, s_files),
    ];

    [TestMethod]
    public void Find_TellsWhatHasNoEffect_AndNothingElse()
    {
        foreach (var (option, options, idle, effective) in Cases)
        {
            var found = Find(options, idle);
            Assert.AreEqual(1, found.Count(text => text.StartsWith($"{option.Option} has no effect: ", StringComparison.Ordinal)), option.Name);
            Assert.IsFalse(Find(options, effective).Any(text => text.StartsWith($"{option.Option} ", StringComparison.Ordinal)), option.Name);
            Assert.IsEmpty(Find(new(), idle), option.Name);
        }

        CollectionAssert.AreEquivalent(IdleData.Rules.Select(rule => rule.Option.Name).ToArray(), Cases.Select(c => c.Option.Name).Distinct().ToArray());
        Assert.AreEqual("Split has no effect: the data have a test split", IdleData.Find(ExperimentTable.All, new ExperimentOptions { Split = 0.5 }, s_split, asOptions: false).Single());
    }

    [TestMethod]
    public void Commands_TellWhatHasNoEffect()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        string[] train = ["train", "--data", data, "--output", folder.Runs, "--preset", "cats-dogs-cnn", "--size", "16", "--epochs", "1", "--batch-size", "8", "--threads", "1"];
        var run = Cli.Run([.. train, "--split", "0.6", "--cache-limit", "1g", "--labels-from", "folder"]).Good();
        AssertTold(run, "--split has no effect: the data have a test split", "--cache-limit has no effect: neither are shards read from elsewhere nor features of a backbone computed");
        var model = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        AssertTold(Cli.Run("evaluate", "--data", data, "--model", model, "--output", folder.Runs, "--cache-limit", "1g").Good(), "--cache-limit has no effect: neither are shards read from elsewhere nor features of a backbone computed");
        var prepared = Cli.Run("prepare", data, "--to", folder["shards"], "--size", "16", "--test-share", "0.2", "--worker-timeout", "9m").Good();
        AssertTold(prepared, "--worker-timeout has no effect: no cluster", "the share for a test split has no effect: the data have one");
        AssertTold(
            Cli.Run(["train", "--data", folder["shards"], .. train[3..7], .. train[9..], "--on-bad-image", "fail", "--max-pixels", "1m"]).Good(),
            "--on-bad-image has no effect: there are no image files", "--max-pixels has no effect");
    }

    static void AssertTold(Cli run, params string[] warnings)
    {
        foreach (var warning in warnings)
            StringAssert.Contains(run.Error, warning);
        Assert.AreEqual(warnings.Length, run.Error.Split("has no effect").Length - 1, run.Error);
    }

    static string[] Find(ExperimentOptions options, DataFacts facts) => [.. IdleData.Find(ExperimentTable.All, options, facts, asOptions: true)];
}
