using System.Text.RegularExpressions;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>A cluster with shards of the sample on its HDFS, and the program as users call it there.</summary>
sealed class ExecutorFixture : IDisposable
{
    readonly string _root;

    ExecutorFixture(LocalCluster cluster, string root)
    {
        (Cluster, _root) = (cluster, root);
        Variables = new() { ["HADOOP_CONF_DIR"] = cluster.HadoopConfiguration };
    }

    public LocalCluster Cluster { get; }

    public TestFolder Folder { get; } = new();

    public Dictionary<string, string> Variables { get; }

    public string Shards => Hdfs("shards");

    /// <summary>What asks for executors.</summary>
    public string[] Master => ["--master", Cluster.Connect!, "--worker-path", StageFiles.Worker];

    public string Hdfs(string name) => $"{Cluster.FileSystem}/{_root}/{name}";

    public static async Task<ExecutorFixture> OpenAsync(string root, ClusterManager? own = null, Dictionary<string, string>? properties = null)
    {
        var fixture = new ExecutorFixture(own is { } manager ? await SparkFixture.StartAsync(manager, options => options with { SparkProperties = properties ?? [] }) : await SparkFixture.ClusterAsync(), root);
        StageFiles.Unpack(fixture.Folder["sample"], 60, 15);
        fixture.Run("prepare", "--data", fixture.Folder["sample"], "--size", "32", "--val-share", "0.25", "--parts", "4", "--to", fixture.Shards, "--master", "local[2]").Good();
        return fixture;
    }

    public Cli Run(params string[] args) => Cli.Run(args, Variables);

    public string[] Training(string name, params string[] more) =>
    [
        "train", "--json", "--data", Shards, "--preset", "seed-cnn", "--batch-size", "32", "--threads", "2", "--checkpoint-every", "5", "--cache", Folder["cache"], "--output", Folder["runs"], "--name", name,
        .. (more.Contains("--epochs") ? Array.Empty<string>() : ["--epochs", "2"]), .. more,
    ];

    public static string Hash(string log) => Regex.Match(log, "\"lastWeightsSha256\":\"([0-9a-f]{64})\"") is { Success: true } match ? match.Groups[1].Value : throw new AssertFailedException(log);

    public void Dispose() => Folder.Dispose();
}
