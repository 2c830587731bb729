using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Training;

/// <summary>
/// What is still to be sent, in order: one call a line, on disk, and beside it who the run is and how many lines were taken. Each run begins with the call that makes it, so
/// that a folder may hold the end of one run and the beginning of the next. Where the disk fails, entries are kept in memory. Thread-safe.
/// </summary>
internal sealed class MlflowSpool
{
    /// <summary>The call that makes a run.</summary>
    public const string Begin = "runs/create";

    const string Entries = "spool.jsonl";
    const string Identity = "run.json";

    readonly Lock _gate = new();
    readonly string _folder;
    readonly List<(string Call, string Line)> _lines = [];
    string? _runId;
    int _sent;
    int _onDisk;
    long _length;
    bool _isOpen;

    /// <summary>Opens the spool of an earlier process, or an empty one.</summary>
    public MlflowSpool(string folder)
    {
        _folder = folder;
        Try(() =>
        {
            Directory.CreateDirectory(folder);
            ReadEntries();
            ReadIdentity();
            _isOpen = true;
        });
    }

    /// <summary>Why the folder cannot be written; null where it can.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether a run has begun, be it sent or not.</summary>
    public bool HasRun
    {
        get
        {
            lock (_gate)
                return LastBegin(_lines.Count) >= 0;
        }
    }

    /// <summary>The identity of the run that began last; null before the server has told it.</summary>
    public string? RunId
    {
        get
        {
            lock (_gate)
                return LastBegin(_lines.Count) < _sent ? _runId : null;
        }
    }

    /// <summary>Entries the server has not taken.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _lines.Count - _sent;
        }
    }

    /// <summary>Adds a call.</summary>
    public void Add(string call, Action<Utf8JsonWriter> members)
    {
        var line = JsonText.Object(json =>
        {
            json.WriteString("call", call);
            json.WriteStartObject("body");
            members(json);
            json.WriteEndObject();
        });
        lock (_gate)
        {
            _lines.Add((call, line));
            Try(Append);
        }
    }

    /// <summary>The next call to send, and the run it belongs to; null where all are sent.</summary>
    public (string Line, string? RunId)? Next()
    {
        lock (_gate)
            return _sent < _lines.Count ? (_lines[_sent].Line, _runId) : null;
    }

    /// <summary>Notes that the next call was taken, or will never be.</summary>
    /// <param name="runId">The run it made or belongs to.</param>
    public void Done(string? runId)
    {
        lock (_gate)
        {
            (_runId, _sent) = (runId, _sent + 1);
            Try(Save);
        }
    }

    /// <summary>Goes back to where the run under way began: its server has lost it.</summary>
    public void Again()
    {
        lock (_gate)
        {
            (_runId, _sent) = (null, LastBegin(_sent));
            Try(Save);
        }
    }

    /// <summary>The last beginning among the first lines; -1 where there is none.</summary>
    int LastBegin(int count) => Math.Min(count, _lines.Count) is var last and > 0 ? _lines.FindLastIndex(last - 1, line => line.Call == Begin) : -1;

    void ReadEntries()
    {
        if (!File.Exists(At(Entries)))
            return;
        var bytes = File.ReadAllBytes(At(Entries));
        _length = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        foreach (var line in Encoding.UTF8.GetString(bytes, 0, (int)_length).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (CallOf(line) is { } call)
                _lines.Add((call, line));
        }

        // The last line of a process that was killed while it wrote: whole or cut, it is written over.
        _onDisk = _lines.Count;
        var rest = Encoding.UTF8.GetString(bytes.AsSpan((int)_length));
        if (CallOf(rest) is { } last)
            _lines.Add((last, rest));
        if (LastBegin(1) < 0)
        {
            // Not a spool that begins with a run.
            _lines.Clear();
            (_onDisk, _length) = (0, 0);
        }
    }

    void ReadIdentity()
    {
        if (_lines.Count == 0 || !File.Exists(At(Identity)))
            return;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(At(Identity)));
            _runId = json.RootElement.GetProperty("run_id").GetString();
            _sent = Math.Clamp(json.RootElement.GetProperty("sent").GetInt32(), 0, _lines.Count);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Written whole or not at all, so it is another's; the entries make a run of their own then.
            (_runId, _sent) = (null, 0);
        }
    }

    static string? CallOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement is { ValueKind: JsonValueKind.Object } entry && entry.TryGetProperty("body", out var body) && body.ValueKind == JsonValueKind.Object
                && entry.TryGetProperty("call", out var call) && call.ValueKind == JsonValueKind.String ? call.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes what the disk does not have yet, from where it was last known to be whole.</summary>
    void Append()
    {
        if (_onDisk == _lines.Count)
            return;
        using var file = new FileStream(At(Entries), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        file.Position = _length;
        foreach (var (_, line) in _lines[_onDisk..])
            file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        file.SetLength(file.Position);
        file.Flush();
        (_length, _onDisk) = (file.Position, _lines.Count);
    }

    void Save()
    {
        Append();
        LocalFileStore.Instance.Write(At(Identity), stream => stream.Write(JsonText.Bytes(json =>
        {
            json.WriteString("run_id", _runId);
            json.WriteNumber("sent", _sent);
        })));
    }

    void Try(Action action)
    {
        // What could not be read may be there all the same, and is not written over.
        if (!_isOpen && Fault is not null)
            return;
        try
        {
            action();
            Fault = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fault = e.Message.TrimEnd('.');
        }
    }

    string At(string name) => Path.Combine(_folder, name);
}
