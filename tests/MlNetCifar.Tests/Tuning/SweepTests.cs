using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Experiments;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Tuning;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class SweepTests
{
    static readonly string[] s_small = Small(epochs: 3);
    static readonly string[] s_space = ["--param", "learning-rate=1e-4..1e-2:log", "--param", "dropout=0.1..0.6", "--param", "optimizer=adam,sgd"];

    [TestMethod]
    public void Tune_LeavesEverything_AndItsCommandRepeatsTheBest()
    {
        using var folder = new Pictures();
        var tuned = Cli.Run(["tune", folder.Splits(train: 24, test: 12), .. s_small, .. s_space, "--trials", "6", "--pruning", "none", "--output", folder.Runs, "--json"]).Good();
        var result = tuned.Lines[^1];
        var run = result.GetProperty("run").GetString()!;
        foreach (var file in new[] { "args.json", "env.json", "trials.csv", "trials.json", "tune.html", "trials.jsonl", Path.Combine("default-seed1", "report.html") })
            Assert.IsTrue(File.Exists(Path.Combine(run, file)), file);
        Assert.HasCount(6, File.ReadAllLines(Path.Combine(run, "trials.csv")).Skip(1).ToArray());
        Assert.HasCount(6, tuned.Lines.Where(line => line.GetProperty("event").GetString() == "trial").ToArray());
        Assert.HasCount(3, result.GetProperty("words").EnumerateArray().ToArray());
        StringAssert.Contains(result.GetProperty("words")[2].GetString(), "36 test images");

        // Trained again by the command that is given, the best is right on as many validation images as it was in its trial.
        var command = result.GetProperty("command").GetString()!.Split(' ')[1..];
        Cli.Run([.. command, "--output", folder["again"]]).Good();
        var epochs = File.ReadAllLines(Directory.EnumerateFiles(folder["again"], "results.csv", SearchOption.AllDirectories).Single());
        var column = epochs[0].Split(',').ToList().IndexOf("val_accuracy");
        Assert.IsGreaterThanOrEqualTo(0, column, epochs[0]);
        var best = epochs[1..].Max(line => double.Parse(line.Split(',')[column], CultureInfo.InvariantCulture));
        Assert.AreEqual(result.GetProperty("accuracy").GetDouble(), best);
    }

    [TestMethod]
    public void Trials_NeverSeeTheTestImages()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 24, test: 12);
        using var dataset = ImageDataset.Open(data, new() { Spec = new() { Width = 8, Height = 8 } });
        var watched = new WatchedImages(dataset.Test!);
        var options = new ExperimentOptions
        {
            Preset = "elephas-mlp", Output = folder.Runs, ValidationSplit = 0.25, Adjust = recipe => recipe with { Epochs = 2, BatchSize = 8, Threads = 1 },
        };
        var sweep = new Sweep(options, new() { Space = SearchSpace.Parse(s_space.Where(text => text.Contains('='))), Trials = 3, FinalSeeds = 0, Pruning = PruningRule.None })
        {
            Dataset = ImageDataset.Create(dataset.Train, null, watched),
        };
        var result = sweep.Run();
        Assert.AreEqual(0, watched.Read);
        Assert.IsNull(result.Comparison);
        StringAssert.Contains(result.Words[2], "no test image was looked at");
    }

    [TestMethod]
    public void TrialsThatFail_AreRows()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 16, test: 4);
        var tuned = Cli.Run(
            ["tune", data, .. s_small, "--param", "learning-rate=1e-3,1e30", "--param", "optimizer=sgd,adam", "--tuner", "grid", "--pruning", "none", "--final-seeds", "0", "--output", folder.Runs, "--json"]).Good();
        var failed = tuned.Lines.Where(line => line.TryGetProperty("state", out var state) && state.GetString() == "failed").ToArray();
        Assert.IsNotEmpty(failed);
        StringAssert.StartsWith(failed[0].GetProperty("error").GetString(), "MNC3002 ");
        Assert.AreEqual(4, tuned.Lines[^1].GetProperty("trials").GetInt32());
    }

    [TestMethod]
    public void WrongRequests_AreNamed()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        Cli.Run("tune", data, "--param", "learning-rat=1..2").Bad(ExitCodes.Usage, "MNC3204");
        Cli.Run("tune", data, "--param", "dropout=0.1..0.6", "--trials", "0").Bad(ExitCodes.Usage, "MNC3219");
        Cli.Run("tune", data, "--param", "dropout=0.1..0.6", "--val-split", "0", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC3213");
        Cli.Run("tune", data, "--param", "dropout=0.1..0.6", "--output", "hdfs:///runs").Bad(ExitCodes.Usage, "MNC3220");
        Cli.Run("tune", data, "--resume", folder.Root).Bad(ExitCodes.Usage, "MNC9003");
    }

    [TestMethod]
    public void OtherOptions_AreRefusedOnResume()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 16, test: 4);
        Cli.Run(["tune", data, .. s_small, .. s_space, "--trials", "2", "--final-seeds", "0", "--output", folder.Runs]).Good();
        var run = Path.Combine(folder.Runs, "tune", "elephas-mlp");
        var refused = Cli.Run("tune", "--resume", run, "--epochs", "4").Bad(ExitCodes.Usage, "MNC3210");
        StringAssert.Contains(refused.Error, "--epochs 3");
        Cli.Run("tune", "--resume", run, "--trials", "3", "--json").Good();
        Assert.HasCount(3, File.ReadAllLines(Path.Combine(run, "trials.csv")).Skip(1).ToArray());
    }

    /// <summary>A journal of a version that had fewer options.</summary>
    [TestMethod]
    public void JournalWithoutAnOption_GoesOn_WithItsDefaultAlone()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 16, test: 4);
        Cli.Run(["tune", data, .. s_small, .. s_space, "--trials", "2", "--final-seeds", "0", "--output", folder.Runs]).Good();
        var run = Path.Combine(folder.Runs, "tune", "elephas-mlp");
        var journal = Path.Combine(run, SweepJournal.FileName);
        var lines = File.ReadAllLines(journal);
        var text = Regex.Replace(lines[0][9..], ",\"--(max-workers|sync-batch-norm|cut-mix)\":\"[^\"]*\"", "");
        Assert.IsLessThan(lines[0].Length - 60, text.Length, "nothing was left out");
        lines[0] = $"{Crc32.Compute(Encoding.UTF8.GetBytes(text)):x8} {text}";
        File.WriteAllLines(journal, lines);
        Cli.Run("tune", "--resume", run, "--trials", "3").Good();
        StringAssert.Contains(Cli.Run("tune", "--resume", run, "--cut-mix", "0.5").Bad(ExitCodes.Usage, "MNC3210").Error, "--cut-mix 0,");
    }

    /// <summary>A training at the end that was interrupted has a report of how far it came, and is no measurement.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void AnInterruptedFinal_IsTrainedToItsEnd_OnResume()
    {
        using var folder = new Pictures();
        using var stop = new CancellationTokenSource();
        var options = new ExperimentOptions
        {
            Data = folder.Splits(train: 24, test: 12), Size = new(8, 8), Preset = "elephas-mlp", Output = folder.Runs, ValidationSplit = 0.25, CheckpointEvery = 1,
            Adjust = recipe => recipe with { Epochs = 40, BatchSize = 8, Threads = 1 },
        };
        Sweep Of(ExperimentOptions experiment) => new(experiment, new() { Space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log"), Trials = 1 });
        var first = Of(options);
        first.Observers.Add(new Interruption(stop));
        var cut = first.Run(stop.Token);
        Assert.IsNull(cut.Comparison);
        var best = cut.Folder.File("best-0-seed1");
        Assert.IsTrue(File.Exists(Path.Combine(best, "report.json")), "nothing was interrupted");
        Assert.IsLessThan(41, File.ReadAllLines(Path.Combine(best, "results.csv")).Length);
        var whole = Of(options with { Resume = cut.Folder.Path }).Run();
        Assert.IsNotNull(whole.Comparison);
        Assert.HasCount(41, File.ReadAllLines(Path.Combine(best, "results.csv")));
    }

    /// <summary>Killed at twenty moments, the sweep ends with the trials, the values and the accuracies of one that was left alone, and runs none twice to its end.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void KilledSweep_EndsAsTheUndisturbedOne()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 80, test: 8);
        string[] Arguments(string output) =>
            ["tune", data, .. Small(epochs: 12), .. s_space, "--trials", "24", "--pruning", "asha", "--final-seeds", "0", "--output", folder[output], "--cache", "none"];
        Cli.Run(Arguments("whole")).Good();
        var (random, run, kills) = (new Random(5), Path.Combine(folder["killed"], "tune", "elephas-mlp"), 0);
        string[] next = Arguments("killed");
        while (kills < 20)
        {
            using var process = new ProgramProcess(next);
            process.Until(() => SweepJournal.IsIn(run), "a journal");
            var journal = Path.Combine(run, SweepJournal.FileName);

            // A trial is taken, and a step done: one at whose very beginning processes die again and again would be given up. Then any moment will do.
            var lines = Lines(journal) + 2 + random.Next(10);
            process.Until(() => Lines(journal) >= lines, "some lines");
            Thread.Sleep(random.Next(60));
            process.Signal("KILL");
            process.Exit();
            kills++;
            next = ["tune", "--resume", run];
        }

        Cli.Run(next).Good();
        Assert.AreEqual(Ranking(Path.Combine(folder["whole"], "tune", "elephas-mlp")), Ranking(run));
        var ends = File.ReadLines(Path.Combine(run, SweepJournal.FileName)).Where(line => line.Contains("\"record\":\"end\"", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line[9..]).RootElement.GetProperty("trial").GetInt32());
        CollectionAssert.AreEqual(Enumerable.Range(0, 24).ToArray(), ends.Order().ToArray());
    }

    static string[] Small(int epochs) =>
        ["--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--epochs", $"{epochs}", "--threads", "1", "--val-split", "0.25"];

    static int Lines(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    static string Ranking(string run) => string.Join('\n', File.ReadAllLines(Path.Combine(run, "trials.csv")).Select(line => line.Split(',') is var cells ? string.Join(',', [.. cells[..5], .. cells[6..]]) : ""));

    /// <summary>Asks to end soon after the trainings at the end have begun.</summary>
    sealed class Interruption(CancellationTokenSource stop) : IExperimentObserver
    {
        bool _isFinal;

        public void OnMessage(string? subject, string text) => _isFinal |= text.StartsWith("training best-", StringComparison.Ordinal);

        public void OnProgress(ExperimentStage stage, double share, string text)
        {
            if (_isFinal && stage == ExperimentStage.Training && !text.StartsWith("epoch 1/", StringComparison.Ordinal))
                stop.Cancel();
        }
    }

    /// <summary>Counts what is read of it.</summary>
    sealed class WatchedImages(ImageSource images) : WrappedImages(images)
    {
        public int Read { get; private set; }

        public override void CopyPixels(int index, Span<byte> destination)
        {
            Read++;
            base.CopyPixels(index, destination);
        }
    }
}
