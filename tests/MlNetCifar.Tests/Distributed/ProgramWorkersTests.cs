using System.Diagnostics;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using static MlNetCifar.Tests.Distributed.WorkerPrograms;

namespace MlNetCifar.Tests.Distributed;

/// <summary>The program with workers as users run it, against processes that are killed and held.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class ProgramWorkersTests
{
    [TestMethod]
    public void Train_ByWorkers_GivesTheWeightsOfOneProcess()
    {
        using var folder = Pictures();
        var expected = Finished(folder, "one", "--slices", "8");
        foreach (var workers in new[] { "1", "2", "3" })
        {
            Assert.AreEqual(expected, Finished(folder, $"by{workers}", "--workers", workers));
            StringAssert.Contains(File.ReadAllText(folder[$"runs/train/by{workers}/workers.json"]), "\"slices_handed_over\": 0");
            StringAssert.Contains(File.ReadAllText(folder[$"runs/train/by{workers}/args.json"]), "\"slices\": 8");
        }
    }

    /// <summary>Processes that sum up among each other, encrypted, in 16 bits: the weights of one process, and the end of the run says what was proved.</summary>
    [TestMethod]
    public void Train_ByWorkersAmongEachOther_GivesTheWeightsOfOneProcess()
    {
        using var folder = Pictures();
        File.WriteAllText(folder["secret"], "correct horse battery staple\n");
        var expected = Finished(folder, "one", "--slices", "8", "--gradient-format", "bf16");
        using var run = Start(folder, "linked", "--workers", "3", "--gradient-format", "bf16", "--worker-links", "on", "--worker-secret", folder["secret"]);
        Assert.AreEqual(0, run.Exit(), run.Log);
        Assert.AreEqual(expected, Hash(run.Log));
        StringAssert.Contains(run.Log, "summed up among each other");
        StringAssert.Contains(run.Log, "workers have proved");
        using var workers = System.Text.Json.JsonDocument.Parse(File.ReadAllText(folder["runs/train/linked/workers.json"]));
        Assert.IsGreaterThanOrEqualTo(6, workers.RootElement.GetProperty("copies_proved").GetInt32());
        Assert.IsTrue(workers.RootElement.GetProperty("workers").EnumerateArray().All(worker => worker.GetProperty("bytes_passed").GetInt64() > 0));
        var header = File.ReadLines(folder["runs/train/linked/report.html"]).Single(line => line.Contains("<th>Seconds waited</th>", StringComparison.Ordinal));
        StringAssert.Contains(header, "<th>MiB sent while it computed</th>");
    }

    [TestMethod]
    [DataRow("KILL", 3, "--slices 8")]
    [DataRow("STOP", 1, "--slices 8")]
    [DataRow("KILL", 3, "--slices 8 --sync-batch-norm true --preset advanced-cnn")]
    [DataRow("STOP", 1, "--slices 8 --sync-batch-norm true --preset advanced-cnn")]
    [DataRow("KILL", 3, "--slices 8 --worker-links on")]
    [DataRow("STOP", 1, "--slices 8 --worker-links on")]
    [DataRow("KILL", 3, "--slices 3 --distributed-mode averaged --update-frequency 2")]
    [DataRow("STOP", 1, "--slices 3 --distributed-mode averaged --update-frequency epoch")]
    public void Train_WithWorkersKilledOrHeld_GivesTheSameWeights(string signal, int times, string mode)
    {
        using var folder = Pictures();
        var expected = Finished(folder, "one", [.. mode.Split(' '), "--epochs", "200"]);
        using var run = Start(folder, "harmed", [.. mode.Split(' '), "--workers", "3", "--epochs", "200", "--worker-timeout", "2s"]);
        Harm(run, folder, signal, times);
        Assert.AreEqual(expected, Hash(run.Log));
    }

    [TestMethod]
    [DataRow("asynchronous", "batch", 5)]
    [DataRow("hogwild", "batch", 5)]
    [DataRow("asynchronous", "epoch", 3)]
    [DataRow("hogwild", "2", 8)]
    public void Train_AsGradientsOrModelsCome_WithWorkersKilled_TakesEveryBatchOnce(string mode, string frequency, int updates)
    {
        using var folder = Pictures();
        using var run = Start(folder, "harmed", "--distributed-mode", mode, "--update-frequency", frequency, "--workers", "3", "--epochs", "200", "--worker-timeout", "2s");
        Harm(run, folder, "KILL", 3);
        using var workers = System.Text.Json.JsonDocument.Parse(File.ReadAllText(folder["runs/train/harmed/workers.json"]));

        // Of 120 pictures, 24 are set aside for the test and 19 of the rest for validation: 5 batches, or 15 of a third.
        Assert.AreEqual(200L * updates, workers.RootElement.GetProperty("staleness").EnumerateArray().Sum(count => count.GetInt64()));
        Assert.AreEqual(200L * updates, workers.RootElement.GetProperty("workers").EnumerateArray().Sum(worker => worker.GetProperty("slices").GetInt64()));
        StringAssert.Contains(run.Log, "staleness");
    }

    [TestMethod]
    public void Train_Averaged_GoesOnWithAnotherNumberOfWorkers()
    {
        using var folder = Pictures();
        string[] mode = ["--distributed-mode", "averaged", "--update-frequency", "2", "--epochs", "120"];
        var expected = Finished(folder, "one", ["--slices", "2", .. mode]);
        using (var run = Start(folder, "killed", ["--workers", "2", .. mode]))
        {
            UntilEpoch(run, folder, "killed", 3);
            run.Signal("KILL");
            run.Exit();
        }

        using var resumed = new ProgramProcess(["train", "--json", "--resume", folder["runs/train/killed"], "--workers", "3"]);
        Assert.AreEqual(0, resumed.Exit(), resumed.Log);
        StringAssert.Contains(resumed.Log, "Going on from step");
        Assert.AreEqual(expected, Hash(resumed.Log));
    }

    [TestMethod]
    public void Train_KilledItself_TakesItsWorkersAlong_AndGoesOn()
    {
        using var folder = Pictures();
        var expected = Finished(folder, "one", "--slices", "8", "--epochs", "120");
        int[] workers;
        using (var run = Start(folder, "killed", "--workers", "2", "--epochs", "120"))
        {
            UntilEpoch(run, folder, "killed", 3);
            workers = Workers(run.Id);
            Assert.HasCount(2, workers);
            run.Signal("KILL");
            run.Exit();
        }

        var started = Stopwatch.GetTimestamp();
        while (workers.Any(IsAlive))
        {
            Assert.IsLessThan(20, Stopwatch.GetElapsedTime(started).TotalSeconds, "workers outlive their run");
            Thread.Sleep(50);
        }

        using var resumed = new ProgramProcess(["train", "--json", "--resume", folder["runs/train/killed"], "--workers", "3"]);
        Assert.AreEqual(0, resumed.Exit(), resumed.Log);
        StringAssert.Contains(resumed.Log, "Going on from step");
        Assert.AreEqual(expected, Hash(resumed.Log));
    }

    /// <summary>All wait for the slowest, at every layer of batch normalisation: the end of the run and the report say who that was.</summary>
    [TestMethod]
    [DataRow("--sync-batch-norm true", ", at every layer of batch normalisation")]
    [DataRow("--worker-links on", "")]
    public void Train_WithASlowWorker_NamesIt(string mode, string more)
    {
        using var folder = Pictures();
        using var run = Start(folder, "slow", [.. mode.Split(' '), "--preset", "advanced-cnn", "--slices", "8", "--epochs", "3", "--workers", "3", "--chaos", "delay:w2:300ms"]);
        Assert.AreEqual(0, run.Exit(), run.Log);
        foreach (var text in new[] { run.Log, File.ReadAllText(folder["runs/train/slow/report.html"]) })
            StringAssert.Matches(text, new Regex($"worker 2 has waited [0-9.]+ s and the others [0-9.]+ s in the mean: they waited for it{more}"));
    }

    [TestMethod]
    public void Train_OfWhatWorkersCannotDo_SaysSo()
    {
        using var folder = Pictures();
        using var slices = Start(folder, "a", "--workers", "2", "--slices", "1");
        Assert.AreEqual(ExitCodes.Usage, slices.Exit(), slices.Log);
        StringAssert.Contains(slices.Log, "MNC3301");
        using var backbone = new ProgramProcess(["train", "--data", folder["in"], "--output", folder["runs"], "--name", "b", "--backbone", "resnet18", "--workers", "2"]);
        Assert.AreEqual(ExitCodes.Usage, backbone.Exit(), backbone.Log);
        StringAssert.Contains(backbone.Log, "MNC3302");
        foreach (var (code, options) in new[]
        {
            ("MNC3001", "--workers 2 --slices 1 --distributed-mode averaged"), ("MNC3001", "--workers 2 --update-frequency epoch"),
            ("MNC3317", "--workers 2 --worker-links often"), ("MNC3318", "--workers 2 --worker-secret nowhere"), ("MNC3320", "--workers 2 --max-workers 1"),
            ("MNC3001", "--workers 2 --distributed-mode averaged --sync-batch-norm true"), ("MNC3030", "--distributed-mode asynchronous"),
            ("expected batch, epoch, or a number of batches", "--workers 2 --distributed-mode averaged --update-frequency often"),
        })
        {
            using var wrong = Start(folder, "c", options.Split(' '));
            Assert.AreEqual(ExitCodes.Usage, wrong.Exit(), wrong.Log);
            StringAssert.Contains(wrong.Log, code);
        }
    }

    /// <summary>Kills or holds workers of a run, at random moments, and waits for its end.</summary>
    static void Harm(ProgramProcess run, TestFolder folder, string signal, int times)
    {
        var random = new Random(3);
        UntilEpoch(run, folder, "harmed", 2);
        var harmed = 0;
        for (; harmed < times && Workers(run.Id) is [_, _, ..] workers; harmed++)
        {
            // The oldest is surely at work; who is held before it is ready has ten minutes.
            Signal(signal == "STOP" ? workers.Min() : workers[random.Next(workers.Length)], signal);
            var lost = harmed + 1;
            run.Until(() => Regex.Count(run.Log, "was lost at step") >= lost, $"loss {lost}");
            Thread.Sleep(random.Next(300));
        }

        Assert.AreEqual(times, harmed, run.Log);
        Assert.AreEqual(0, run.Exit(), run.Log);
        StringAssert.Contains(File.ReadAllText(folder["runs/train/harmed/workers.json"]), "\"lost_at_step\"");
        Assert.IsEmpty(Workers(run.Id), "workers outlive their run");
    }
}
