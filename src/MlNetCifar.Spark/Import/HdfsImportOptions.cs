using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Import;

/// <summary>How a data set comes to HDFS.</summary>
public sealed record HdfsImportOptions
{
    /// <summary>A folder or archive (.tar.gz, .tgz, .tar, .zip) on the local disk.</summary>
    public required string Source { get; init; }

    /// <summary>A folder on HDFS.</summary>
    public required string Target { get; init; }

    /// <summary>Whether the files become rows (path, length, content) of a few large Parquet files. The default is false.</summary>
    public bool PackParquet { get; init; }

    /// <summary>Bytes of content aimed at for each packed file. The default is 32 MiB.</summary>
    public long PackBytes { get; init; } = 32 << 20;

    /// <summary>Files written at once. The default is 8.</summary>
    public int Parallelism { get; init; } = 8;

    /// <summary>A file of the same length at the target is left as it is, so that an interrupted import can go on. The default is true.</summary>
    public bool SkipExisting { get; init; } = true;

    /// <summary>The HDFS user. The default is HADOOP_USER_NAME, else the system's user.</summary>
    public string User { get; init; } = WebHdfsOptions.DefaultUser;

    /// <summary>Where name nodes are found; null for HADOOP_CONF_DIR.</summary>
    public HadoopConfiguration? Hadoop { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Source} to {Target}{(PackParquet ? ", packed" : "")}";
}

/// <summary>How far an import is.</summary>
/// <param name="Files">Files done.</param>
/// <param name="Total">Files in all.</param>
/// <param name="Bytes">Bytes done.</param>
public readonly record struct HdfsImportProgress(int Files, int Total, long Bytes);

/// <summary>What an import did.</summary>
/// <param name="Target">The folder on HDFS.</param>
/// <param name="Files">Files of the source.</param>
/// <param name="Skipped">Of them, already there.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record HdfsImportReport(string Target, int Files, int Skipped, long Bytes)
{
    /// <summary>What was left out, or may not be what the archive's maker meant.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
