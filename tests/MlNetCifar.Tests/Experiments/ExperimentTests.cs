using System.Text.Json;
using MlNetCifar.Experiments;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.Experiments;

[TestClass]
public sealed class ExperimentTests
{
    static Func<TrainingOptions, TrainingOptions> Short => recipe => recipe with { Epochs = 2, BatchSize = 8, Threads = 1 };

    [TestMethod]
    public void Run_LeavesWhatTheProgramLeaves()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        var program = Cli.Run(
            "train", "--data", data, "--output", folder["program"], "--preset", "cats-dogs-cnn", "--size", "16", "--epochs", "2", "--batch-size", "8",
            "--threads", "1", "--json").Good();
        using var result = new Experiment(new ExperimentOptions { Data = data, Preset = "cats-dogs-cnn", Size = 16, Adjust = Short, Output = folder["library"] }).Run();
        Assert.AreEqual(program.Lines[^1].GetProperty("weightsSha256").GetString(), result.Model.WeightsSha256);
        Assert.AreEqual(program.Lines[^1].GetProperty("lastWeightsSha256").GetString(), result.LastWeightsSha256);
        var other = Path.Combine(folder["program"], "train", "cats-dogs-cnn");
        CollectionAssert.AreEqual(Files(other), Files(result.Folder.Path));
        foreach (var file in new[] { "predictions.csv", "per_class.csv", "labels.txt" })
            Assert.AreEqual(File.ReadAllText(Path.Combine(other, file)), File.ReadAllText(result.Folder.File(file)), file);
        CollectionAssert.AreEquivalent(Arguments(other).Except(["lr-find", "listen", "worker-path", "ship-worker"]).ToArray(), Arguments(result.Folder.Path).ToArray());
        Assert.AreEqual((StopReason.Completed, "test", 2, 12L), (result.StopReason, result.Split, result.History.Count, result.Evaluation.Count));
    }

    [TestMethod]
    public void Arguments_LoadedAgain_RepeatTheRun()
    {
        using var folder = new Pictures();
        var options = new ExperimentOptions
        {
            Data = folder.Splits(), Preset = "cats-dogs-cnn", Size = 16, Adjust = recipe => Short(recipe) with { Seed = 7, TimeBudget = null }, Augment = "none",
            Output = folder.Runs, CacheFolder = null, CacheLimit = null, CheckpointTime = null,
        };
        using var first = new Experiment(options).Run();
        var again = ExperimentOptions.Load(first.Folder.File("args.json"));
        Assert.AreEqual(options with { Adjust = null, CacheFolder = "none", Name = null }, again with { Adjust = null });
        using var second = new Experiment(again).Run();
        Assert.AreEqual(first.Model.WeightsSha256, second.Model.WeightsSha256);
        Assert.AreEqual("cats-dogs-cnn2", second.Folder.Name);
    }

    [TestMethod]
    public void Observers_SeeEveryStageInOrder()
    {
        using var folder = new Pictures();
        var (seen, experiment) = (new Seen(), Small(folder));
        experiment.Observers.Add(seen);
        experiment.TrainingObservers.Add(seen);
        experiment.Run().Dispose();
        ExperimentStage[] stages = [ExperimentStage.Reading, ExperimentStage.Training, ExperimentStage.Evaluating, ExperimentStage.Reporting];
        CollectionAssert.AreEqual(stages.SelectMany(s => new[] { $"{s} begins", $"{s} ends" }).ToArray(), seen.Stages);
        CollectionAssert.IsSubsetOf(new[] { "data", "network", "run" }, seen.Subjects);
        Assert.AreEqual(2, seen.Epochs);
        Assert.IsTrue(seen.Shares.TryGetValue(ExperimentStage.Training, out var share) && share is >= 0 and <= 1);
    }

    [TestMethod]
    public void Stages_EndEvenWhenTheyFail()
    {
        using var folder = new Pictures();
        var (seen, experiment) = (new Seen(), new Experiment(new ExperimentOptions { Data = folder["nowhere"], Output = folder.Runs }));
        experiment.Observers.Add(seen);
        Assert.ThrowsExactly<MlNetCifarException>(() => experiment.Run());
        CollectionAssert.AreEqual(new[] { "Reading begins", "Reading ends" }, seen.Stages);
        Assert.IsFalse(Directory.Exists(folder.Runs));
    }

    [TestMethod]
    public async Task RunAsync_Cancelled_KeepsTheBestAndReportsOnASample()
    {
        using var folder = new Pictures();
        using var stop = new CancellationTokenSource();
        var (seen, experiment) = (new Seen { AtEpochEnd = stop.Cancel }, Small(folder, recipe => Short(recipe) with { Epochs = 1_000_000 }));
        experiment.Observers.Add(seen);
        experiment.TrainingObservers.Add(seen);
        using var result = await experiment.RunAsync(stop.Token);
        Assert.AreEqual((StopReason.Cancelled, 1), (result.StopReason, result.BestEpoch));
        StringAssert.Contains(result.Split, "a sample of");
        StringAssert.Contains(string.Join('\n', result.Warnings), $"Resume = \"{result.Folder.Path}\" goes on");
        Assert.IsTrue(File.Exists(result.Folder.Report) && File.Exists(result.Folder.Best));
    }

    [TestMethod]
    public void Resume_GoesOnInTheSameFolder()
    {
        using var folder = new Pictures();
        string path;
        using (var first = Small(folder).Run())
            path = first.Folder.Path;
        using var result = new Experiment(Small(folder, recipe => Short(recipe) with { Epochs = 3 }).Options with { Resume = path }).Run();
        Assert.AreEqual((path, 3), (result.Folder.Path, result.History.Count));
    }

    [TestMethod]
    public void Dataset_GivenOpen_StaysTheCallers()
    {
        using var folder = new Pictures();
        using var data = ImageDataset.Open(folder.Splits(), new() { Spec = new() { Width = 16, Height = 16 } });
        var network = Architectures.Create("elephas-mlp", width: 16, height: 16, channels: 3, classes: 3) with { Name = "mine" };
        var experiment = new Experiment(new ExperimentOptions { Network = network, Adjust = Short, Output = folder.Runs }) { Dataset = data };
        using var result = experiment.Run();
        Assert.AreEqual(("mine", "mine"), (result.Folder.Name, result.Model.Network.Name));
        Assert.AreEqual(30, data.Train.Count);
    }

    [TestMethod]
    public void Result_OwnsItsModel()
    {
        using var folder = new Pictures();
        var result = Small(folder).Run();
        var model = result.Model;
        result.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Weights.Clone());
    }

    [TestMethod]
    public void FindLearningRate_KeepsNothing()
    {
        using var folder = new Pictures();
        Assert.IsGreaterThan(0, Small(folder).FindLearningRate().Suggestion);
        Assert.IsFalse(Directory.Exists(folder.Runs));
    }

    [TestMethod]
    [DataRow("MNC3001", "Split is 1.5, expected at least 0, below 1")]
    [DataRow("MNC3001", "CheckpointEvery is 0, expected at least 1")]
    [DataRow("MNC3001", "Epochs is 0, expected at least 1")]
    [DataRow("MNC9002", "Name is 'a/b'; expected the name of a folder")]
    [DataRow("MNC9004", "There are no data")]
    public void Faults_NameTheProperty(string code, string text)
    {
        var options = new ExperimentOptions { Data = "nowhere", Output = "nowhere" };
        options = text[..text.IndexOf(' ')] switch
        {
            "Split" => options with { Split = 1.5 },
            "CheckpointEvery" => options with { CheckpointEvery = 0 },
            "Epochs" => options with { Training = new() { Epochs = 0 } },
            "Name" => options with { Name = "a/b" },
            _ => options with { Data = null },
        };
        var fault = Assert.ThrowsExactly<MlNetCifarException>(() => new Experiment(options).Run());
        Assert.AreEqual(code, fault.Code);
        StringAssert.Contains(fault.Message, text);
    }

    [TestMethod]
    public void Size_IsShortForThePreprocessing()
    {
        var options = new ExperimentOptions { Preprocess = new() { Filter = ResizeFilter.Box }, Size = new ImageSize(48, 24) };
        Assert.AreEqual(new PreprocessSpec { Width = 48, Height = 24, Filter = ResizeFilter.Box }, options.Preprocess);
        Assert.AreEqual(new ImageSize(32, 32), new ExperimentOptions { Size = 32 }.Size);
        Assert.IsNull(new ExperimentOptions { Size = null }.Preprocess);
    }

    [TestMethod]
    public void Evaluation_GivesTheFiguresOfTheTraining()
    {
        using var folder = new Pictures();
        using var trained = Small(folder).Run();
        var options = new EvaluationExperimentOptions { Model = trained.Folder.Path, Data = folder["data"], Output = folder.Runs };
        using var result = new EvaluationExperiment(options).Run();
        Assert.AreEqual(trained.Evaluation.MicroAccuracy, result.Evaluation.MicroAccuracy);
        Assert.AreEqual(File.ReadAllText(trained.Folder.File("predictions.csv")), File.ReadAllText(result.Folder.File("predictions.csv")));
        Assert.AreEqual(("evaluate", null, 2), (result.Folder.Verb, result.StopReason, result.History.Count));
        using var train = new EvaluationExperiment(options with { Subset = DatasetSplit.Train }).Run();
        Assert.AreEqual(("train", 30L), (train.Split, train.Evaluation.Count));
        Assert.AreEqual("MNC9006", Assert.ThrowsExactly<MlNetCifarException>(() => new EvaluationExperiment(options with { Model = null }).Run()).Code);
        Assert.AreEqual("MNC9007", Assert.ThrowsExactly<MlNetCifarException>(() => new EvaluationExperiment(options with { Model = folder["data"] }).Run()).Code);
    }

    static Experiment Small(Pictures folder, Func<TrainingOptions, TrainingOptions>? adjust = null)
    {
        var data = Directory.Exists(folder["data"]) ? folder["data"] : folder.Splits();
        return new(new ExperimentOptions { Data = data, Preset = "cats-dogs-cnn", Size = 16, Adjust = adjust ?? Short, Output = folder.Runs });
    }

    static string[] Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];

    static IEnumerable<string> Arguments(string folder)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "args.json")));
        return [.. json.RootElement.EnumerateObject().Select(p => p.Name)];
    }

    sealed class Seen : IExperimentObserver, ITrainingObserver
    {
        public List<string> Stages { get; } = [];

        public List<string> Subjects { get; } = [];

        public System.Collections.Concurrent.ConcurrentDictionary<ExperimentStage, double> Shares { get; } = [];

        public int Epochs { get; private set; }

        public Action AtEpochEnd { get; init; } = () => { };

        public void OnStageStart(ExperimentStage stage, string title) => Stages.Add($"{stage} begins");

        public void OnStageEnd(ExperimentStage stage) => Stages.Add($"{stage} ends");

        public void OnProgress(ExperimentStage stage, double share, string text) => Shares[stage] = share;

        public void OnMessage(string? subject, string text) => Subjects.Add(subject ?? text);

        public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
        {
            Epochs++;
            AtEpochEnd();
        }
    }
}
