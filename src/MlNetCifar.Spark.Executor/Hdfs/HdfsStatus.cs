using System.Text.Json;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>A file or folder on HDFS.</summary>
/// <param name="Name">Its last part; empty when the path itself was asked for.</param>
/// <param name="Length">Bytes; 0 for a folder.</param>
/// <param name="IsFolder">Whether this is a folder.</param>
/// <param name="Modified">When it was last changed.</param>
public readonly record struct HdfsStatus(string Name, long Length, bool IsFolder, DateTimeOffset Modified)
{
    internal static HdfsStatus Parse(JsonElement json) => new(
        json.GetProperty("pathSuffix").GetString() ?? "",
        json.GetProperty("length").GetInt64(),
        json.GetProperty("type").GetString() == "DIRECTORY",
        DateTimeOffset.FromUnixTimeMilliseconds(json.GetProperty("modificationTime").GetInt64()));
}

/// <summary>The sum over a folder tree.</summary>
/// <param name="Files">Files below it.</param>
/// <param name="Folders">Folders below it, itself included.</param>
/// <param name="Length">Bytes of all files, copies not counted.</param>
public readonly record struct HdfsContentSummary(long Files, long Folders, long Length);
