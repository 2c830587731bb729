using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Training;

/// <summary>What is still to be sent, in order, on disk: one call a line; and beside it who the run is and how many lines were taken. Thread-safe.</summary>
internal sealed class MlflowSpool
{
    const string Entries = "spool.jsonl";
    const string Identity = "run.json";

    readonly Lock _gate = new();
    readonly string _folder;
    readonly List<string> _lines = [];

    /// <summary>Opens the spool of an earlier process, or an empty one.</summary>
    public MlflowSpool(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        if (File.Exists(At(Entries)))
            _lines.AddRange(File.ReadAllLines(At(Entries)).Where(IsWhole));
        if (!File.Exists(At(Identity)))
            return;
        using var json = JsonDocument.Parse(File.ReadAllBytes(At(Identity)));
        RunId = json.RootElement.GetProperty("run_id").GetString();
        Sent = Math.Min(json.RootElement.GetProperty("sent").GetInt32(), _lines.Count);
    }

    /// <summary>The run's identity at the server; null before it is known.</summary>
    public string? RunId { get; private set; }

    /// <summary>Entries the server has taken.</summary>
    public int Sent { get; private set; }

    /// <summary>Entries it has not.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _lines.Count - Sent;
        }
    }

    /// <summary>Adds a call.</summary>
    public void Add(string call, Action<Utf8JsonWriter> members)
    {
        var line = Encoding.UTF8.GetString(MlflowClient.Body(json =>
        {
            json.WriteString("call", call);
            json.WriteStartObject("body");
            members(json);
            json.WriteEndObject();
        }));
        lock (_gate)
        {
            _lines.Add(line);
            File.AppendAllText(At(Entries), line + "\n");
        }
    }

    /// <summary>The next call to send; null where all are sent.</summary>
    public string? Next()
    {
        lock (_gate)
            return Sent < _lines.Count ? _lines[Sent] : null;
    }

    /// <summary>Notes that the next call was taken.</summary>
    public void Done()
    {
        lock (_gate)
            Sent++;
        Save();
    }

    /// <summary>Notes who the run is.</summary>
    public void Named(string runId)
    {
        RunId = runId;
        Save();
    }

    static bool IsWhole(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return true;
        }
        catch (JsonException)
        {
            // The last line of a process that was killed while it wrote.
            return false;
        }
    }

    void Save() => LocalFileStore.Instance.Write(At(Identity), stream => stream.Write(MlflowClient.Body(json =>
    {
        json.WriteString("run_id", RunId);
        json.WriteNumber("sent", Sent);
    })));

    string At(string name) => Path.Combine(_folder, name);
}
