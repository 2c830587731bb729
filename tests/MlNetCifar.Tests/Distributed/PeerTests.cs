using System.Net;
using System.Net.Sockets;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;
using MlNetCifar.Tests.Training.Groups;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Workers that sum up among each other give the weights of one process, to the bit, whatever happens to them and to the ways between them.</summary>
[TestClass]
public sealed class PeerTests
{
    static readonly TrainingOptions s_adam = SmallRun.Adam with { Slices = 8, Threads = 1 };

    [TestMethod]
    [DataRow("adam", 8)]
    [DataRow("adam", 5)]
    [DataRow("sgd", 8)]
    [DataRow("muon", 3)]
    [DataRow("swa", 4)]
    [DataRow("lookahead", 4)]
    public void Fit_IsTheSameForEveryNumberOfWorkers(string rule, int slices)
    {
        var options = rule switch { "adam" => SmallRun.Adam, "sgd" => SmallRun.Sgd, "swa" => SmallRun.Swa, "lookahead" => SmallRun.Lookahead, _ => SmallRun.Muon } with { Slices = slices };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        foreach (var workers in new[] { 1, 2, 3, 8 })
        {
            using var launcher = new ThreadLauncher(Open);
            using var group = new WorkerGroup(launcher, Options(workers));
            using var actual = Trainer(SmallRun.Network, options, group).Fit(SmallRun.Train, SmallRun.Validation);
            SmallRun.AssertSame(expected, actual);
            AssertPeered(group, actual);
            Assert.IsEmpty(launcher.Errors);
            Assert.AreEqual(options.Epochs, group.Proofs!.Value.Times, "once an epoch");
            Assert.AreEqual((slices * 4) + (int)Math.Ceiling(11 * slices / 16.0), group.Figures.Sum(w => w.Slices) / (double)options.Epochs, "slices of an epoch of 75 pictures");
            Assert.IsTrue(group.Figures.All(w => w is { BytesReceived: > 0, Lost: null } && (workers == 1) == (w.BytesPassed == 0)));
        }
    }

    /// <summary>The run's own link carries one sum a step, and no weights, however many workers there are.</summary>
    [TestMethod]
    public void Fit_SendsTheRunOneSumAStep()
    {
        var weights = new NetworkWeights(SmallRun.Network);
        var sum = sizeof(float) * (weights.Parameters.Length + weights.Statistics.Length);
        foreach (var workers in new[] { 2, 4 })
        {
            using var launcher = new ThreadLauncher(Open);
            using var group = new WorkerGroup(launcher, Options(workers));
            using var result = Trainer(SmallRun.Network, s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
            var (sent, received, passed) = (group.Figures.Sum(f => f.BytesSent), group.Figures.Sum(f => f.BytesReceived), group.Figures.Sum(f => f.BytesPassed));
            var heads = 15L * workers * new SumParts(sum / sizeof(float)).Count * (Frame.HeaderLength + SumHead.Length + Frame.TrailerLength);
            Assert.IsTrue(received >= (15L * sum) + heads && received < (16L * sum) + heads, $"{received:N0} bytes received in 15 steps, a sum is {sum:N0}");
            Assert.IsLessThan(workers * (4L * sum + 30_000), sent, "weights and moments once");
            Assert.IsGreaterThan(15L * sum * (workers - 1), passed);
        }
    }

    [TestMethod]
    [DataRow("seed-cnn", 16)]
    [DataRow("advanced-cnn", 16)]
    [DataRow("airbench94", 32)]
    public void Fit_OfAPreset_IsTheSame(string preset, int side)
    {
        var images = TestImages.Random(50, side, side, classes: 3);
        var network = Architectures.Create(preset, side, side, 3, 3);
        var options = Recipes.For(preset) with { Epochs = 1, BatchSize = 20, Slices = 4, Threads = 2, TimeBudget = null };
        using var expected = new Trainer(network, options).Fit(images);
        using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
        using var group = new WorkerGroup(launcher, Options(3));
        using var actual = Trainer(network, options, group).Fit(images);
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
        AssertPeered(group, actual);
    }

    [TestMethod]
    public void Fit_WithLayersThatThaw_IsTheSame()
    {
        var images = TinyData.Balanced(3, 14);
        var options = new TrainingOptions { Epochs = 4, BatchSize = 12, Slices = 3, Threads = 1, Groups = ParameterGroups.Parse("conv*: frozen, thaw-after-epochs=2"), ClassWeights = ClassWeighting.Balanced, GradientClipNorm = 0.5f };
        using var expected = new Trainer(GroupNetwork.Spec, options).Fit(images);
        using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
        using var group = new WorkerGroup(launcher, Options(2));
        using var actual = Trainer(GroupNetwork.Spec, options, group).Fit(images);
        Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
        AssertPeered(group, actual);
    }

    /// <summary>Cut, changed and stalled lines to the run.</summary>
    [TestMethod]
    [DataRow(WireFault.Cut, 3, 2_000, 5_000)]
    [DataRow(WireFault.Cut, 2, 10_000, 10_000)]
    [DataRow(WireFault.Cut, 1, 40_000, 100)]
    [DataRow(WireFault.Flip, 3, 6_000, 9_000)]
    [DataRow(WireFault.Flip, 2, 5, 12_000)]
    public void Fit_WithWorkersThatAreLost_IsTheSame(WireFault fault, int workers, int firstAfter, int secondAfter) => Lose(fault, workers, firstAfter, secondAfter);

    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_WithWorkersThatHang_IsTheSame() => Lose(WireFault.Stall, 3, 9_000, 3_000);

    static void Lose(WireFault fault, int workers, int firstAfter, int secondAfter)
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var launcher = new ThreadLauncher(Open, ThreadLauncher.Losing(fault, firstAfter, secondAfter));
        using var group = new WorkerGroup(launcher, Options(workers) with { Timeout = TimeSpan.FromSeconds(fault == WireFault.Stall ? 3 : 30), JoinTime = TimeSpan.FromSeconds(30) });
        using var actual = Trainer(SmallRun.Network, s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsTrue(actual.Warnings.Any(w => w.Contains("worker 1 ", StringComparison.Ordinal)), string.Join('\n', actual.Warnings));
        Assert.IsTrue(group.IsPeering, string.Join('\n', actual.Warnings));
        Assert.IsGreaterThan(workers, launcher.Starts);
        Assert.AreEqual(3 * ((4 * 8) + 6), group.Figures.Sum(f => f.Slices), "every slice counted once");
    }

    [TestMethod]
    public void Fit_WithAllWorkersLost_EndsAndGoesOn()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var folder = new TestFolder();
        using (var launcher = new ThreadLauncher(Open, (_, _) => (WireFault.Cut, 12_000)))
        using (var group = new WorkerGroup(launcher, Options(2) with { Restarts = 0 }))
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(SmallRun.Network, s_adam, group, folder["c"]).Fit(SmallRun.Train, SmallRun.Validation));
            Assert.AreEqual("MNC3311", error.Code);
        }

        using (var launcher = new ThreadLauncher(Open))
        using (var group = new WorkerGroup(launcher, Options(3)))
        using (var resumed = Trainer(SmallRun.Network, s_adam, group, folder["c"], resume: true).Fit(SmallRun.Train, SmallRun.Validation))
        {
            Assert.IsGreaterThan(0L, resumed.ResumedFrom ?? 0);
            SmallRun.AssertSame(expected, resumed);
            AssertPeered(group, resumed);
        }
    }

    [TestMethod]
    public void Fit_CancelledWhileAWorkerStalls_DoesNotWaitForIt()
    {
        using var stop = new CancellationTokenSource();
        using var launcher = new ThreadLauncher(Open, (worker, _) => worker == 0 ? (WireFault.Stall, 9_000) : (WireFault.None, 0));
        using var group = new WorkerGroup(launcher, Options(2) with { Timeout = TimeSpan.FromMinutes(10) });
        var trainer = Trainer(SmallRun.Network, s_adam with { Epochs = 1000 }, group);
        using var timer = ThreadLauncher.StopAtStall(group, stop);
        using var cut = trainer.Fit(SmallRun.Train, SmallRun.Validation, cancellation: stop.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
    }

    /// <summary>A cluster gets room for more than a run has begun with: they join, up to as many as there may be, and the weights are the same.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Fit_WithWorkersThatJoin_IsTheSame(bool isLinked)
    {
        var options = s_adam with { Epochs = 12 };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        using var launcher = new ThreadLauncher(Open) { Room = 5 };
        var said = new List<string>();
        using var group = new WorkerGroup(launcher, Options(1) with { PeerPorts = isLinked ? PortRange.Any : null, MaxWorkers = 3, Look = TimeSpan.FromMilliseconds(1), Say = said.Add });
        var trainer = Trainer(SmallRun.Network, options, group);
        trainer.Observers.Add(new AfterStep(_ =>
        {
            // The run would be over sooner than anybody can come.
            if (group.Figures.Count < 3 || group.Figures.Any(f => f.Slices == 0))
                Thread.Sleep(100);
        }));
        using var actual = trainer.Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.AreEqual(3, launcher.Starts);
        Assert.IsTrue(group.Figures.All(f => f is { Slices: > 0, Lost: null }), string.Join('\n', group.Figures));
        CollectionAssert.AreEqual(new[] { "there is room for worker 2, which joins", "there is room for worker 3, which joins" }, said);
    }

    /// <summary>Parted from the beginning, and after a while: everything goes through the run then, and the run says so.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("partition:w1|w2@0s", 3, 3)]
    [DataRow("partition:w1|w3@0.3s", 3, 100)]
    public void Fit_WithWorkersThatDoNotReachEachOther_GoesThroughTheRun(string chaos, int workers, int epochs)
    {
        var options = s_adam with { Epochs = epochs };
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        using var launcher = new ThreadLauncher(Open);
        using var group = new WorkerGroup(launcher, Options(workers) with { Timeout = TimeSpan.FromSeconds(2), Chaos = ChaosPlan.Parse(chaos, workers) });
        using var actual = Trainer(SmallRun.Network, options, group).Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsFalse(group.IsPeering);
        StringAssert.Contains(actual.Warnings.Single(), "every step goes through the run from now on");
        StringAssert.Contains(actual.Warnings.Single(), "does not reach worker");
        Assert.IsTrue(group.Figures.All(f => f.Lost is null), "nobody is lost by that");
    }

    [TestMethod]
    public void Fit_WithACopyThatIsAnother_EndsBeforeItIsKept()
    {
        using var folder = new TestFolder();
        using var liar = new Liar();
        using var group = new WorkerGroup(liar, Options(1));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Trainer(SmallRun.Network, s_adam, group, folder["c"]).Fit(SmallRun.Train, SmallRun.Validation));
        Assert.AreEqual("MNC3316", error.Code);
        StringAssert.Contains(error.Message, "worker 1");
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        using var resumed = SmallRun.Fit(SmallRun.Trainer(s_adam, folder["c"], resume: true));
        SmallRun.AssertSame(expected, resumed);
    }

    /// <summary>Who belongs to a former generation, or knows no key, is refused; who comes early waits until the other has been told.</summary>
    [TestMethod]
    public void ADoor_LetsInItsOwnGenerationOnly()
    {
        using var door = new PeerDoor(IPAddress.Loopback, PortRange.Any, null);
        using var other = new PeerDoor(IPAddress.Loopback, PortRange.Any, null);
        var early = Task.Run(() => Say(door, new PeerHello(7, "key", 1, 0)));
        PeerLink?[] links = [];
        string? missing = null;
        var linking = Task.Run(() => links = door.Link(Plan(7, 0, door, other), out missing));
        Assert.AreEqual("", early.Result);
        linking.Wait();
        Assert.IsNull(missing);
        links[1]!.Dispose();

        var later = Task.Run(() => door.Link(Plan(8, 0, door, other) with { Patience = TimeSpan.FromSeconds(2) }, out missing));
        StringAssert.StartsWith(Say(door, new PeerHello(7, "key", 1, 0)), "MNC3315", "a former generation");
        StringAssert.StartsWith(Say(door, new PeerHello(8, "kex", 1, 0)), "MNC3315", "another key");
        StringAssert.StartsWith(Say(door, new PeerHello(8, "key", 0, 0)), "MNC3315", "itself");
        StringAssert.StartsWith(Say(door, new PeerHello(8, "key", 2, 0)), "MNC3315", "nobody");
        StringAssert.StartsWith(Say(door, new PeerHello(8, "key", 1, 1)), "MNC3315", "somebody who means another");
        later.Wait();
        StringAssert.Contains(missing, "worker 2 does not reach worker 1");

        static LinkPlan Plan(long generation, int index, params PeerDoor[] doors) => new(generation, "key", index, TimeSpan.FromSeconds(20), [.. doors.Select((door, i) => (i, door.Address))]);
    }

    [TestMethod]
    public void ARange_HoldsEachFloatOnce()
    {
        foreach (var length in new[] { 1, 15, 16, 17, 1000, 250_001 })
            foreach (var of in new[] { 1, 2, 3, 8, 64 })
            {
                var ranges = Enumerable.Range(0, of).Select(i => PeerRange.Of(i, of, length)).ToArray();
                Assert.AreEqual(0, ranges[0].First);
                Assert.AreEqual(length, ranges[^1].End);
                for (var i = 1; i < of; i++)
                    Assert.AreEqual(ranges[i - 1].End, ranges[i].First);
            }
    }

    [TestMethod]
    [DataRow("7100-7163", 7100, 7163)]
    [DataRow("7100", 7100, 7100)]
    public void Ports_AreRead(string text, int first, int last) => Assert.AreEqual(new PortRange(first, last), PortRange.Parse(text));

    [TestMethod]
    [DataRow("")]
    [DataRow("0")]
    [DataRow("7163-7100")]
    [DataRow("7100-")]
    [DataRow("1-2-3")]
    [DataRow("7100-65536")]
    public void Ports_ThatAreNone_AreRefused(string text) => Assert.IsNull(PortRange.Parse(text));

    [TestMethod]
    public void ADoor_ListensWithinItsPorts()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using var door = new PeerDoor(IPAddress.Loopback, new(port, port + 50), null);
        Assert.IsTrue(door.Address.Port > port && door.Address.Port <= port + 50);
        using var none = new PeerDoor(IPAddress.Loopback, new(port, port), null);
        Assert.IsEmpty(none.Address.Addresses);
    }

    /// <summary>Random moments, random faults of the lines to the run, two and three workers.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Fit_WithRandomFaults_IsTheSame()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_adam));
        var random = new Random(6);
        for (var attempt = 0; attempt < 30; attempt++)
        {
            var faults = Enumerable.Range(0, 3).Select(_ => ((WireFault)random.Next(4), (long)random.Next(45_000))).ToArray();
            using var launcher = new ThreadLauncher(Open, (worker, start) => worker == 2 || start > 1 ? (WireFault.None, 0) : faults[worker + start]);
            using var group = new WorkerGroup(launcher, Options(3) with { Timeout = TimeSpan.FromSeconds(2), JoinTime = TimeSpan.FromSeconds(30), Restarts = 3 });
            using var actual = Trainer(SmallRun.Network, s_adam, group).Fit(SmallRun.Train, SmallRun.Validation);
            SmallRun.AssertSame(expected, actual);
            Assert.AreEqual(3 * ((4 * 8) + 6), group.Figures.Sum(f => f.Slices), $"attempt {attempt}: {string.Join(' ', faults)}");
            Assert.IsTrue(group.IsPeering, $"attempt {attempt}: {string.Join('\n', actual.Warnings)}");
        }
    }

    static void AssertPeered(WorkerGroup group, TrainingResult result)
    {
        Assert.IsTrue(group.IsPeering, string.Join('\n', result.Warnings));
        Assert.IsNotNull(group.Proofs);
        Assert.IsEmpty(result.Warnings.Where(w => w.Contains("worker", StringComparison.Ordinal)));
    }

    static WorkerGroupOptions Options(int workers) => new() { Workers = workers, PeerPorts = PortRange.Any };

    static WorkerImages Open(Welcome welcome) => new(SmallRun.Train);

    static Trainer Trainer(NetworkSpec network, TrainingOptions options, WorkerGroup group, string? folder = null, bool resume = false) => new(network, options)
    {
        Workers = group,
        Checkpoints = folder is null ? null : new CheckpointOptions { Folder = folder, EverySteps = 2, Every = null, Resume = resume },
    };

    /// <summary>Introduces itself to a worker.</summary>
    /// <returns>The code of the refusal and why; empty for none.</returns>
    static string Say(PeerDoor door, PeerHello hello)
    {
        using var client = new TcpClient();
        client.Connect(door.Address.Addresses[0], door.Address.Port);
        Frame.Write(client.GetStream(), FrameKind.Peer, hello.ToJson());
        var reader = new FrameReader(client.GetStream());
        if (reader.Next() != FrameKind.Refuse)
            return "";
        var refusal = Refusal.Read(reader.Rest());
        return $"{refusal.Code} {refusal.Reason}";
    }

    /// <summary>A worker that says it has computed nothing, and holds something else than the run.</summary>
    sealed class Liar : IWorkerLauncher
    {
        public void Start(int worker, IPEndPoint address, string token) => new Thread(() => Work(address, token)) { IsBackground = true }.Start();

        public Exception? Ended(int worker) => null;

        public void End(int worker)
        {
        }

        public void Dispose()
        {
        }

        static void Work(IPEndPoint address, string token)
        {
            using var client = new TcpClient();
            client.Connect(address);
            var stream = client.GetStream();
            Frame.Write(stream, FrameKind.Hello, Hello.Own(token).ToJson());
            var reader = new FrameReader(stream) { Most = 1 << 24 };
            try
            {
                while (reader.Next() is { } kind)
                {
                    var bytes = reader.Rest();
                    switch (kind)
                    {
                        case FrameKind.Welcome:
                            Frame.Write(stream, FrameKind.Ready, new PeerAddress([IPAddress.Loopback], 1).ToJson());
                            break;
                        case FrameKind.Link:
                            Frame.Write(stream, FrameKind.Linked, new LinkReport(LinkPlan.Read(bytes).Generation, null).ToJson());
                            break;
                        case FrameKind.Step:
                            var work = WorkHead.Read(bytes);
                            var head = new byte[SumHead.Length];
                            using (var weights = new NetworkWeights(SmallRun.Network))
                            using (var gradients = new WeightGradients(weights))
                            {
                                var parts = new SumParts(gradients.All.Length + weights.Statistics.Length);
                                for (var part = 0; part < parts.Count; part++)
                                {
                                    new SumHead(StateHead.Read(bytes.AsSpan(WorkHead.Length)).Generation, work.Ticket, 0, 8, 0, 1, 16, part).Write(head);
                                    Frame.Write(stream, FrameKind.Total, head, new float[parts[part].End - parts[part].First]);
                                }
                            }

                            break;
                        case FrameKind.Check:
                            Frame.Write(stream, FrameKind.Digest, new byte[32]);
                            break;
                    }
                }
            }
            catch (IOException)
            {
                // The run has ended.
            }
        }
    }
}
