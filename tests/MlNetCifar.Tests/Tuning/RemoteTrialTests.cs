using System.Net;
using System.Net.Sockets;
using MlNetCifar.Distributed;
using MlNetCifar.Experiments;
using MlNetCifar.Tests.App;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

/// <summary>Trials by workers that dial: the sweep of one process, also when workers are lost. Here they are threads; on a real cluster, in <see cref="Spark.ExecutorTrialTests"/>.</summary>
[TestClass]
public sealed class RemoteTrialTests
{
    static readonly Pictures s_folder = new();
    static readonly string s_data = Confused(s_folder.Splits(train: 24, test: 4));

    [ClassCleanup]
    public static void Clean() => s_folder.Dispose();

    [TestMethod]
    public void Sweep_ByWorkers_IsTheSweepOfOneProcess_PruningToo()
    {
        var expected = Sweep("pruned-here", null, trials: 8).Run();
        var actual = Sweep("pruned-there", () => new Workers(Work), trials: 8).Run();
        AssertSame(expected.Trials, actual.Trials);
        Assert.IsTrue(actual.Trials.Any(trial => trial.State == TrialState.Pruned), "nothing was pruned: a test of nothing");
        Assert.IsTrue(actual.Trials.Any(trial => trial.Right.Length > 0));
    }

    [TestMethod]
    public void Trials_SideBySide_AreThoseOfOneProcess()
    {
        var expected = Sweep("four-here", null, pruning: PruningRule.None).Run();
        AssertSame(expected.Trials, Sweep("four-there", () => new Workers(Work), pruning: PruningRule.None, parallel: 3).Run().Trials);
    }

    [TestMethod]
    public void ALostWorker_HasItsTrialBegunAgain_AndTheJournalHasItOnce()
    {
        var expected = Sweep("lost-here", null, pruning: PruningRule.None).Run();
        var workers = new Workers(Work, fault: start => start == 2 ? Leave : null);
        var actual = Sweep("lost-there", () => workers, pruning: PruningRule.None).Run();
        AssertSame(expected.Trials, actual.Trials);
        Assert.AreEqual(5, workers.Started);
        StringAssert.Contains(actual.Warnings.Single(), "trial 1 was lost with its worker");
        Assert.HasCount(4, File.ReadLines(actual.Folder.File(SweepJournal.FileName)).Where(line => line.Contains("\"record\":\"end\"", StringComparison.Ordinal)).ToArray());
    }

    [TestMethod]
    public void ATrialWhoseWorkersAreAllLost_IsARow()
    {
        var result = Sweep("row", () => new Workers(Work, fault: start => start is >= 2 and <= 4 ? Leave : null), pruning: PruningRule.None).Run();
        Assert.AreEqual(TrialState.Failed, result.Trials[1].State);
        StringAssert.StartsWith(result.Trials[1].Error, "MNC3226 ");
        Assert.AreEqual(3, result.Trials.Count(trial => trial.State == TrialState.Completed));
    }

    [TestMethod]
    public void ATrialThatFails_IsARow_AndNotTriedAgain()
    {
        var workers = new Workers(Work);
        var sweep = new Sweep(Options("failed"), new() { Space = SearchSpace.Parse("learning-rate=1e-3,1e30"), Tuner = TuningAlgorithm.Grid, FinalSeeds = 0 }) { Launcher = () => workers };
        StringAssert.StartsWith(sweep.Run().Trials[1].Error, "MNC3002 ");
        Assert.AreEqual(2, workers.Started);
    }

    [TestMethod]
    public void WhereNobodyComes_TheSweepEnds_NoTrialHasFailed_AndItGoesOnElsewhere()
    {
        var expected = Sweep("nobody-here", null, pruning: PruningRule.None).Run();
        var sweep = Sweep("nobody-there", () => new Workers(Work, fault: start => start >= 3 ? _ => throw new InvalidOperationException("the cluster is away") : null), pruning: PruningRule.None);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => sweep.Run());
        Assert.AreEqual("MNC3227", error.Code);
        StringAssert.Contains(error.Message, "the cluster is away");
        var folder = Path.Combine(s_folder["nobody-there"], "tune", "elephas-mlp");
        var goesOn = new Sweep(Options("nobody-there") with { Resume = folder }, Search(PruningRule.None, 1, 4));
        AssertSame(expected.Trials, goesOn.Run().Trials);
    }

    [TestMethod]
    [DataRow("MNC3307", "32 bits without fused multiply-add")]
    [DataRow("MNC3306", "version 9.9")]
    public void AnotherProgram_IsNamed_AndTriedOnce(string code, string words)
    {
        var workers = new Workers(Work, fault: _ => line => Say(line, hello => code == "MNC3306" ? hello with { Version = "9.9" } : hello with { Arithmetic = words }));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Sweep("other", () => workers).Run());
        Assert.AreEqual("MNC3227", error.Code);
        StringAssert.Contains(error.Message, code);
        StringAssert.Contains(error.Message, words);
        Assert.AreEqual(1, workers.Started);
    }

    [TestMethod]
    public void AStranger_IsRefused()
    {
        using var door = new TrialDoor(new(IPAddress.Loopback, 0));
        var (token, coming) = door.Expect();
        Assert.AreEqual(FrameKind.Refuse, Say($"{door.Address} {new string('0', token.Length)}", hello => hello));
        using (var rude = new TcpClient())
        {
            rude.Connect(door.Address);
            rude.GetStream().Write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
        }

        Assert.IsFalse(coming.IsCompleted);
        using var socket = WorkerProgram.Dial(door.Address);
        using var stream = new NetworkStream(socket);
        Frame.Write(stream, FrameKind.Hello, Hello.Own(token).ToJson());
        coming.GetAwaiter().GetResult().Dispose();
        Assert.AreEqual(FrameKind.Refuse, Say($"{door.Address} {token}", hello => hello), "a token is good for once");
    }

    [TestMethod]
    public void OtherImages_AreNamed()
    {
        var workers = new Workers(line =>
        {
            File.Copy(Directory.EnumerateFiles(s_folder["other/train/red"]).First(), s_folder["other/train/red/999.png"], overwrite: true);
            return Work(line);
        });
        var data = s_folder.Splits("other", train: 12, test: 4);
        var sweep = new Sweep(Options("changed") with { Data = data }, Search(PruningRule.None, 1, 1)) { Launcher = () => workers };
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => sweep.Run());
        StringAssert.Contains(error.Message, "MNC3309");
    }

    [TestMethod]
    public void Cancelling_EndsWorkers()
    {
        using var stop = new CancellationTokenSource();
        using var hanging = new ManualResetEventSlim();
        var workers = new Workers(Work, fault: start => start == 2 ? line => { Say(line, hello => hello); stop.Cancel(); hanging.Wait(TimeSpan.FromSeconds(60)); } : null) { Ending = hanging.Set };
        var result = Sweep("cancelled", () => workers, pruning: PruningRule.None).Run(stop.Token);
        Assert.HasCount(1, result.Trials);
        Assert.IsTrue(hanging.IsSet, "the launcher was not told");
    }

    [TestMethod]
    public void WhatCannotBeTogether_IsNamed()
    {
        Sweep With(ExperimentOptions options, SweepOptions search) => new(options, search) { Launcher = () => new Workers(Work), Child = _ => new("none") };
        Assert.AreEqual("MNC3219", Assert.ThrowsExactly<MlNetCifarException>(() => With(Options("no"), new() { Isolate = true }).Run()).Code);
        Assert.AreEqual("MNC3219", Assert.ThrowsExactly<MlNetCifarException>(() => With(Options("no") with { Mlflow = new("http://127.0.0.1:1") }, new()).Run()).Code);
    }

    /// <summary>Half of the training pictures bear another class's name: what networks learn of that differs from trial to trial.</summary>
    static string Confused(string data)
    {
        string[] classes = ["blue", "green", "red"];
        for (var i = 0; i < 12; i++)
            for (var c = 0; c < classes.Length; c++)
                File.Move(Path.Combine(data, "train", classes[c], $"{i:000}.png"), Path.Combine(data, "train", classes[(c + 1 + (i % 2)) % 3], $"x{c}{i:000}.png"));
        return data;
    }

    static string Work(string line) => MlNetCifar.Sweep.RunWorker(new StringReader(line));

    static ExperimentOptions Options(string output) => new()
    {
        Data = s_data, Preset = "elephas-mlp", Size = new(8, 8), Output = s_folder[output], ValidationSplit = 0.25, JoinTimeout = TimeSpan.FromSeconds(30),
        Adjust = recipe => recipe with { Epochs = 3, BatchSize = 8, Threads = 1 },
    };

    static SweepOptions Search(PruningRule pruning, int parallel, int trials) => new()
    {
        Space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log", "dropout=0.1..0.6", "optimizer=adam,sgd"), Tuner = TuningAlgorithm.Random, Trials = trials, FinalSeeds = 0, Pruning = pruning, ParallelTrials = parallel,
    };

    static Sweep Sweep(string output, Func<IWorkerLauncher>? launcher, PruningRule pruning = PruningRule.Asha, int parallel = 1, int trials = 4) =>
        new(Options(output), Search(pruning, parallel, trials)) { Launcher = launcher };

    static void AssertSame(IReadOnlyList<TrialResult> expected, IReadOnlyList<TrialResult> actual)
    {
        static string Text(TrialResult r) => FormattableString.Invariant(
            $"{r.TrialSettings.TrialId} {string.Join(' ', r.TrialSettings.Parameters)} {r.State} {r.Metric:R} {r.Loss:R} {string.Join(' ', r.Curve)} {Convert.ToHexString(r.Right.AsSpan())} {r.Error}");
        Assert.AreEqual(string.Join('\n', expected.Select(Text)), string.Join('\n', actual.Select(Text)));
    }

    /// <summary>Comes, takes the trial, and is gone.</summary>
    static void Leave(string line) => Assert.AreEqual(FrameKind.Welcome, Say(line, hello => hello));

    /// <summary>Introduces itself, and tells what it is answered.</summary>
    static FrameKind? Say(string line, Func<Hello, Hello> change)
    {
        var (address, token) = ExperimentWorkers.Invitation(new StringReader(line));
        using var stream = new NetworkStream(WorkerProgram.Dial(address), ownsSocket: true);
        Frame.Write(stream, FrameKind.Hello, change(Hello.Own(token)).ToJson());
        return new FrameReader(stream) { Most = 1 << 20 }.Next();
    }

    /// <summary>Workers as threads.</summary>
    /// <param name="work">What each does with its line; gives what it leaves.</param>
    /// <param name="fault">What the n-th does instead, from 1; null for the same as the others.</param>
    sealed class Workers(Func<string, string> work, Func<int, Action<string>?>? fault = null) : IWorkerLauncher
    {
        readonly Dictionary<int, Task<string?>> _tasks = [];

        public int Started { get; private set; }

        public Action Ending { get; init; } = () => { };

        public void Start(int worker, IPEndPoint address, string token)
        {
            Started++;
            var other = fault?.Invoke(Started);
            _tasks[worker] = Task.Run(() =>
            {
                if (other is null)
                    return work($"{address} {token}");
                other($"{address} {token}");
                return (string?)null;
            });
        }

        public string? Said(int worker) => _tasks[worker].IsCompletedSuccessfully ? _tasks[worker].Result : null;

        public Exception? Ended(int worker) => _tasks[worker] switch
        {
            { IsCompleted: false } => null,
            { Exception: { } e } => e.GetBaseException(),
            _ => new InvalidOperationException("its thread ended"),
        };

        public void End(int worker) => Ending();

        public void Dispose()
        {
        }
    }
}
