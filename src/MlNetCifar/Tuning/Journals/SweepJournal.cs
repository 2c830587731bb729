using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tuning;

/// <summary>
/// What happened in a sweep, a line each, appended and flushed to the disk before anything follows from it: a checksum and a JSON object. Whoever reads or appends holds a lock
/// that the system gives back when a process ends, however it ends; so several processes share a journal, and a last line without an end is one that a process died at. Thread-safe.
/// </summary>
internal sealed class SweepJournal : IDisposable
{
    public const string FileName = "trials.jsonl";

    const string LockName = "trials.lock";
    const int SumDigits = 8;

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    static readonly JsonWriterOptions s_relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Lock _gate = new();
    readonly JournalState _state = new();
    readonly string? _folder;
    readonly Action<string> _warn;
    long _position;
    int _line;

    SweepJournal(string? folder, Action<string> warn) => (_folder, _warn) = (folder, warn);

    /// <summary>Of a sweep that nothing is kept of.</summary>
    public static SweepJournal InMemory() => new(null, _ => { });

    /// <summary>Opens the journal of a folder, or begins one.</summary>
    /// <param name="folder">Made where missing.</param>
    /// <param name="header">What the sweep is begun with; of one that was begun before it must be the same.</param>
    /// <param name="resume">Whether there may be one.</param>
    /// <param name="warn">Told of lines that say nothing.</param>
    /// <param name="unnamed">What held for a journal that does not name a setting, by its name.</param>
    /// <exception cref="MlNetCifarException">
    /// It cannot be written (MNC3209) or read (MNC3208), there is one already (MNC3211), or it was begun with something else (MNC3210).
    /// </exception>
    public static SweepJournal Open(string folder, IReadOnlyDictionary<string, string> header, bool resume, Action<string> warn, IReadOnlyDictionary<string, string>? unnamed = null)
    {
        var journal = new SweepJournal(folder, warn);
        journal.Do((state, append) =>
        {
            if (state.Header is { } then)
                Compare(journal.Path, then, header, unnamed, resume);
            else if (journal._position > 0)
                throw TuningErrors.Journal(journal.Path, "This is no journal of a sweep: its first line does not say what was begun.");
            else
                append(json => WriteHeader(json, header));
            return true;
        });
        return journal;
    }

    /// <summary>Whether a folder holds a journal.</summary>
    public static bool IsIn(string folder) => File.Exists(System.IO.Path.Combine(folder, FileName));

    /// <summary>Reads a journal and changes nothing; a line that is being written counts as not there.</summary>
    /// <exception cref="MlNetCifarException">It cannot be read (MNC3208).</exception>
    public static JournalState Peek(string folder)
    {
        var journal = new SweepJournal(folder, _ => { });
        try
        {
            using var file = new FileStream(journal.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var copy = new MemoryStream();
            file.CopyTo(copy);
            journal.Lines(copy.ToArray());
            return journal._state;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TuningErrors.Journal(journal.Path, $"The journal cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    string Path => System.IO.Path.Combine(_folder!, FileName);

    /// <summary>Looks at what happened, and appends to it, with no one else doing so meanwhile.</summary>
    /// <param name="work">Given the state and a way to append a record, which the state then has.</param>
    public T Do<T>(Func<JournalState, Action<Action<Utf8JsonWriter>>, T> work)
    {
        lock (_gate)
        {
            if (_folder is null)
                return work(_state, members => Apply(Record(members)));
            try
            {
                Directory.CreateDirectory(_folder);
                using var taken = Take();
                using var file = new FileStream(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 1);
                Read(file);
                return work(_state, members => Append(file, Record(members)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw TuningErrors.JournalUnwritable(Path, e);
            }
        }
    }

    public void Dispose()
    {
    }

    FileStream Take()
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(System.IO.Path.Combine(_folder!, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(started) < s_patience)
            {
                Thread.Sleep(5);
            }
        }
    }

    void Read(FileStream file)
    {
        if (file.Length < _position)
            throw TuningErrors.Journal(Path, FormattableString.Invariant($"The journal has become shorter, from {_position:N0} to {file.Length:N0} bytes."));
        var bytes = new byte[file.Length - _position];
        file.Position = _position;
        file.ReadExactly(bytes);
        var rest = Lines(bytes);
        _position = file.Length;
        if (rest.IsEmpty)
            return;

        // Nobody else writes now, so whoever wrote this died; ending the line keeps it apart from what follows.
        file.Write("\n"u8);
        file.Flush(flushToDisk: true);
        _position = file.Length;
        Line(rest);
    }

    /// <summary>Takes in whole lines, and gives what is left.</summary>
    ReadOnlyMemory<byte> Lines(ReadOnlyMemory<byte> rest)
    {
        while (rest.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            Line(rest[..end]);
            rest = rest[(end + 1)..];
        }

        return rest;
    }

    void Line(ReadOnlyMemory<byte> line)
    {
        _line++;
        try
        {
            var text = line.Length > SumDigits ? line[(SumDigits + 1)..] : default;
            if (!text.IsEmpty && uint.TryParse(line.Span[..SumDigits], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var sum) && sum == Crc32.Compute(text.Span))
            {
                Apply(text);
                return;
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw TuningErrors.Journal(Path, FormattableString.Invariant($"Line {_line} is whole, but nothing that this version knows ({e.Message.TrimEnd('.')})."), e);
        }

        _warn(FormattableString.Invariant($"line {_line} of {Path} is torn: a process ended while it wrote it; what it was about is done again"));
    }

    void Append(FileStream file, byte[] record)
    {
        var line = new byte[SumDigits + 1 + record.Length + 1];
        Encoding.ASCII.GetBytes(Crc32.Compute(record).ToString("x8", CultureInfo.InvariantCulture), line);
        line[SumDigits] = (byte)' ';
        record.CopyTo(line, SumDigits + 1);
        line[^1] = (byte)'\n';
        file.Position = _position;
        file.Write(line);
        file.Flush(flushToDisk: true);
        _position += line.Length;
        _line++;
        Apply(record);
    }

    void Apply(ReadOnlyMemory<byte> record)
    {
        using var json = JsonDocument.Parse(record);
        _state.Apply(json.RootElement, TimeProvider.System.GetTimestamp());
    }

    static byte[] Record(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_relaxed))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    static void WriteHeader(Utf8JsonWriter json, IReadOnlyDictionary<string, string> header)
    {
        json.WriteString("record", "sweep");
        json.WriteString("program_version", Files.FileOrigin.Current);
        json.WriteStartObject("settings");
        foreach (var (name, value) in header)
            json.WriteString(name, value);
        json.WriteEndObject();
    }

    static void Compare(string path, IReadOnlyDictionary<string, string> then, IReadOnlyDictionary<string, string> now, IReadOnlyDictionary<string, string>? unnamed, bool resume)
    {
        if (!resume)
            throw TuningErrors.Taken(path);
        foreach (var (name, value) in now)
        {
            if ((then.GetValueOrDefault(name) ?? unnamed?.GetValueOrDefault(name)) is var before && before != value)
                throw TuningErrors.OtherSweep(path, name, before ?? "nothing", value);
        }
    }
}
