using System.Text;

namespace MlNetCifar.Files;

/// <summary>A file of a tree.</summary>
/// <param name="Path">Relative to the root, parts separated by '/'.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct TreeFile(string Path, long Length);

/// <summary>A folder of files, on disk or inside an archive, listed once and read many times.</summary>
internal abstract class FileTree : IDisposable
{
    static readonly char[] s_slashes = OperatingSystem.IsWindows() ? ['/', '\\'] : ['/'];

    static readonly string[] s_tarGzip = [".tar.gz", ".tgz"];

    // NumPy's archives of arrays are zip files.
    static readonly string[] s_zip = [".zip", ".npz"];

    protected FileTree(string origin) => Origin = origin;

    /// <summary>The folder or archive.</summary>
    public string Origin { get; }

    /// <summary>All files, by path, ordinal.</summary>
    public FileListing Files { get; protected set; } = new FileListing.Builder().Build();

    /// <summary>All folders, named or implied by a file, by path, ordinal.</summary>
    public IReadOnlyList<string> Folders { get; protected set; } = [];

    /// <summary>What was left out, or may not be what its maker meant.</summary>
    public IReadOnlyList<string> Warnings { get; protected set; } = [];

    /// <summary>Whether <see cref="Read"/> costs as much as the file and no more.</summary>
    public abstract bool IsRandomAccess { get; }

    /// <summary>Opens a folder, or an archive by its extension.</summary>
    public static FileTree Open(string path, IFileStore store, CancellationToken cancellation = default)
    {
        if (store.FolderExists(path))
            return new FolderTree(path, store);
        if (!store.FileExists(path))
            throw FileErrors.NotFound(path);
        if (s_tarGzip.Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
            return new TarGzipTree(path, store, cancellation);
        if (path.EndsWith(".tar", StringComparison.OrdinalIgnoreCase))
            return new TarTree(path, store.OpenRead(path), cancellation);
        if (s_zip.Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
            return new ZipTree(path, store.OpenRead(path));
        throw FileErrors.NotRecognised(path);
    }

    /// <summary>Whether a name is that of an archive this class opens.</summary>
    public static bool IsArchive(string path) =>
        s_tarGzip.Append(".tar").Concat(s_zip).Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase));

    /// <summary>The folder of a path; also of one with a scheme, whose slashes <see cref="Path"/> would merge.</summary>
    public static string Parent(string path) => path.LastIndexOfAny(s_slashes) is > 0 and var slash ? path[..slash] : path.StartsWith('/') ? "/" : ".";

    /// <summary>The last part of a path.</summary>
    public static string Name(string path) => path[(path.LastIndexOfAny(s_slashes) + 1)..];

    /// <summary>Where a file lies, for messages.</summary>
    public abstract string Locate(string path);

    /// <summary>Reads one file. Thread-safe.</summary>
    /// <param name="file">Index into <see cref="Files"/>.</param>
    /// <param name="buffer">Receives the bytes; replaced by a larger one where needed.</param>
    /// <returns>The number of bytes.</returns>
    public abstract int Read(int file, ref byte[] buffer);

    /// <summary>Reads one small file as UTF-8 text.</summary>
    public string ReadText(int file)
    {
        byte[] buffer = [];
        var length = Read(file, ref buffer);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>Prepares to read some files once, in the cheapest order.</summary>
    /// <param name="files">Indices into <see cref="Files"/>, without repeats.</param>
    public virtual FileCursor ReadAll(int[] files) => new RandomCursor(this, files);

    /// <summary>A tree of the same files in which any file is cheap to read; this one, or one that owns a temporary copy.</summary>
    public virtual FileTree ToRandomAccess(CancellationToken cancellation) => this;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Sorts the listing and adds the folders that only files imply.</summary>
    protected void SetListing(FileListing.Builder files, HashSet<string> folders)
    {
        Files = files.Build();
        foreach (var folder in Files.Folders)
            AddParents(folder, folders);
        foreach (var folder in folders.ToArray())
            AddParents(folder, folders);
        var sorted = folders.ToArray();
        Array.Sort(sorted, string.CompareOrdinal);
        Folders = sorted;
    }

    protected static void EnsureCapacity(ref byte[] buffer, long length, string path)
    {
        if (length > Array.MaxLength)
            throw FileErrors.FileTooLarge(path, length, Array.MaxLength);
        if (buffer.Length < length)
            buffer = GC.AllocateUninitializedArray<byte>((int)Math.Max(length, Math.Min(2L * buffer.Length, Array.MaxLength)));
    }

    static void AddParents(string path, HashSet<string> folders)
    {
        for (var slash = path.LastIndexOf('/'); slash > 0 && folders.Add(path[..slash]);)
            slash = path.LastIndexOf('/', slash - 1);
    }

    sealed class RandomCursor(FileTree tree, int[] files) : FileCursor
    {
        int _next = -1;

        public override bool TryRead(ref byte[] buffer, out int file, out int length, out Exception? fault)
        {
            length = 0;
            fault = null;
            var i = Interlocked.Increment(ref _next);
            if (i >= files.Length)
            {
                file = -1;
                return false;
            }

            file = files[i];
            try
            {
                length = tree.Read(file, ref buffer);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or MlNetCifarException)
            {
                fault = e;
            }

            return true;
        }
    }
}
