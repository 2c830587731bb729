using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs.Storage;

/// <summary>Where Spark and HDFS are, the same for all commands.</summary>
internal static class ClusterSettings
{
    const string Group = "Spark and HDFS";
    const string HadoopVariable = "HADOOP_CONF_DIR";

    static readonly Dictionary<string, HdfsFileStore> s_stores = [];

    public static Setting<string?> Worker { get; } = Settings.Text(
        "worker-path", "FILE", "The worker program, mlnetcifar-worker; without it the one beside this program", group: Group);

    public static Setting<bool?> Ship { get; } = Settings.Of<bool?>(
        "ship-worker", "BOOL", "Whether the worker program is sent to the executors; false where it is installed there", t => Texts.Bool(t), null, Group, "true, unless the server is this machine");

    public static Setting<TimeSpan> Stall { get; } = Settings.Of(
        "stall-timeout", "TIME", "Stop a job in which nothing has moved for this long", Limit, TimeSpan.FromMinutes(15), Group);

    public static Setting<TimeSpan> WorkerTimeout { get; } = Settings.Of(
        "worker-timeout", "TIME", "End a worker that gets no image done for this long; its part is tried again", Limit, TimeSpan.FromMinutes(5), Group);

    /// <summary>The Connect server where there is no other place to run.</summary>
    public static Setting<string?> Server { get; } = Settings.Text("master", "ADDRESS", "The Spark Connect server, sc://host:port", group: Group);

    /// <summary>A duration that ends.</summary>
    public static TimeSpan Limit(string text) => Texts.Duration(text) is { } time && time > TimeSpan.Zero ? time : throw new FormatException("a duration such as 90s, 15m or 1h30m");

    /// <summary>The file systems that HADOOP_CONF_DIR tells of.</summary>
    public static HadoopConfiguration Hadoop(Call call) =>
        call.Terminal.Variable(HadoopVariable) is { Length: > 0 } folder ? HadoopConfiguration.Load(folder) : HadoopConfiguration.FromEnvironment();

    /// <summary>The file system that holds a path. Those of HDFS stay open as long as the program runs, so that connections are used again.</summary>
    public static IFileStore Store(Call call, string path)
    {
        if (!HdfsPath.IsHdfs(path))
            return LocalFileStore.Instance;
        var fileSystem = HdfsPath.Split(path).FileSystem;
        var options = WebHdfsOptions.For(fileSystem, Hadoop(call));
        lock (s_stores)
        {
            var key = $"{fileSystem} {options}";
            if (!s_stores.TryGetValue(key, out var store))
                s_stores.Add(key, store = new(fileSystem, new(options)));
            return store;
        }
    }
}
