using MlNetCifar.App.Cli;
using MlNetCifar.Spark.Cluster;

namespace MlNetCifar.App.Commands.Clusters;

/// <summary>Starts a local cluster.</summary>
internal sealed class ClusterStartCommand() : Verb(
    "start", "Start a cluster for development on this machine, loopback only: HDFS, Spark or YARN, and the Spark Connect server.")
{
    const string Executors = "Executors";
    const string Runtime = "Runtime";

    static readonly OptionDescription<ClusterManager> s_manager = OptionDescription.Of(
        "manager", "NAME", "Who hands out executors: standalone, yarn, or none for HDFS alone", OptionText.Choice<ClusterManager>, ClusterManager.Standalone);

    static readonly OptionDescription<int> s_executors = OptionDescription.Of("executors", "N", "Executors", OptionText.Positive, 2, Executors);
    static readonly OptionDescription<int> s_cores = OptionDescription.Of("executor-cores", "N", "Cores of each", OptionText.Positive, 1, Executors);
    static readonly OptionDescription<long?> s_memory = OptionDescription.Of<long?>(
        "executor-memory", "SIZE", "Java heap of each, for example 2g", OptionText.Bytes, 512L << 20, Executors, "512m");
    static readonly OptionDescription<string?> s_spark = OptionDescription.Text(
        "spark-home", "FOLDER", "An unpacked Spark 4; without it SPARK_HOME, or the archive in the folder spark of MLNETCIFAR_SHARED", group: Runtime);
    static readonly OptionDescription<string?> s_hadoop = OptionDescription.Text("hadoop-home", "FOLDER", "An unpacked Hadoop; without it HADOOP_HOME", group: Runtime);

    static readonly OptionDescription<string?> s_conf = OptionDescription.Text(
        "conf", "LIST", "Further properties, separated by ';': spark.… for Spark, others for Hadoop, for example \"spark.ui.enabled=false;dfs.blocksize=1048576\"", group: Runtime);

    protected override IEnumerable<OptionDescription> OwnOptions => [ClusterView.Folder, s_manager, s_executors, s_cores, s_memory, s_spark, s_hadoop, s_conf];

    public override IReadOnlyList<string> Examples => ["--manager yarn --executor-cores 2 --executor-memory 2g"];

    public override string Note =>
        "It needs Java 17, and prints the variables that the other commands read: eval \"$(mlnetcifar cluster start)\".";

    public override int Run(Call call)
    {
        var properties = Properties(call.Get(s_conf));
        var options = new LocalClusterOptions
        {
            Folder = call.Get(ClusterView.Folder)!,
            Manager = call.Get(s_manager),
            Executors = call.Get(s_executors),
            ExecutorCores = call.Get(s_cores),
            ExecutorMemory = (int)((call.Get(s_memory) ?? 512L << 20) >> 20),
            SparkProperties = properties.Where(p => IsSpark(p.Key)).ToDictionary(),
            HadoopProperties = properties.Where(p => !IsSpark(p.Key)).ToDictionary(),
            Runtime = ClusterView.Runtime(call, call.Get(s_spark), call.Get(s_hadoop)),
        };
        var started = TimeProvider.System.GetTimestamp();
        var cluster = LocalCluster.StartAsync(options, new Progress(call, started), call.Stop).GetAwaiter().GetResult();
        if (call.Json)
            ClusterView.PrintJson(call, cluster);
        else
            ClusterView.PrintVariables(call, cluster);
        call.Terminal.Log($"stop it with: mlnetcifar cluster stop --folder {call.Get(ClusterView.Folder)}");
        return ExitCodes.Ok;
    }

    static bool IsSpark(string name) => name.StartsWith("spark.", StringComparison.Ordinal);

    static Dictionary<string, string> Properties(string? text)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = entry.IndexOf('=');
            if (at <= 0 || !entry[..at].Contains('.') || !found.TryAdd(entry[..at].Trim(), entry[(at + 1)..].Trim()))
                throw CliErrors.Value(s_conf.Option, entry, "name=value, each name once, as in Spark's and Hadoop's files");
        }

        return found;
    }

    sealed class Progress(Call call, long started) : IProgress<string>
    {
        public void Report(string value) => call.Terminal.Log(Invariant($"{TimeProvider.System.GetElapsedTime(started).TotalSeconds,5:0.0} s  {value} is up"));
    }
}
