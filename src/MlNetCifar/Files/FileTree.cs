using System.Text;

namespace MlNetCifar.Files;

/// <summary>A folder of files, in a file store or inside an archive, listed once and read many times, by any number of threads.</summary>
public abstract class FileTree : IDisposable
{
    static readonly char[] s_slashes = OperatingSystem.IsWindows() ? ['/', '\\'] : ['/'];

    static readonly string[] s_tarGzip = [".tar.gz", ".tgz"];

    // NumPy's archives of arrays are zip files.
    static readonly string[] s_zip = [".zip", ".npz"];

    private protected FileTree(string origin) => Origin = origin;

    /// <summary>The folder or archive.</summary>
    public string Origin { get; }

    /// <summary>All files, by path, ordinal.</summary>
    public FileListing Files { get; private protected set; } = new FileListing.Builder().Build();

    /// <summary>All folders, named or implied by a file, by path, ordinal.</summary>
    internal IReadOnlyList<string> Folders { get; private set; } = [];

    /// <summary>What was left out, or may not be what its maker meant.</summary>
    public IReadOnlyList<string> Warnings { get; private protected set; } = [];

    /// <summary>Whether <see cref="Read"/> costs as much as the file and no more.</summary>
    internal abstract bool IsRandomAccess { get; }

    /// <summary>Lists a folder, or an archive (.tar.gz, .tgz, .tar, .zip, or of a registered format, see <see cref="PackedFiles"/>) by its extension.</summary>
    /// <param name="path">The folder or archive.</param>
    /// <param name="store">Where it lies; null for the local disk.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="MlNetCifarException">It is missing (MNC1001), neither folder nor archive (MNC1002) or damaged (MNC1009, MNC1010).</exception>
    public static FileTree Open(string path, IFileStore? store = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        store ??= LocalFileStore.Instance;
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
        if (PackedFiles.TryOpen(path, store, cancellation) is { } packed)
            return packed;
        throw FileErrors.NotRecognised(path);
    }

    /// <summary>As <see cref="Open"/>, and a folder of files of a registered format as what is in them.</summary>
    internal static FileTree OpenData(string path, IFileStore store, CancellationToken cancellation)
    {
        var tree = Open(path, store, cancellation);
        return (tree is FolderTree ? PackedFiles.TryOpen(tree, store, cancellation) : null) ?? tree;
    }

    /// <summary>Whether a name is that of an archive this class opens.</summary>
    /// <param name="path">Only its end counts.</param>
    public static bool IsArchive(string path) =>
        path is not null && (s_tarGzip.Append(".tar").Concat(s_zip).Any(e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase)) || PackedFiles.IsKnown(path));

    /// <summary>The folder of a path; also of one with a scheme, whose slashes <see cref="Path"/> would merge.</summary>
    internal static string Parent(string path) => path.LastIndexOfAny(s_slashes) is > 0 and var slash ? path[..slash] : path.StartsWith('/') ? "/" : ".";

    /// <summary>The last part of a path.</summary>
    internal static string Name(string path) => path[(path.LastIndexOfAny(s_slashes) + 1)..];

    /// <summary>Where a file lies, for messages.</summary>
    /// <param name="path">As in <see cref="Files"/>.</param>
    public abstract string Locate(string path);

    /// <summary>Reads one file. Thread-safe.</summary>
    /// <param name="file">Index into <see cref="Files"/>.</param>
    /// <param name="buffer">Receives the bytes; replaced by a larger one where needed.</param>
    /// <returns>The number of bytes; fewer than the listed length where the file is cut short.</returns>
    public abstract int Read(int file, ref byte[] buffer);

    /// <summary>Reads one small file as UTF-8 text.</summary>
    internal string ReadText(int file)
    {
        byte[] buffer = [];
        var length = Read(file, ref buffer);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>Prepares to read some files once, in the cheapest order.</summary>
    /// <param name="files">Indices into <see cref="Files"/>, without repeats.</param>
    public virtual FileCursor ReadAll(int[] files) => new RandomCursor(this, files);

    /// <summary>A tree of the same files in which any file is cheap to read; this one, or one that owns a temporary copy.</summary>
    internal virtual FileTree ToRandomAccess(CancellationToken cancellation) => this;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Takes the listing and adds the folders that only files imply.</summary>
    private protected void SetListing(FileListing files, HashSet<string> folders)
    {
        Files = files;
        foreach (var folder in Files.Folders)
            AddParents(folder, folders);
        foreach (var folder in folders.ToArray())
            AddParents(folder, folders);
        var sorted = folders.ToArray();
        Array.Sort(sorted, string.CompareOrdinal);
        Folders = sorted;
    }

    private protected static void EnsureCapacity(ref byte[] buffer, long length, string path)
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
