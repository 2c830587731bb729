namespace MlNetCifar.Files;

/// <summary>A folder of a file store.</summary>
internal sealed class FolderTree : FileTree
{
    readonly IFileStore _store;

    public FolderTree(string root, IFileStore store)
        : base(root)
    {
        _store = store;
        var files = new FileListing.Builder();
        var folders = new HashSet<string>();
        try
        {
            foreach (var entry in store.List(root))
            {
                if (entry.IsFolder)
                    folders.Add(entry.Path);
                else
                    files.Add(entry.Path, entry.Length);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unreadable(root, e);
        }

        SetListing(files.Build(), folders);
    }

    /// <summary>Takes those of some named files that are there, without looking at anything else in the folder.</summary>
    public FolderTree(string root, IFileStore store, IEnumerable<string> names)
        : base(root)
    {
        _store = store;
        var files = new FileListing.Builder();
        foreach (var name in names.Distinct(StringComparer.Ordinal))
        {
            if (store.FindLength(Locate(name)) is { } length)
                files.Add(name, length);
        }

        SetListing(files.Build(), []);
    }

    internal override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin.TrimEnd('/', '\\')}/{path}";

    public override int Read(int file, ref byte[] buffer)
    {
        var (name, length, _) = Files[file];
        var path = Locate(name);
        EnsureCapacity(ref buffer, length, path);
        return _store.ReadWhole(path, buffer.AsSpan(0, (int)length));
    }
}
