namespace MlNetCifar.Files;

/// <summary>Files that lie in others of a format which the library does not read itself; a package brings the format and registers it. Thread-safe.</summary>
public abstract class PackedFiles : IDisposable
{
    static readonly Dictionary<string, Func<PackedSource, PackedFiles>> s_formats = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Their names and lengths.</summary>
    public abstract FileListing Files { get; }

    /// <summary>What was left out.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>The contents of some files, each once, in the order in which they are read most cheaply.</summary>
    /// <param name="files">Indices into <see cref="Files"/>, without repeats.</param>
    /// <returns>Each with its content, which is valid until the next one is asked for.</returns>
    public abstract IEnumerable<(int File, ReadOnlyMemory<byte> Content)> Read(IReadOnlyList<int> files);

    /// <summary>From now on a file of this extension opens as an archive does, and as a data set a folder that holds such files and no others. What was registered before for it is replaced.</summary>
    /// <param name="extension">With its dot, for example <c>.parquet</c>; of any case.</param>
    /// <param name="open">Opens it; throws an <see cref="MlNetCifarException"/> for what it cannot read.</param>
    public static void Register(string extension, Func<PackedSource, PackedFiles> open)
    {
        ArgumentException.ThrowIfNullOrEmpty(extension);
        ArgumentNullException.ThrowIfNull(open);
        lock (s_formats)
            s_formats[extension] = open;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes what is open.</summary>
    /// <param name="disposing">Always true.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    internal static bool IsKnown(string path) => Opener(path) is not null;

    /// <summary>Opens a file of a registered format; null for others.</summary>
    internal static FileTree? TryOpen(string path, IFileStore store, CancellationToken cancellation) =>
        Opener(path) is { } open ? new PackedTree(path, open(new(path, [path], store, cancellation))) : null;

    /// <summary>Opens a folder of files that are all of one registered format, apart from hidden ones and a README.md; null for others.</summary>
    internal static FileTree? TryOpen(FileTree folder, IFileStore store, CancellationToken cancellation)
    {
        var visible = folder.Files.Select(f => f.Path).Where(IsVisible);
        return visible.FirstOrDefault() is { } first && Opener(first) is { } open && visible.All(f => Opener(f) == open)
            ? new PackedTree(folder.Origin, open(new(folder.Origin, [.. visible.Select(folder.Locate)], store, cancellation))) : null;
    }

    static bool IsVisible(string path) => Path.GetExtension(path) != ".md" && !path.Split('/').Any(part => part.StartsWith('.') || part.StartsWith('_'));

    static Func<PackedSource, PackedFiles>? Opener(string path)
    {
        lock (s_formats)
            return s_formats.GetValueOrDefault(Path.GetExtension(path));
    }
}

/// <summary>What a registered format is to open.</summary>
/// <param name="Origin">The file or folder that was named.</param>
/// <param name="Files">The files, in the order of their paths.</param>
/// <param name="Store">Where they lie.</param>
/// <param name="Cancellation">Ends the listing.</param>
public sealed record PackedSource(string Origin, IReadOnlyList<string> Files, IFileStore Store, CancellationToken Cancellation);
