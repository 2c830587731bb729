using System.Diagnostics;
using System.Net;
using MlNetCifar.Data;
using MlNetCifar.Spark.Executors;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>The parts of training and scoring by executors that need no cluster.</summary>
[TestClass]
public sealed class ExecutorPartsTests
{
    [TestMethod]
    [DataRow(new[] { 10 }, 3)]
    [DataRow(new[] { 3, 1, 7 }, 3)]
    [DataRow(new[] { 100, 5 }, 1000)]
    [DataRow(new[] { 6 }, 1)]
    public void Runs_HoldEachPictureOnce(int[] counts, int length)
    {
        var runs = new PictureRuns(counts, length);
        var seen = Enumerable.Range(0, runs.Count).Select(i => runs[i]).SelectMany(run => Enumerable.Range(run.First, run.Count).Select(i => (run.Source, i))).ToArray();
        CollectionAssert.AreEqual(counts.SelectMany((count, source) => Enumerable.Range(0, count).Select(i => (source, i))).ToArray(), seen);
        Assert.ThrowsExactly<FormatException>(() => runs[runs.Count]);
    }

    [TestMethod]
    public void Runs_AreSeveralForEachCore_AndNoneIsShort()
    {
        Assert.AreEqual(64, PictureRuns.LengthFor(100, 2));
        Assert.AreEqual(1250, PictureRuns.LengthFor(10_000, 2));
        Assert.AreEqual(125_000_000, PictureRuns.LengthFor(1_000_000_000, 2));
    }

    [TestMethod]
    [DataRow(null, "localhost", "127.0.0.1:0")]
    [DataRow(null, "127.0.0.1", "127.0.0.1:0")]
    [DataRow("10.1.2.3", "far", "10.1.2.3:0")]
    [DataRow("10.1.2.3:7071", "far", "10.1.2.3:7071")]
    [DataRow("fd00::5", "far", "[fd00::5]:0")]
    [DataRow("[fd00::5]", "far", "[fd00::5]:0")]
    [DataRow("[fd00::5]:7071", "far", "[fd00::5]:7071")]
    public void Listen_IsRead(string? text, string host, string expected) => Assert.AreEqual(IPEndPoint.Parse(expected), ListenAddress.Find(text, host, 15002));

    [TestMethod]
    [DataRow("0.0.0.0")]
    [DataRow("[::]:80")]
    [DataRow("10.1.2.3:port")]
    [DataRow("10.1.2.3:99999")]
    [DataRow("no such host.invalid")]
    public void Listen_OnNoAddress_IsRefused(string text) => Assert.AreEqual("MNC6092", Assert.ThrowsExactly<MlNetCifarException>(() => ListenAddress.Find(text, "far", 1)).Code);

    /// <summary>A pulse comes every five seconds.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void AWorker_WhoseExecutorIsGone_Ends()
    {
        using var worker = Process.Start(new ProcessStartInfo(StageFiles.Worker, ["train", new ExecutorJob(HdfsAccess.Local).ToArgument()]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            worker.StandardOutput.Close();
            Assert.IsTrue(worker.WaitForExit(TimeSpan.FromMinutes(1)));
            Assert.AreEqual(1, worker.ExitCode);
        }
        finally
        {
            worker.Kill();
        }
    }

    [TestMethod]
    public void Jobs_SurviveTheirTrip()
    {
        var access = new HdfsAccess(new Dictionary<string, IReadOnlyList<Uri>> { ["h:1"] = [new("http://h:2/")] }, "ann", new(2, 0x17, true));
        Assert.AreEqual("ann", ExecutorJob.FromArgument(new ExecutorJob(access).ToArgument()).Access.User);
        var job = new ScoreJob
        {
            Access = access, Sources = [new("hdfs://h:1/a b", 5, DatasetSplit.Validation), new("/p'\"", 2, null)], Length = 3, Views = TestTimeViews.FlipShift, WithFeatures = true, Top = 4, AbstainBelow = 0.1,
            Decode = new() { MaxPixels = 77, AllowTruncated = true }, CacheFolder = "none", CacheLimit = 5L << 40,
        };
        var back = ScoreJob.FromArgument(job.ToArgument());
        CollectionAssert.AreEqual(job.Sources.ToArray(), back.Sources.ToArray());
        Assert.AreEqual(job with { Access = back.Access, Sources = back.Sources, Decode = back.Decode }, back);
        Assert.AreEqual((77L, true), (back.Decode.MaxPixels, back.Decode.AllowTruncated));
    }

    [TestMethod]
    public void Masters_AreTold()
    {
        Assert.IsTrue(SparkWorkers.IsCluster("sc://h:1"));
        Assert.IsFalse(SparkWorkers.IsCluster("local[2]"));
        Assert.IsFalse(SparkWorkers.IsCluster(null));
        Assert.AreEqual("MNC6041", Assert.ThrowsExactly<MlNetCifarException>(() => SparkWorkers.IsCluster("yarn")).Code);
    }

    [TestMethod]
    public void AWorkerWithoutARun_TriesAgain()
    {
        var error = new StringWriter();
        var code = ExecutorHost.Run([TrainHost.Name, new ExecutorJob(HdfsAccess.Local).ToArgument()], new MemoryStream("127.0.0.1:1 token\n"u8.ToArray()), new MemoryStream(), error);
        Assert.AreEqual(75, code);
        StringAssert.StartsWith(error.ToString(), "MNC3312: There is no run at 127.0.0.1:1");
    }
}
