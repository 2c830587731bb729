using System.Diagnostics;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tuning;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Tuning;

/// <summary>Trials in processes of their own: whatever happens to one, the sweep goes on.</summary>
[TestClass]
public sealed class IsolationTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public void EveryWayToFail_IsARow_AndTheSweepEnds()
    {
        using var folder = new TestFolder();
        var results = new TuningExperiment().SetSearchSpace(new(SearchParameter.Number("x", 0, 1))).SetTuner(TuningAlgorithm.Random)
            .SetTrialRunner(new IsolatedTrialRunner(Child, 700L << 20)).SetMaxModelToExplore(8).SetTrialTimeout(TimeSpan.FromSeconds(15)).SetCheckpoint(folder["s"]).SearchAsync(default).Result;
        Assert.HasCount(8, results);
        (TrialState State, string Error)[] expected =
        [
            (TrialState.Completed, ""), (TrialState.Failed, "MNC3224 The trial's process ended with code 3 before it had a result: it is over"), (TrialState.Failed, "MNC3225 "),
            (TrialState.Failed, "MNC3215 "), (TrialState.Failed, "InvalidOperationException: it broke"), (TrialState.Failed, "MNC3214 "), (TrialState.Failed, "MNC3224 "), (TrialState.Completed, ""),
        ];
        foreach (var (result, (state, error)) in results.Zip(expected))
        {
            Assert.AreEqual(state, result.State, result.Error);
            StringAssert.StartsWith(result.Error ?? "", error);
        }

        CollectionAssert.AreEqual(new[] { 0.5, 7.5 }, results[7].Curve.ToArray(), "steps come through, in order");
        Assert.AreEqual(7, results[7].Metric);
    }

    [TestMethod]
    public void Pruning_ReachesTheProcess()
    {
        var steps = 0;
        var settings = new TrialSettings(7, [new("x", "0.5")], (_, _) => ++steps < 1);
        var result = new IsolatedTrialRunner(Child, null).RunAsync(settings, default).Result;
        Assert.AreEqual(1, steps);
        Assert.AreEqual(TrialState.Pruned, result.State);
    }

    [TestMethod]
    public void Cancelling_EndsTheProcess()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var watch = Stopwatch.StartNew();
        var run = new IsolatedTrialRunner(Child, null).RunAsync(new TrialSettings(3, [new("x", "0.5")]), stop.Token);
        Assert.ThrowsExactly<OperationCanceledException>(() => run.GetAwaiter().GetResult());
        Assert.IsTrue(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Sweep_InProcesses_IsTheSweepInOne()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 24, test: 4);
        string[] Arguments(string output) =>
        [
            "tune", data, "--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--epochs", "3", "--threads", "1", "--val-split", "0.25", "--param", "learning-rate=1e-3,1e30",
            "--param", "optimizer=adam,sgd", "--tuner", "grid", "--final-seeds", "0", "--max-parameters", "100000", "--output", folder[output],
        ];
        Cli.Run([.. Arguments("one")]).Good();
        Cli.Run([.. Arguments("many"), "--isolate", "--trial-memory", "2g"]).Good();
        Assert.AreEqual(Rows(folder["one"]).Replace(folder["one"], "", StringComparison.Ordinal), Rows(folder["many"]).Replace(folder["many"], "", StringComparison.Ordinal));
        StringAssert.Contains(Rows(folder["many"]), "MNC3002");
    }

    [TestMethod]
    [DoNotParallelize]
    public void WhatWasTyped_GoesBeforeVariables_InTheProcessesToo()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 24, test: 4);
        (string Name, string Value)[] variables = [("MLNETCIFAR_EPOCHS", "3"), ("MLNETCIFAR_CONFIG", folder["missing.json"]), ("MLNETCIFAR_FILTERS", "0")];
        foreach (var (name, value) in variables)
            Environment.SetEnvironmentVariable(name, value);
        try
        {
            Cli.Run("tune", data, "--preset", "elephas-mlp", "--size", "8", "--batch-size", "8", "--epochs", "1", "--threads", "1", "--val-split", "0.25", "--param", "learning-rate=1e-3,1e-4",
                "--tuner", "grid", "--final-seeds", "0", "--isolate", "--output", folder.Runs).Good();
        }
        finally
        {
            foreach (var (name, _) in variables)
                Environment.SetEnvironmentVariable(name, null);
        }

        var rows = File.ReadAllLines(Path.Combine(folder.Runs, "tune", "elephas-mlp", "trials.csv"));
        var epochs = Array.IndexOf(rows[0].Split(','), "steps");
        Assert.HasCount(3, rows);
        foreach (var row in rows[1..])
            Assert.AreEqual("1", row.Split(',')[epochs], row);
    }

    [TestMethod]
    public void IsolationWithoutAProgram_IsAnError()
    {
        var sweep = new Sweep(new ExperimentOptions { Data = "none" }, new() { Isolate = true });
        Assert.AreEqual("MNC3223", Assert.ThrowsExactly<MlNetCifarException>(() => sweep.Run()).Code);
    }

    /// <summary>All but times.</summary>
    static string Rows(string folder) => string.Join('\n', File.ReadAllLines(Path.Combine(folder, "tune", "elephas-mlp", "trials.csv"))
        .Select(line => line.Split(',')).Select(cells => string.Join(',', cells.Where((_, i) => i is not (5 or 7)))));

    static ProcessStartInfo Child() => new("dotnet", ["exec", typeof(OwnProcess).Assembly.Location, "trial"]);
}

/// <summary>A program of trials that fail in every way, by their number.</summary>
internal static class BadTrials
{
    public static void Run()
    {
        using var child = new TrialChild(Console.In, Console.Out, default);
        child.Run(_ => new Runner());
    }

    sealed class Runner : ITrialRunner
    {
        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation) => settings.TrialId switch
        {
            1 => Die(),
            2 => Eat(),
            3 => Hang(),
            4 => throw new InvalidOperationException("it broke"),
            5 => Task.FromResult(new TrialResult { TrialSettings = settings, Metric = double.NaN }),
            6 => Kill(),
            7 => Steps(settings),
            _ => Task.FromResult(new TrialResult { TrialSettings = settings, Metric = settings.TrialId }),
        };

        static Task<TrialResult> Die()
        {
            Console.Error.WriteLine("it is over");
            Environment.Exit(3);
            return null!;
        }

        static Task<TrialResult> Kill()
        {
            Process.GetCurrentProcess().Kill();
            return Hang();
        }

        static Task<TrialResult> Hang()
        {
            Thread.Sleep(Timeout.Infinite);
            return null!;
        }

        static Task<TrialResult> Eat()
        {
            var eaten = new List<byte[]>();
            for (var i = 0; i < 40; i++)
            {
                eaten.Add(GC.AllocateUninitializedArray<byte>(50 << 20));
                Array.Fill(eaten[^1], (byte)1);
                Thread.Sleep(20);
            }

            return Hang();
        }

        static Task<TrialResult> Steps(TrialSettings settings)
        {
            var goesOn = settings.Report(1, 0.5) && settings.Report(2, 7.5);
            return Task.FromResult(new TrialResult { TrialSettings = settings, Metric = 7, State = goesOn ? TrialState.Completed : TrialState.Pruned });
        }
    }
}
