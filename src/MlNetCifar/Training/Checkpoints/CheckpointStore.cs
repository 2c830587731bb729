using System.Globalization;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Training;

/// <summary>
/// The files of a checkpoint folder. A new checkpoint is complete under the name <c>next.ckpt</c> before <c>last.ckpt</c> becomes <c>previous.ckpt</c> and it becomes
/// <c>last.ckpt</c>, so at every moment a whole one exists. The best weights lie in files of their own, written before the checkpoint that refers to them.
/// </summary>
internal sealed class CheckpointStore(string folder, IFileStore files)
{
    const string Last = "last.ckpt";
    const string Next = "next.ckpt";
    const string Previous = "previous.ckpt";

    /// <summary>Best epochs of the last two checkpoints written here; their files stay.</summary>
    readonly Queue<int> _kept = new();

    /// <summary>A damaged checkpoint must not take the place of a whole one.</summary>
    bool _lastIsDamaged;

    public string Folder => folder;

    /// <summary>Whether a checkpoint, whole or not, is here.</summary>
    public bool Any => new[] { Last, Next, Previous }.Any(name => files.FileExists(At(name)));

    /// <summary>Deletes all checkpoints, the ones that refer to others first.</summary>
    public void Clear()
    {
        foreach (var name in new[] { Next, Last, Previous }.Concat(BestFiles()).ToArray())
            files.Delete(At(name));
    }

    public void WriteLast(CheckpointHeader header, IReadOnlyList<StateBlock> blocks)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(header, CheckpointJson.Default.CheckpointHeader);
        files.Write(At(Next), stream => CheckpointFile.Write(stream, json, blocks));
        if (!_lastIsDamaged && files.FileExists(At(Last)))
            files.Move(At(Last), At(Previous));
        files.Move(At(Next), At(Last));
        _lastIsDamaged = false;
        Forget(header.State.BestEpoch);
    }

    public void WriteBest(CheckpointHeader header, IReadOnlyList<StateBlock> blocks)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(header, CheckpointJson.Default.CheckpointHeader);
        files.Write(At(BestName(header.State.BestEpoch)), stream => CheckpointFile.Write(stream, json, blocks));
    }

    /// <summary>The newest checkpoint that is whole together with its best weights; null where the folder has none at all.</summary>
    /// <param name="warn">Told of every damaged one.</param>
    /// <exception cref="MlNetCifarException">All are damaged (MNC3010), or of a later version (MNC3016).</exception>
    public (string Path, CheckpointHeader Header)? Newest(Action<string> warn)
    {
        (string Path, CheckpointHeader Header)? newest = null;
        var faults = new List<(string Path, string Fault)>();
        foreach (var path in new[] { Last, Next, Previous }.Select(At).Where(files.FileExists))
        {
            try
            {
                var header = Verify(path);
                if (header.State.BestEpoch > 0)
                    Verify(BestPath(header.State.BestEpoch));
                if (newest is null || header.State.Step > newest.Value.Header.State.Step)
                    newest = (path, header);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or JsonException or UnauthorizedAccessException)
            {
                faults.Add((path, e.Message.TrimEnd('.')));
            }
        }

        if (newest is null && faults.Count > 0)
            throw TrainingErrors.CheckpointsDamaged(folder, faults.Select(f => $"{Path.GetFileName(f.Path)}: {f.Fault}"));
        _lastIsDamaged = faults.Any(f => f.Path == At(Last));
        foreach (var (path, fault) in faults)
            warn($"The checkpoint {path} cannot be used ({fault}); going on from step {newest!.Value.Header.State.Step:N0} in {Path.GetFileName(newest.Value.Path)}.");
        return newest;
    }

    public void Load(string path, IReadOnlyList<StateBlock> blocks)
    {
        using var stream = Open(path);
        CheckpointFile.Load(stream, blocks);
    }

    public string BestPath(int epoch) => At(BestName(epoch));

    /// <summary>The newest best weights that are whole.</summary>
    public (string Path, CheckpointHeader Header)? NewestBest()
    {
        foreach (var name in BestFiles().OrderDescending(StringComparer.Ordinal))
        {
            try
            {
                return (At(name), Verify(At(name)));
            }
            catch (Exception e) when (e is IOException or InvalidDataException or JsonException or UnauthorizedAccessException)
            {
                // An older one may be whole.
            }
        }

        return null;
    }

    static string BestName(int epoch) => string.Create(CultureInfo.InvariantCulture, $"best-{epoch:D5}.ckpt");

    IEnumerable<string> BestFiles() => files.FolderExists(folder)
        ? files.List(folder).Select(e => e.Path).Where(p => p.StartsWith("best-", StringComparison.Ordinal) && p.EndsWith(".ckpt", StringComparison.Ordinal))
        : [];

    string At(string name) => $"{folder}/{name}";

    CheckpointHeader Verify(string path)
    {
        using var stream = Open(path);
        try
        {
            return CheckpointHeader.Read(CheckpointFile.Verify(stream), path);
        }
        catch (NotSupportedException e)
        {
            throw TrainingErrors.CheckpointVersion(path, e.Message, CheckpointFile.Version);
        }
    }

    BufferedStream Open(string path) => new(files.OpenRead(path), 1 << 16);

    void Forget(int bestEpoch)
    {
        _kept.Enqueue(bestEpoch);
        if (_kept.Count < 2)
            return;
        if (_kept.Count > 2)
            _kept.Dequeue();
        var needed = _kept.Select(BestName).ToHashSet();
        foreach (var name in BestFiles().Where(n => !needed.Contains(n)).ToArray())
            files.Delete(At(name));
    }
}
