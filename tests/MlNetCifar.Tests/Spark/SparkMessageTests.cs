using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.Spark;

/// <summary>What an operator is told before anything runs, and why something does not.</summary>
[TestClass]
[DoNotParallelize]
public sealed class SparkMessageTests
{
    [TestMethod]
    public void HdfsWithoutConfiguration_NamesTheVariable()
    {
        using var folder = new Pictures();
        var run = Cli.Run("train", "--data", "hdfs:///photos", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC6015");
        StringAssert.Contains(run.Error, "HADOOP_CONF_DIR");
        run = Cli.Run(["train", "--data", "hdfs:///photos", "--output", folder.Runs], new() { ["HADOOP_CONF_DIR"] = folder["nowhere"] }).Bad(ExitCodes.Usage, "MNC6015");
        StringAssert.Contains(run.Error, folder["nowhere"]);
    }

    [TestMethod]
    public void MountedFileSystems_AreRefusedByName()
    {
        using var folder = new Pictures();
        StringAssert.Contains(Cli.Run("train", "--data", "viewfs://cluster/photos", "--output", folder.Runs).Bad(ExitCodes.Usage, "MNC6013").Error, "viewfs://cluster/photos");
    }

    [TestMethod]
    public void Worker_ThatIsMissingOrNoProgram_IsTold_BeforeAnythingIsTouched()
    {
        using var folder = new Pictures();
        var data = folder.Classes("photos");
        folder.Write("worker", "text");
        foreach (var worker in new[] { folder["nowhere"], folder["worker"] })
        {
            string[] prepare = ["prepare", data, "--to", folder["shards"], "--size", "16", "--master", "sc://127.0.0.1:1", "--worker-path", worker];
            StringAssert.Contains(Cli.Run(prepare).Bad(ExitCodes.Usage, "MNC6040").Error, worker);
            Assert.IsFalse(Directory.Exists(folder["shards"]));
        }
    }

    [TestMethod]
    public void WorkerFault_IsOneLine()
    {
        using var error = new StringWriter();
        Assert.AreNotEqual(0, WorkerHost.Run(["no job"], new MemoryStream(), new MemoryStream(), error));
        Assert.AreEqual(1, error.ToString().TrimEnd().Split('\n').Length, error.ToString());
        Assert.DoesNotContain("   at ", error.ToString());
    }

    [TestMethod]
    public void ImageThatMayNotBeRead_IsNoBadImage()
    {
        var builder = new ShardBuilder(new() { Threads = 1, OnBadImage = MlNetCifar.OnBadImage.Skip });
        var denied = new ShardInput("a.png", 0, () => throw new UnauthorizedAccessException("Access to the path is denied."));
        Assert.AreEqual("MNC1011", Assert.ThrowsExactly<MlNetCifarException>(() => builder.Build(1, [denied])).Code);
        var gone = new ShardInput("a.png", 0, () => throw new IOException("gone"));
        using var part = builder.Build(1, [gone]);
        Assert.AreEqual("MNC1011", ImageReading.Require("a.png", new IOException("gone")).Code);
    }

    [TestMethod]
    public async Task Retries_AreTold()
    {
        var told = new List<string>();
        RetryPolicy.Told = text =>
        {
            lock (told)
                told.Add(text);
        };
        try
        {
            var retry = new RetryPolicy { MaxAttempts = 6, InitialDelay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(1) };
            using var client = new WebHdfsClient(new() { NameNodes = [new("http://127.0.0.1:1")], Retry = retry });
            Assert.AreEqual("MNC6001", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => client.GetStatusAsync("/"))).Code);
        }
        finally
        {
            RetryPolicy.Told = null;
        }

        Assert.HasCount(1, told);
        StringAssert.StartsWith(told[0], "no answer after 3 of 6 attempts, trying again: ");
        StringAssert.Contains(told[0], "127.0.0.1:1");
    }

    [TestMethod]
    [DataRow("spark.ui.enabled")]
    [DataRow("a=b")]
    [DataRow("dfs.replication=1;dfs.replication=2")]
    public void Conf_ThatIsNoProperty_IsRefused(string text)
    {
        using var folder = new Pictures();
        Cli.Run("cluster", "start", "--folder", folder["cluster"], "--conf", text).Bad(ExitCodes.Usage, "MNC9002");
    }
}
