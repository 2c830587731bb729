using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Distributed;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Rehearsals of faults: what a plan says, and that it is done.</summary>
[TestClass]
public sealed class ChaosTests
{
    [TestMethod]
    public void APlan_SaysWhatGoesWrongWithWhom()
    {
        var plan = ChaosPlan.Parse("kill:w1@step40, hang:w2@step3,delay:w2:500ms,drop:2.5%", 3);
        Assert.AreEqual((40L, null, TimeSpan.Zero, 0.025), Facts(0, 0));
        plan.Sent(0, 39);
        Assert.AreEqual((40L, null, TimeSpan.Zero, 0.025), Facts(0, 1), "who was lost before is killed in its place");
        plan.Sent(0, 41);
        Assert.AreEqual((null, null, TimeSpan.Zero, 0.025), Facts(0, 2), "who was killed once is not killed again");
        Assert.AreEqual((null, 3L, TimeSpan.FromMilliseconds(500), 0.025), Facts(1, 0));
        plan.Sent(1, 3);
        Assert.AreEqual((null, null, TimeSpan.FromMilliseconds(500), 0.025), Facts(1, 5));
        Assert.AreEqual((null, null, TimeSpan.Zero, 0.025), Facts(2, 0));
        Assert.AreEqual(TimeSpan.FromSeconds(1.5), ChaosPlan.Parse("delay:w3:1.5s", 3).For(2, 0).Delay);

        (long?, long?, TimeSpan, double) Facts(int worker, int restarts) => plan.For(worker, restarts) is var chaos ? (chaos.KillAt, chaos.HangAt, chaos.Delay, chaos.Drop) : default;
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("kill:w4@step1")]
    [DataRow("kill:w0@step1")]
    [DataRow("kill:w1@step0")]
    [DataRow("kill:w1")]
    [DataRow("delay:w1:500")]
    [DataRow("delay:w1:2h")]
    [DataRow("drop:5")]
    [DataRow("drop:51%")]
    [DataRow("drop:-1%")]
    [DataRow("flood:w1")]
    [DataRow("kill:w1@step1,")]
    public void NoPlan_IsRefused(string text) => Assert.AreEqual("MNC3314", Assert.ThrowsExactly<MlNetCifarException>(() => ChaosPlan.Parse(text, 3)).Code);

    [TestMethod]
    public void Chaos_GoesToTheWorker()
    {
        var sent = new Welcome(SmallRun.Network, new() { Slices = 2 }, Normalization.Compute(SmallRun.Train), "", null, 1, new Dictionary<string, string>());
        Assert.IsNull(Welcome.Read(sent.ToJson()).Chaos);
        foreach (var chaos in new[] { new WorkerChaos(3, null, TimeSpan.FromMilliseconds(5), 0.25, 7), new WorkerChaos(null, 9, TimeSpan.Zero, 0, 0) })
        {
            var got = Welcome.Read((sent with { Chaos = chaos }).ToJson()).Chaos!;
            Assert.AreEqual((chaos.KillAt, chaos.HangAt, chaos.Delay, chaos.Drop, chaos.Seed), (got.KillAt, got.HangAt, got.Delay, got.Drop, got.Seed));
        }
    }

    [TestMethod]
    public void Strike_KillsAtItsStep_AndDropsItsShare()
    {
        var killed = 0;
        var chaos = new WorkerChaos(3, null, TimeSpan.Zero, 0.25, 1);
        var dropped = Enumerable.Range(1, 1000).Count(_ =>
        {
            try
            {
                chaos.Strike(2, () => killed++);
                return false;
            }
            catch (IOException)
            {
                return true;
            }
        });
        Assert.AreEqual(0, killed);
        Assert.AreEqual(250, dropped, 60);
        Assert.ThrowsExactly<IOException>(() => new WorkerChaos(3, null, TimeSpan.Zero, 1, 1).Strike(3, () => killed++));
        Assert.AreEqual(1, killed);
    }

    [TestMethod]
    public void ARehearsal_WithoutWorkersOrWithATimeBudget_IsTold()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 12);
        string[] train = ["train", "--data", folder["in"], "--size", "8", "--preset", "seed-cnn", "--batch-size", "8", "--epochs", "1", "--output", folder["runs"]];
        StringAssert.Contains(Cli.Run([.. train, "--chaos", "drop:5%"]).Error, "--chaos has no effect: there are no workers");
        Cli.Run([.. train, "--workers", "2", "--chaos", "drop:5%", "--time-budget", "1m"]).Bad(ExitCodes.Usage, "MNC3314");
        Cli.Run([.. train, "--workers", "2", "--chaos", "kill:w3@step1"]).Bad(ExitCodes.Usage, "MNC3314");
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("synchronous", true)]
    [DataRow("averaged", true)]
    [DataRow("asynchronous", false)]
    public void ARehearsal_HarmsWorkers_AndComparesWithTheUndisturbedRun(string mode, bool isSame)
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 40);
        using var run = new ProgramProcess(
        [
            "train", "--json", "--data", folder["in"], "--size", "8", "--preset", "seed-cnn", "--batch-size", "16", "--epochs", "20", "--threads", "2", "--output", folder["runs"], "--name", "harmed",
            "--workers", "3", "--distributed-mode", mode, "--worker-timeout", "3s", "--chaos", "kill:w1@step4,hang:w2@step6,delay:w3:20ms,drop:5%",
        ]);
        Assert.AreEqual(0, run.Exit(), run.Log);
        using var workers = JsonDocument.Parse(File.ReadAllText(folder["runs/train/harmed/workers.json"]));
        var rehearsal = workers.RootElement.GetProperty("rehearsal");
        if (isSame)
            Assert.IsTrue(rehearsal.GetProperty("same").GetBoolean(), run.Log);
        Assert.AreEqual(rehearsal.GetProperty("same").GetBoolean(), rehearsal.GetProperty("last_weights_sha256").GetString() == rehearsal.GetProperty("undisturbed_sha256").GetString());
        var lost = workers.RootElement.GetProperty("workers").EnumerateArray().Where(worker => worker.GetProperty("lost").GetString() is not null).Select(worker => worker.GetProperty("lost").GetString()!).ToArray();
        Assert.IsGreaterThanOrEqualTo(3, lost.Length, string.Join('\n', lost));
        Assert.IsTrue(lost.Any(reason => reason.Contains("did not answer within 3 s", StringComparison.Ordinal)), string.Join('\n', lost));
        var report = File.ReadAllText(folder["runs/train/harmed/report.html"]);
        StringAssert.Contains(report, "id=\"workers\"");
        StringAssert.Contains(report, "Rehearsal of faults");
        Assert.AreEqual(!isSame, report.Contains("<h3>Staleness</h3>", StringComparison.Ordinal));
    }
}
