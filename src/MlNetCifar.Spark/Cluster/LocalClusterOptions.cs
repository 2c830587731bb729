namespace MlNetCifar.Spark.Cluster;

/// <summary>Who hands out executors.</summary>
public enum ClusterManager
{
    /// <summary>No Spark at all, HDFS only.</summary>
    None,

    /// <summary>Spark's own master and worker.</summary>
    Standalone,

    /// <summary>A YARN resource manager and node manager.</summary>
    Yarn,
}

/// <summary>What a local development cluster consists of.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>Folder for data, configuration and logs; created, and removed again by stop.</summary>
    public required string Folder { get; init; }

    /// <summary>Who hands out executors. The default is standalone.</summary>
    public ClusterManager Manager { get; init; } = ClusterManager.Standalone;

    /// <summary>Whether a name node and a data node are started. The default is true; YARN needs them.</summary>
    public bool Hdfs { get; init; } = true;

    /// <summary>Executors. The default is 2.</summary>
    public int Executors { get; init; } = 2;

    /// <summary>Cores of an executor. The default is 1.</summary>
    public int ExecutorCores { get; init; } = 1;

    /// <summary>Heap of an executor in MiB. The default is 512.</summary>
    public int ExecutorMemory { get; init; } = 512;

    /// <summary>Heap of the Connect server in MiB. The default is 768; Spark wants at least 450.</summary>
    public int DriverMemory { get; init; } = 768;

    /// <summary>Heap of each other daemon in MiB. The default is 256.</summary>
    public int DaemonMemory { get; init; } = 256;

    /// <summary>Further entries of spark-defaults.conf.</summary>
    public IReadOnlyDictionary<string, string> SparkProperties { get; init; } = new Dictionary<string, string>();

    /// <summary>Further properties of the Hadoop files: <c>yarn.</c>… in yarn-site.xml, <c>dfs.</c>… in hdfs-site.xml, all others in core-site.xml.</summary>
    public IReadOnlyDictionary<string, string> HadoopProperties { get; init; } = new Dictionary<string, string>();

    /// <summary>Further variables of the environment of all daemons.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Where Spark and Hadoop lie; null to look for them.</summary>
    public SparkRuntime? Runtime { get; init; }

    /// <summary>Longest wait for each daemon to be of use. The default is 2 minutes.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(2);
}
