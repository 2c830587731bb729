using System.Text.Json;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>How the processes of a job reach HDFS: as the driver does.</summary>
/// <param name="NameNodes">Where file systems answer, by their authority; empty where all is local.</param>
/// <param name="User">The HDFS user.</param>
/// <param name="Settings">What the driver's Hadoop says to clients.</param>
sealed record HdfsAccess(IReadOnlyDictionary<string, IReadOnlyList<Uri>> NameNodes, string User, HdfsClientSettings Settings)
{
    /// <summary>No file system but the local ones.</summary>
    public static HdfsAccess Local { get; } = new(new Dictionary<string, IReadOnlyList<Uri>>(), WebHdfsOptions.DefaultUser, HdfsClientSettings.None);

    /// <summary>What the driver knows of the file systems of some paths.</summary>
    /// <param name="paths">On HDFS or not.</param>
    /// <param name="hadoop">Null for HADOOP_CONF_DIR.</param>
    /// <param name="user">The HDFS user.</param>
    /// <exception cref="MlNetCifarException">They are not known, or a setting is none (MNC6016).</exception>
    public static HdfsAccess To(IEnumerable<string> paths, HadoopConfiguration? hadoop, string user)
    {
        var found = new Dictionary<string, IReadOnlyList<Uri>>();
        foreach (var path in paths.Where(HdfsPath.IsHdfs))
        {
            hadoop ??= HadoopConfiguration.FromEnvironment();
            var (fileSystem, _) = HdfsPath.Split(path);
            found[fileSystem.Authority] = FileStores.Addresses(fileSystem, hadoop);
        }

        return found.Count == 0 ? Local with { User = user } : new(found, user, HdfsClientSettings.Of(hadoop!));
    }

    /// <summary>The file stores.</summary>
    /// <param name="retry">The attempts of every operation.</param>
    public FileStores Open(RetryPolicy retry) => new(NameNodes, User, Settings, retry);

    /// <summary>Writes the properties of a JSON object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("user", User);
        if (Settings.Replication is { } replication)
            json.WriteNumber("replication", replication);
        if (Settings.Umask is { } umask)
            json.WriteNumber("umask", umask);
        json.WriteBoolean("dataNodeNames", Settings.UseDataNodeNames);
        json.WriteStartObject("nameNodes");
        foreach (var (authority, addresses) in NameNodes)
        {
            json.WriteStartArray(authority);
            foreach (var address in addresses)
                json.WriteStringValue(address.ToString());
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static HdfsAccess Read(JsonElement json) => new(
        json.GetProperty("nameNodes").EnumerateObject().ToDictionary(p => p.Name, p => (IReadOnlyList<Uri>)[.. p.Value.EnumerateArray().Select(a => new Uri(a.GetString()!))]),
        json.GetProperty("user").GetString()!, new(Number(json, "replication"), Number(json, "umask"), json.GetProperty("dataNodeNames").GetBoolean()));

    static int? Number(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetInt32() : null;
}
