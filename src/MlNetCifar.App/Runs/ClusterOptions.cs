using MlNetCifar.App.Cli;
using MlNetCifar.Spark.Executors;
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

    /// <summary>Where processes of a command run that works by several.</summary>
    public static OptionDescription<string?> Master { get; } = new("master", "Where workers run: sc://host:port is a Spark cluster; without it this machine", text => text, null)
    {
        ValueName = "MASTER", Group = Group, IsRecorded = false,
    };

    /// <summary>What workers on a cluster dial.</summary>
    public static OptionDescription<string?> Listen { get; } = OptionDescription.Text(
        "listen", "ADDRESS", "Address of this machine that workers on a cluster dial, with a port or without; without it the loopback address where the server is this machine, else that by which the server is reached", group: Group);

    /// <summary>How pictures are scored on a cluster.</summary>
    public static IReadOnlyList<OptionDescription> OfScoring => [Master, Worker, Ship];

    /// <summary>The executors of a call.</summary>
    /// <param name="call">Names a cluster by <see cref="Master"/>.</param>
    public static SparkExecutorOptions Executors(Call call) => new()
    {
        Master = call.Get(Master)!, WorkerPath = call.Get(Worker), ShipWorker = call.Get(Ship), Hadoop = Hadoop(call),
    };

    /// <summary>How a network is trained on a cluster.</summary>
    public static IReadOnlyList<OptionDescription> OfTraining => [Master, Listen, Worker, Ship];

    /// <summary>Whether a master was given, and by more than the variable that names one for all commands.</summary>
    public static bool IsAsked(Call call) => call.Values.IsGiven(Master) && (call.Typed.Contains(Master.Name) || call.Terminal.Variable(Master.VariableName) is not { Length: > 0 });

    /// <summary>Warns of options of a cluster where none is at work; of a master, if it was asked for.</summary>
    /// <param name="call">Holds the options.</param>
    /// <param name="options">Those that would have an effect.</param>
    /// <param name="because">Why they have none.</param>
    public static void WarnOfIdle(Call call, IEnumerable<OptionDescription> options, string because)
    {
        foreach (var option in options.Where(o => call.Values.IsGiven(o) && !Equals(call.Values.Given(o), o.Default) && (o != Master || IsAsked(call))))
            call.Terminal.Warn($"{option.Option} has no effect: {because}");
    }

    /// <summary>How images are made into shards on a cluster.</summary>
    public static IReadOnlyList<OptionDescription> OfStage => [Worker, Ship, Stall, WorkerTimeout];

    /// <summary>The Connect server where there is no other place to run.</summary>
    public static OptionDescription<string?> Server { get; } = OptionDescription.Text("master", "ADDRESS", "The Spark Connect server, sc://host:port", group: Group);

    /// <summary>The file systems that HADOOP_CONF_DIR tells of.</summary>
    public static HadoopConfiguration Hadoop(Call call) =>
        call.Terminal.Variable(HadoopVariable) is { Length: > 0 } folder ? HadoopConfiguration.Load(folder) : HadoopConfiguration.FromEnvironment();

    /// <summary>Whether HADOOP_CONF_DIR names a folder that is gone, as after its cluster was stopped.</summary>
    public static bool IsHadoopGone(Call call) => call.Terminal.Variable(HadoopVariable) is { Length: > 0 } folder && !Directory.Exists(folder);
}
