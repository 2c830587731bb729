using System.Collections.Concurrent;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// One run at a time writes into a folder of shards: a file in it says who and since when, and is renewed as long as the run lives. A run that ended early leaves it behind as a
/// note that what lies here is of prepare, and unfinished. Who was taken for dead and is not finds out before it commits anything.
/// </summary>
internal sealed class ShardLock : IDisposable
{
    public const string FileName = "_mlnetcifar.lock";

    static readonly TimeSpan s_renewal = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which an owner elsewhere is doubted. Clocks may differ, so its note is then watched, too.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    // Of this process: one whose end could not be written, on a full disk, is told by not being among them.
    static readonly ConcurrentDictionary<string, bool> s_held = new();

    readonly Lock _gate = new();
    readonly IFileStore _store;
    readonly string _folder;
    readonly Timer _timer;
    Note _note;
    bool _ended;

    ShardLock(IFileStore store, string folder, Note note, bool foundUnfinished)
    {
        (_store, _folder, _note, FoundUnfinished) = (store, folder, note, foundUnfinished);
        _timer = new Timer(_ => Renew(), null, s_renewal, s_renewal);
    }

    /// <summary>Whether an earlier run ended early here.</summary>
    public bool FoundUnfinished { get; }

    /// <summary>Whether something was written, so that an early end leaves the note.</summary>
    public bool HasWritten { get; set; }

    /// <summary>Takes the folder.</summary>
    /// <exception cref="MlNetCifarException">A run that lives has it (MNC1035), or it is a file (MNC1038).</exception>
    public static ShardLock Take(IFileStore store, string folder, CancellationToken cancellation)
    {
        if (store.FileExists(folder))
            throw DataErrors.OutputIsFile(folder);
        var own = Note.OfThis();
        s_held[own.Id] = true;
        try
        {
            return new(store, folder, own, Place(store, folder, own, cancellation));
        }
        catch
        {
            s_held.TryRemove(own.Id, out _);
            throw;
        }
    }

    /// <summary>Writes the note, where that of a run which ended early may have to go first; whether it had.</summary>
    static bool Place(IFileStore store, string folder, Note own, CancellationToken cancellation)
    {
        var foundUnfinished = false;
        while (!store.TryCreate(Path(folder), own.ToBytes()))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Note.Read(store, Path(folder)) is not { } other)
                continue;
            if (Lives(store, folder, other, cancellation))
                throw DataErrors.Busy(folder, other.Owner, DateTimeOffset.UtcNow - other.Started, DateTimeOffset.UtcNow - other.Renewed);
            foundUnfinished = true;
            if (Note.Read(store, Path(folder)) == other)
                store.Delete(Path(folder));
        }

        return foundUnfinished;
    }

    /// <summary>Makes sure that the folder is still this run's.</summary>
    /// <exception cref="MlNetCifarException">Another run has taken it over (MNC1036).</exception>
    public void Require()
    {
        var found = Note.Read(_store, Path(_folder));
        if (found?.Id != _note.Id)
            throw DataErrors.TakenOver(_folder, found?.Owner ?? "nobody is named");
    }

    /// <summary>Gives the folder back, complete.</summary>
    public void Complete() => End(() => _store.Delete(Path(_folder)));

    /// <summary>Gives it back as it is.</summary>
    public void Dispose()
    {
        try
        {
            End(() =>
            {
                if (HasWritten || FoundUnfinished)
                    Write(_note with { Ended = true });
                else
                    _store.Delete(Path(_folder));
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MlNetCifarException)
        {
            // What ended the run is the error to tell; the note grows old by itself.
        }
    }

    void End(Action end)
    {
        lock (_gate)
        {
            if (_ended)
                return;
            _ended = true;
            _timer.Dispose();
            s_held.TryRemove(_note.Id, out _);
            if (Note.Read(_store, Path(_folder))?.Id == _note.Id)
                end();
        }
    }

    void Renew()
    {
        lock (_gate)
        {
            try
            {
                if (!_ended && Note.Read(_store, Path(_folder))?.Id == _note.Id)
                    Write(_note = _note with { Renewed = DateTimeOffset.UtcNow });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or MlNetCifarException)
            {
                // The next time may be better; and what is to be written meanwhile will find out.
            }
        }
    }

    void Write(Note note) => _store.Write(Path(_folder), stream => stream.Write(note.ToBytes()));

    static string Path(string folder) => $"{folder}/{FileName}";

    static bool Lives(IFileStore store, string folder, Note note, CancellationToken cancellation)
    {
        if (note.Ended || note.IsDeadHere)
            return false;
        if (DateTimeOffset.UtcNow - note.Renewed < s_patience)
            return true;
        cancellation.WaitHandle.WaitOne(3 * s_renewal);
        cancellation.ThrowIfCancellationRequested();
        return Note.Read(store, Path(folder)) != note;
    }

    /// <summary>Who has a folder.</summary>
    sealed record Note(string Id, string User, string Machine, int Process, DateTimeOffset ProcessStarted, DateTimeOffset Started, DateTimeOffset Renewed, bool Ended)
    {
        public string Owner => FormattableString.Invariant($"{User}@{Machine}, process {Process}");

        /// <summary>Whether it is a process of this machine that has ended, or a run of this process that has.</summary>
        public bool IsDeadHere
        {
            get
            {
                if (Machine != Environment.MachineName)
                    return false;
                if (Process == Environment.ProcessId && !s_held.ContainsKey(Id))
                    return true;
                try
                {
                    using var process = System.Diagnostics.Process.GetProcessById(Process);
                    return (process.StartTime.ToUniversalTime() - ProcessStarted.UtcDateTime).Duration() > TimeSpan.FromSeconds(5);
                }
                catch (Exception e) when (e is ArgumentException or InvalidOperationException)
                {
                    return true;
                }
            }
        }

        public static Note OfThis()
        {
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            var now = DateTimeOffset.UtcNow;
            return new($"{Guid.NewGuid():N}", Environment.UserName, Environment.MachineName, process.Id, process.StartTime.ToUniversalTime(), now, now, false);
        }

        /// <summary>Null where there is none. What cannot be read was written by something else, and is nobody's.</summary>
        public static Note? Read(IFileStore store, string path)
        {
            if (!store.FileExists(path))
                return null;
            try
            {
                using var stream = store.OpenRead(path);
                using var json = JsonDocument.Parse(stream);
                var root = json.RootElement;
                return new(
                    root.GetProperty("id").GetString()!, root.GetProperty("user").GetString()!, root.GetProperty("machine").GetString()!, root.GetProperty("process").GetInt32(),
                    root.GetProperty("process_started").GetDateTimeOffset(), root.GetProperty("started").GetDateTimeOffset(), root.GetProperty("renewed").GetDateTimeOffset(),
                    root.GetProperty("ended").GetBoolean());
            }
            catch (FileNotFoundException)
            {
                return null;
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                return new("", "nobody", "", 0, default, default, default, true);
            }
        }

        public byte[] ToBytes()
        {
            using var buffer = new MemoryStream();
            using (var json = new Utf8JsonWriter(buffer, ManifestJson.Options(indented: true)))
            {
                json.WriteStartObject();
                json.WriteString("id", Id);
                json.WriteString("user", User);
                json.WriteString("machine", Machine);
                json.WriteNumber("process", Process);
                json.WriteString("process_started", ProcessStarted);
                json.WriteString("started", Started);
                json.WriteString("renewed", Renewed);
                json.WriteBoolean("ended", Ended);
                json.WriteEndObject();
            }

            return buffer.ToArray();
        }
    }
}

/// <summary>Which files in a folder are shards of prepare, and which only go by their names.</summary>
internal static class ShardFiles
{
    const int Digits = 5;

    static readonly (string Start, string End)[] s_parts = [("X_part_", ".npy"), ("y_part_", ".npy"), ("files_part_", ".txt")];

    /// <summary>Whether a file of a folder has the name of a part's.</summary>
    public static bool IsPart(string name) => NumberOf(name) is not null;

    /// <summary>Whether a file can only be prepare's: the names of a part's pictures, the note beside parts, the lock.</summary>
    public static bool IsMark(string path) =>
        ShardFolder.IsSidecar(path) || FileTree.Name(path) is ShardLock.FileName || (FileTree.Name(path).StartsWith(s_parts[2].Start, StringComparison.Ordinal) && IsPart(FileTree.Name(path)));

    /// <summary>Makes sure that nothing is written over or deleted that no prepare has written.</summary>
    /// <param name="store">Where the folder is.</param>
    /// <param name="folder">The folder to write into; need not be there.</param>
    /// <param name="hasShards">Whether a manifest or a note of parts was found.</param>
    /// <param name="known">The files that these name.</param>
    /// <param name="isUnfinished">Whether a run ended early here: then parts without a note are its.</param>
    /// <exception cref="MlNetCifarException">There is such a file (MNC1037).</exception>
    public static void RequireOwn(IFileStore store, string folder, bool hasShards, IReadOnlySet<string> known, bool isUnfinished)
    {
        if (isUnfinished || !store.FolderExists(folder))
            return;
        var present = store.List(folder).Where(entry => !entry.IsFolder && !entry.Path.Contains('/')).Select(entry => entry.Path).ToHashSet(StringComparer.Ordinal);
        bool IsWhole(string number) => s_parts.All(part => present.Contains(part.Start + number + part.End));
        var isOurs = hasShards || present.Any(name => NumberOf(name) is { } number && IsWhole(number));
        var foreign = present.Where(name => NumberOf(name) is { } number ? !known.Contains(name) && !IsWhole(number) : !isOurs && IsFixed(name)).Order(StringComparer.Ordinal).ToArray();
        if (foreign.Length > 0)
            throw DataErrors.NotOurs(folder, foreign);
    }

    static bool IsFixed(string name) => name is ShardManifest.FileName or ShardManifest.SuccessName or LabelsFile.FileName or BadFile.FileName;

    static string? NumberOf(string name)
    {
        foreach (var (start, end) in s_parts)
        {
            if (name.StartsWith(start, StringComparison.Ordinal) && name.EndsWith(end, StringComparison.Ordinal)
                && name[start.Length..^end.Length] is { Length: >= Digits } number && number.All(char.IsAsciiDigit))
                return number;
        }

        return null;
    }
}
