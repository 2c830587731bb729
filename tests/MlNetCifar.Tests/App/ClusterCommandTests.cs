using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.App;

/// <summary>The commands of Spark and HDFS where there is neither: they end in one line that says what to do.</summary>
[TestClass]
public sealed class ClusterCommandTests
{
    [TestMethod]
    public void Cluster_WithoutOne_SaysSo()
    {
        using var folder = new Pictures();
        Cli.Run("cluster", "status", "--folder", folder["none"]).Bad(ExitCodes.Usage, "MNC9016");
        Cli.Run("cluster", "stop", "--folder", folder["none"]).Bad(ExitCodes.Usage, "MNC9016");
        Cli.Run("cluster", "start", "--folder", folder["none"], "--spark-home", folder.Root).Bad(ExitCodes.Usage, "MNC6060");
        Cli.Run("cluster", "start", "--manager", "mesos").Bad(ExitCodes.Usage, "MNC9002");
        Assert.IsFalse(Directory.Exists(folder["none"]));
    }

    [TestMethod]
    public void Import_ChecksItsTarget()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 1, test: 1);
        Cli.Run("dataset", "import", data).Bad(ExitCodes.Usage, "MNC9004");
        Cli.Run("dataset", "import", data, folder["a"], "--to", folder["b"]).Bad(ExitCodes.Usage, "MNC9001");
        Cli.Run("dataset", "import", data, "--to", folder["b"], "--pack", "parquet").Bad(ExitCodes.Usage, "MNC9015");
        Assert.AreEqual($"6 files in {folder["c"]}\n", Cli.Run("dataset", "import", $"file://{data}", "--to", $"file://{folder["c"]}").Good().Out);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Import_OfAClusterThatIsAway_Fails()
    {
        using var folder = new Pictures();
        Cli.Run("dataset", "import", folder.Splits(train: 1, test: 1), "--to", "hdfs://127.0.0.1:1/b", "--pack", "parquet").Bad(ExitCodes.Failure, "MNC6001");
    }

    [TestMethod]
    public void FileAddresses_AreLocalPaths()
    {
        using var folder = new Pictures();
        var data = $"file://{folder.Splits()}";
        Cli.Run("prepare", "--data", data, "--size", "8", "--to", $"file://{folder["shards"]}").Good();
        var run = Cli.Run("train", "--data", $"file://{folder["shards"]}", "--output", $"file://{folder.Runs}", "--preset", "cats-dogs-cnn", "--epochs", "1", "--json").Good().Lines[^1];
        Assert.AreEqual(Path.Combine(folder.Runs, "train", "cats-dogs-cnn"), run.GetProperty("run").GetString());
        var model = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        Assert.HasCount(1, Cli.Run("predict", $"file://{Path.Combine(folder["data"], "test", "red", "000.png")}", "--model", model, "--json").Good().Lines);
    }

    [TestMethod]
    public void Prepare_OnAClusterThatIsAway_Fails()
    {
        using var folder = new Pictures();
        var worker = folder.Write("worker", "");
        Cli.Run("prepare", "--data", folder.Splits(), "--to", folder["shards"], "--master", "sc://127.0.0.1", "--stall-timeout", "none").Bad(ExitCodes.Usage, "MNC9002");
        Cli.Run("prepare", "--data", folder.Splits("more"), "--to", folder["shards"], "--master", "sc://127.0.0.1:x", "--worker-path", worker).Bad(ExitCodes.Usage, "MNC6020");
    }

    [TestMethod]
    public void DoctorSpark_NamesTheCure()
    {
        using var folder = new Pictures();
        var run = Cli.Run("doctor", "spark", "--worker-path", folder["none"], "--json");
        Assert.AreEqual(ExitCodes.Failure, run.ExitCode);
        var worker = run.Lines.Single(l => l.GetProperty("check").GetString() == "worker");
        Assert.AreEqual("fault", worker.GetProperty("result").GetString());
        StringAssert.Contains(worker.GetProperty("cure").GetString(), "Publish");
        StringAssert.Contains(Cli.Run("doctor", "spark", "--worker-path", folder["none"]).Out, "cure");

        // Of a cluster that was stopped.
        var gone = Cli.Run(["doctor", "spark", "--json"], new() { ["HADOOP_CONF_DIR"] = folder["gone"] });
        StringAssert.Contains(gone.Lines.Single(l => l.GetProperty("check").GetString() == "hdfs").GetProperty("found").GetString(), "MNC6015");
    }
}
