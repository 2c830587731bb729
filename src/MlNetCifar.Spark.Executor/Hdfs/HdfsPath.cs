namespace MlNetCifar.Spark.Hdfs;

/// <summary>Addresses of files: which file system, and which path in it.</summary>
public static class HdfsPath
{
    static readonly string[] s_schemes = ["hdfs:", "webhdfs:", "swebhdfs:"];

    // Refused by name; as a local path it would only be missing.
    const string Mounted = "viewfs:";

    /// <summary>Whether an address names HDFS (hdfs, webhdfs or swebhdfs, also viewfs, which no operation takes) rather than a local file.</summary>
    /// <param name="path">An address or a local path.</param>
    public static bool IsHdfs(string path) => s_schemes.Append(Mounted).Any(s => path.StartsWith(s, StringComparison.Ordinal));

    /// <summary>The authority (scheme, host, port) and the path of an HDFS address.</summary>
    /// <param name="address">For example <c>hdfs://127.0.0.1:9000/data</c>; the path is taken as it is, no escape is undone.</param>
    /// <exception cref="MlNetCifarException">It is no HDFS address (MNC6013).</exception>
    public static (Uri FileSystem, string Path) Split(string address)
    {
        var colon = address.IndexOf(':');
        if (!IsHdfs(address) || address.StartsWith(Mounted, StringComparison.Ordinal))
            throw HdfsErrors.BadAddress(address);
        var rest = address[(colon + 1)..];
        var (authority, path) = ("", rest);
        if (rest.StartsWith("//", StringComparison.Ordinal))
        {
            var slash = rest.IndexOf('/', 2);
            (authority, path) = slash < 0 ? (rest[2..], "/") : (rest[2..slash], rest[slash..]);
        }

        if (!path.StartsWith('/') || !Uri.TryCreate($"{address[..colon]}://{authority}/", UriKind.Absolute, out var uri))
            throw HdfsErrors.BadAddress(address);
        return (uri, path.Length > 1 ? path.TrimEnd('/') is { Length: > 0 } trimmed ? trimmed : "/" : path);
    }

    /// <summary>The local path of a <c>file:</c> address; other local paths are returned as they are.</summary>
    /// <param name="path">A <c>file:</c> address or a path.</param>
    public static string ToLocal(string path) =>
        path.StartsWith("file://", StringComparison.Ordinal) ? path["file://".Length..]
        : path.StartsWith("file:", StringComparison.Ordinal) ? path["file:".Length..] : path;

    /// <summary>A path as processes take it that have another working directory.</summary>
    internal static string Absolute(string path)
    {
        path = ToLocal(path);
        return IsHdfs(path) ? path : Path.GetFullPath(path);
    }
}
