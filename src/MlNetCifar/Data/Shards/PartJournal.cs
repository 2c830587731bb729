using System.Globalization;
using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// Notes finished parts beside them, so that a run that was killed before its manifest knows them again. Parts that finish while a note is being written
/// share the next one: on a distributed file system a note costs as much as a small file.
/// </summary>
/// <param name="store">Where the parts are.</param>
/// <param name="folder">Their folder.</param>
internal sealed class PartJournal(IFileStore store, string folder) : IDisposable
{
    readonly Lock _gate = new();
    readonly List<ShardPartInfo> _waiting = [];
    Task _writing = Task.CompletedTask;

    /// <summary>The parts that earlier runs noted; damaged notes count for nothing.</summary>
    public static IEnumerable<ShardPartInfo> Read(IFileStore store, string folder) =>
        store.List(folder).Where(e => ShardFolder.IsSidecar(e.Path) && !e.Path.Contains('/')).SelectMany(e => ReadNote(store, $"{folder}/{e.Path}"));

    /// <summary>Notes a part, soon.</summary>
    /// <exception cref="IOException">An earlier note could not be written.</exception>
    public void Add(ShardPartInfo part)
    {
        lock (_gate)
        {
            if (_writing.IsFaulted)
                Complete();
            _waiting.Add(part);
            if (_waiting.Count == 1 && _writing.IsCompleted)
                _writing = Task.Run(Write);
        }
    }

    /// <summary>Waits until all parts are noted.</summary>
    /// <exception cref="IOException">A note could not be written.</exception>
    public void Complete() => _writing.GetAwaiter().GetResult();

    /// <summary>Waits, so that nothing is written once the run has ended.</summary>
    public void Dispose() => ((IAsyncResult)_writing).AsyncWaitHandle.WaitOne();

    static List<ShardPartInfo> ReadNote(IFileStore store, string path)
    {
        var parts = new List<ShardPartInfo>();
        try
        {
            using var reader = new StreamReader(store.OpenRead(path), Encoding.UTF8);
            while (reader.ReadLine() is { Length: > 0 } line)
                parts.Add(ShardPartInfo.FromJson(line));
        }
        catch (Exception e) when (e is JsonException or IOException or MlNetCifarException)
        {
            // Those parts are built again.
        }

        return parts;
    }

    void Write()
    {
        while (true)
        {
            ShardPartInfo[] parts;
            lock (_gate)
            {
                parts = [.. _waiting];
                _waiting.Clear();
                if (parts.Length == 0)
                {
                    // Here, where no part can come between: the next one starts a new writer.
                    _writing = Task.CompletedTask;
                    return;
                }
            }

            store.Write(string.Create(CultureInfo.InvariantCulture, $"{folder}/_part_{parts[0].Part:D5}.json"), stream =>
            {
                foreach (var part in parts)
                    stream.Write(Encoding.UTF8.GetBytes(part.ToJson() + "\n"));
            });
        }
    }
}
