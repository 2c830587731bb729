using MlNetCifar.Data;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>What <see cref="SparkPrepare"/> is to do.</summary>
public sealed record SparkPrepareOptions
{
    /// <summary>A folder tree, CIFAR binary or NumPy files, or a Parquet folder of (path, content); on <c>hdfs://</c> or the local disk.</summary>
    public required string Input { get; init; }

    /// <summary>The shard folder, on <c>hdfs://</c> or on a disk that all executors see.</summary>
    public required string Output { get; init; }

    /// <summary><c>local</c>, <c>local[n]</c>, <c>local[*]</c> (this process, no JVM) or <c>sc://host:port</c>. The default is <c>local[*]</c>.</summary>
    public string Master { get; init; } = "local[*]";

    /// <summary>What the shards are to be; store and threads are set by the stage.</summary>
    public ShardOptions Shards { get; init; } = new();

    /// <summary>How image files are found; where they lie is set by the stage.</summary>
    public ImageCatalogOptions Files { get; init; } = new();

    /// <summary>The worker program; null to look for it (MLNETCIFAR_WORKER, then beside this program).</summary>
    public string? WorkerPath { get; init; }

    /// <summary>Whether the worker program is sent to the executors; false where it is installed there. Null (the default): sent unless the server is this machine.</summary>
    public bool? ShipWorker { get; init; }

    /// <summary>A job in which no task ends and no byte is read for this long is stopped. The default is 15 minutes.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>A worker that gets no image done for this long ends, and its task is tried again. The default is 5 minutes.</summary>
    public TimeSpan WorkerTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Told what each part took that a cluster's worker has made, from any thread; null (the default) for nobody.</summary>
    public Action<PartTiming>? OnPart { get; init; }

    /// <summary>The HDFS user. The default is HADOOP_USER_NAME, else the system's user.</summary>
    public string User { get; init; } = WebHdfsOptions.DefaultUser;

    /// <summary>Where name nodes are found; null for HADOOP_CONF_DIR.</summary>
    public HadoopConfiguration? Hadoop { get; init; }

    /// <summary>Without secrets.</summary>
    public override string ToString() => $"{Input} to {Output} on {StageMaster.WithoutSecrets(Master)}";
}

/// <summary>How far the stage is.</summary>
/// <param name="Phase"><c>list</c>, <c>connect</c>, <c>ship</c>, <c>run</c> or <c>done</c>.</param>
/// <param name="Images">Images of committed parts, or done in this process.</param>
/// <param name="Total">Images in all; 0 while unknown.</param>
/// <param name="BadFiles">Images left out so far.</param>
/// <param name="Tasks">Spark's tasks known so far.</param>
/// <param name="DoneTasks">Spark's tasks that have ended.</param>
/// <param name="Elapsed">Since the start.</param>
public readonly record struct SparkPrepareProgress(string Phase, int Images, int Total, int BadFiles, long Tasks, long DoneTasks, TimeSpan Elapsed)
{
    /// <summary>Worker processes that were started again so far, for some that were lost or gave up.</summary>
    public int Restarts { get; init; }

    /// <summary>Images a second since the start.</summary>
    public double ImagesPerSecond => Elapsed > TimeSpan.Zero ? Images / Elapsed.TotalSeconds : 0;
}
