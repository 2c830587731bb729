namespace MlNetCifar.Data;

/// <summary>The last few parts of a remote store, whole; a window of shuffled rows touches no more than these.</summary>
/// <param name="files">Copies on the local disk, which go before those in memory; null for none.</param>
internal sealed class PartCache(PartFiles? files = null)
{
    public const int Capacity = 3;

    public PartFiles? Files { get; } = files;

    readonly Lock _gate = new();
    readonly LinkedList<(string Path, Lazy<byte[]?> Content)> _recent = new();

    /// <summary>A part's bytes; several threads that want the same part wait for one load. A load that fails or gives null is forgotten, so that the next call tries again.</summary>
    public byte[]? Get(string path, Func<byte[]?> load)
    {
        Lazy<byte[]?>? content = null;
        lock (_gate)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Path != path)
                    continue;
                _recent.Remove(node);
                _recent.AddFirst(node);
                content = node.Value.Content;
                break;
            }

            if (content is null)
            {
                content = new(load);
                _recent.AddFirst((path, content));
                if (_recent.Count > Capacity)
                    _recent.RemoveLast();
            }
        }

        byte[]? bytes = null;
        try
        {
            return bytes = content.Value;
        }
        finally
        {
            if (bytes is null)
                Forget(content);
        }
    }

    void Forget(Lazy<byte[]?> content)
    {
        lock (_gate)
        {
            if (_recent.FirstOrDefault(r => ReferenceEquals(r.Content, content)) is { Path: not null } failed)
                _recent.Remove(failed);
        }
    }
}
