using MlNetCifar.App.Cli;
using MlNetCifar.Spark.Cluster;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Clusters;

/// <summary>What the commands of a local cluster have in common.</summary>
internal static class ClusterView
{
    public static OptionDescription<string?> Folder { get; } = OptionDescription.Text("folder", "FOLDER", "Data, configuration and logs of the cluster", "cluster");

    /// <summary>The cluster of a call.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC9016).</exception>
    public static LocalCluster Find(Call call) => LocalCluster.Find(call.Get(Folder)!) ?? throw CliErrors.NoCluster(call.Get(Folder)!);

    /// <summary>Spark, Hadoop and Java, unpacked before the eyes of who waits for it.</summary>
    public static SparkRuntime Runtime(Call call, string? sparkHome = null, string? hadoopHome = null)
    {
        using var unpacking = new Unpacking(call);
        return SparkRuntime.Find(sparkHome, hadoopHome, unpacking);
    }

    /// <summary>Prints where the cluster is, as lines a shell can take: variables that the other commands read.</summary>
    public static void PrintVariables(Call call, LocalCluster cluster)
    {
        foreach (var (name, value) in Variables(cluster))
            call.Terminal.Out.WriteLine($"export {name}='{value.Replace("'", "'\\''")}'");
    }

    public static void PrintJson(Call call, LocalCluster cluster) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("folder", cluster.Folder);
        json.WriteString("logs", cluster.LogFolder);
        json.WriteStartObject("variables");
        foreach (var (name, value) in Variables(cluster))
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartArray("daemons");
        foreach (var daemon in cluster.Daemons)
        {
            json.WriteStartObject();
            json.WriteString("name", daemon.Name);
            json.WriteNumber("pid", daemon.ProcessId);
            json.WriteBoolean("alive", daemon.IsAlive);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    public static void PrintTable(Call call, LocalCluster cluster)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("Daemon", "Process", "State", "Log");
        foreach (var daemon in cluster.Daemons)
            table.AddRow(daemon.Name, OptionText.Of(daemon.ProcessId), daemon.IsAlive ? "running" : "dead", Markup.Escape(daemon.Log));
        call.Terminal.Tables.Write(table);
    }

    public static IEnumerable<(string Name, string Value)> Variables(LocalCluster cluster)
    {
        if (cluster.FileSystem is not null)
            yield return ("HADOOP_CONF_DIR", cluster.HadoopConfiguration);
        if (cluster.Connect is { } server)
            yield return ("MLNETCIFAR_MASTER", server);
    }

    sealed class Unpacking(Call call) : IProgress<double>, IDisposable
    {
        Bar? _bar;

        public void Report(double value)
        {
            if (_bar is null)
            {
                if (!call.Terminal.IsErrorTerminal)
                    call.Terminal.Log("unpacking Spark and Hadoop, once");
                _bar = new(call.Terminal, "unpacking");
            }

            _bar.Advance(value, Invariant($"unpacking Spark and Hadoop, once: {value:P0}"));
        }

        public void Dispose() => _bar?.Dispose();
    }
}
