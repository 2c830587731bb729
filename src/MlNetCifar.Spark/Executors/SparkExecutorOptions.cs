using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>Which executors work, and how they reach data and this program.</summary>
public sealed record SparkExecutorOptions
{
    /// <summary>The Spark Connect server, <c>sc://host:port</c>.</summary>
    public required string Master { get; init; }

    /// <summary>For <see cref="SparkWorkers"/>: what they open, whose file systems are looked up here. May be empty where nothing lies on HDFS.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>
    /// For <see cref="SparkWorkers"/>: address or name of this machine that executors dial, with a port or without one. Null (the default) for the loopback address where the server is this machine, else for the address by which the server
    /// is reached.
    /// </summary>
    public string? Listen { get; init; }

    /// <summary>The worker program, as at <see cref="SparkPrepareOptions.WorkerPath"/>.</summary>
    public string? WorkerPath { get; init; }

    /// <summary>Whether it is sent to the executors, as at <see cref="SparkPrepareOptions.ShipWorker"/>.</summary>
    public bool? ShipWorker { get; init; }

    /// <summary>The HDFS user. The default is HADOOP_USER_NAME, else the system's user.</summary>
    public string User { get; init; } = WebHdfsOptions.DefaultUser;

    /// <summary>Where name nodes are found; null for HADOOP_CONF_DIR.</summary>
    public HadoopConfiguration? Hadoop { get; init; }

    /// <summary>Without secrets.</summary>
    public override string ToString() => StageMaster.WithoutSecrets(Master);
}
