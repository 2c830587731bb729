using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Spark.Cluster;

/// <summary>What is kept of a running cluster: <c>cluster.json</c> in its folder.</summary>
sealed record ClusterState
{
    const string FileName = "cluster.json";

    public IReadOnlyList<ClusterDaemon> Daemons { get; init; } = [];

    public int Connect { get; init; }

    public int Master { get; init; }

    public int NameNodeRpc { get; init; }

    public int NameNodeHttp { get; init; }

    public static ClusterState? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = json.RootElement;
        return new()
        {
            Connect = Port("connect"),
            Master = Port("master"),
            NameNodeRpc = Port("nameNodeRpc"),
            NameNodeHttp = Port("nameNodeHttp"),
            Daemons = [.. root.GetProperty("daemons").EnumerateArray().Select(d => new ClusterDaemon(
                d.GetProperty("name").GetString()!, d.GetProperty("pid").GetInt32(), d.GetProperty("start").GetInt64(), d.GetProperty("log").GetString()!))],
        };

        // A cluster that another version started may lack a service.
        int Port(string name) => root.TryGetProperty(name, out var port) ? port.GetInt32() : 0;
    }

    public void Write(string folder) => LocalFileStore.Instance.Write(Path.Combine(folder, FileName), stream =>
    {
        using var json = new Utf8JsonWriter(stream, new() { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("connect", Connect);
        json.WriteNumber("master", Master);
        json.WriteNumber("nameNodeRpc", NameNodeRpc);
        json.WriteNumber("nameNodeHttp", NameNodeHttp);
        json.WriteStartArray("daemons");
        foreach (var daemon in Daemons)
        {
            json.WriteStartObject();
            json.WriteString("name", daemon.Name);
            json.WriteNumber("pid", daemon.ProcessId);
            json.WriteNumber("start", daemon.StartTime);
            json.WriteString("log", daemon.Log);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });
}
