using MlNetCifar.App.Cli;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>Where Spark and HDFS are, the same for all commands.</summary>
internal static class ClusterOptions
{
    const string Group = "Spark and HDFS";
    const string HadoopVariable = "HADOOP_CONF_DIR";

    public static OptionDescription<string?> Worker { get; } = OptionDescription.Text(
        "worker-path", "FILE", "The worker program, mlnetcifar-worker; without it the one beside this program", group: Group);

    public static OptionDescription<bool?> Ship { get; } = OptionDescription.Of<bool?>(
        "ship-worker", "BOOL", "Whether the worker program is sent to the executors; false where it is installed there",
        t => OptionText.Bool(t), null, Group, "true, unless the server is this machine");

    public static OptionDescription<TimeSpan> Stall { get; } = OptionDescription.Of(
        "stall-timeout", "TIME", "Stop a job in which nothing has moved for this long", OptionText.Limit, TimeSpan.FromMinutes(15), Group);

    public static OptionDescription<TimeSpan> WorkerTimeout { get; } = OptionDescription.Of(
        "worker-timeout", "TIME", "End a worker that gets no image done for this long; its part is tried again", OptionText.Limit, TimeSpan.FromMinutes(5), Group);

    /// <summary>How images are made into shards on a cluster.</summary>
    public static IReadOnlyList<OptionDescription> OfStage => [Worker, Ship, Stall, WorkerTimeout];

    /// <summary>The Connect server where there is no other place to run.</summary>
    public static OptionDescription<string?> Server { get; } = OptionDescription.Text("master", "ADDRESS", "The Spark Connect server, sc://host:port", group: Group);

    /// <summary>The file systems that HADOOP_CONF_DIR tells of.</summary>
    public static HadoopConfiguration Hadoop(Call call) =>
        call.Terminal.Variable(HadoopVariable) is { Length: > 0 } folder ? HadoopConfiguration.Load(folder) : HadoopConfiguration.FromEnvironment();
}
