using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>
/// The pictures of one split's shards, read from where they lie: on the local disk row by row through the system's file cache, elsewhere by whole parts
/// when first touched, which are kept in a cache folder or, a few of them, in memory. Labels are in memory; names are read when asked for. Safe for concurrent readers.
/// </summary>
internal sealed class ShardSource : ImageSource, IDisposable
{
    readonly IFileStore _store;
    readonly string _folder;
    readonly int[] _labels;
    readonly int[] _starts;
    readonly PartRows[] _parts;
    readonly string[]?[] _names;

    ShardSource(IFileStore store, string folder, ShardManifest manifest, PartFiles? files)
    {
        (_store, _folder, Manifest) = (store, folder, manifest);
        _labels = new int[manifest.Count];
        var used = manifest.Parts.Where(p => p.Count > 0).ToArray();
        _starts = new int[used.Length];
        _parts = new PartRows[used.Length];
        _names = new string[]?[used.Length];
        var cache = new PartCache(files);
        var next = 0;
        try
        {
            for (var p = 0; p < used.Length; p++)
            {
                _starts[p] = next;
                ReadLabels(used[p], _labels.AsSpan(next, used[p].Count));
                _parts[p] = PartRows.Open(store, $"{folder}/{used[p].Files[0].Name}", used[p].Count, manifest, cache);
                next += used[p].Count;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The shards' manifest.</summary>
    public ShardManifest Manifest { get; }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override int Height => Manifest.Spec.Height;

    /// <inheritdoc/>
    public override int Width => Manifest.Spec.Width;

    /// <inheritdoc/>
    public override int Channels => Manifest.Spec.Channels;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes => Manifest.Classes;

    internal override ReadOnlySpan<int> Runs => _starts;

    /// <summary>Opens the shards of one split.</summary>
    /// <param name="folder">The folder with <c>manifest.json</c>.</param>
    /// <param name="store">Null for the local disk.</param>
    /// <param name="cacheFolder">Where parts of a remote store are kept once read, by their SHA-256; null to keep the last three in memory only.</param>
    /// <param name="cacheLimit">
    /// Bytes that folder may take, &gt; 0; null for no limit. Parts that nobody has open go first, the longest unused before others. The last three read stay, and a part that
    /// finds no room is kept in memory.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    /// <exception cref="MlNetCifarException">The manifest or a shard is missing or wrong (MNC1001, MNC103x).</exception>
    public static ShardSource Open(string folder, IFileStore? store = null, string? cacheFolder = null, long? cacheLimit = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(cacheLimit ?? 1, nameof(cacheLimit));
        return Open(folder, store ?? LocalFileStore.Instance, cacheFolder is null ? null : new PartFiles(cacheFolder, cacheLimit));
    }

    /// <summary>Opens the shards of one split, with a cache folder that other splits share.</summary>
    internal static ShardSource Open(string folder, IFileStore store, PartFiles? files)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new(store, folder, ShardManifest.Read(store, folder), files);
    }

    /// <summary>Compares every file with its SHA-256 in the manifest.</summary>
    /// <param name="cancellation">Ends the pass.</param>
    /// <exception cref="MlNetCifarException">A file is damaged (MNC1030).</exception>
    public void Verify(CancellationToken cancellation = default)
    {
        foreach (var file in Manifest.Parts.SelectMany(p => p.Files))
        {
            cancellation.ThrowIfCancellationRequested();
            using var stream = Open(file.Name);
            if (Convert.ToHexStringLower(SHA256.HashData(stream)) != file.Sha256)
                throw DataErrors.ShardDamaged($"{_folder}/{file.Name}", "The file does not have the SHA-256 of the manifest.");
        }
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override void CopyPixels(int index, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        var part = PartOf(index);
        _parts[part].Read(index - _starts[part], destination[..ImageLength]);
    }

    /// <inheritdoc/>
    public override string Name(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        var part = PartOf(index);
        var names = Volatile.Read(ref _names[part]);
        if (names is null)
            Volatile.Write(ref _names[part], names = ReadNames(part));
        return names[index - _starts[part]];
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var part in _parts)
            part?.Dispose();
    }

    int PartOf(int index)
    {
        var found = Array.BinarySearch(_starts, index);
        return found >= 0 ? found : ~found - 1;
    }

    Stream Open(string name)
    {
        try
        {
            return _store.OpenRead($"{_folder}/{name}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataErrors.ShardDamaged($"{_folder}/{name}", $"The file cannot be read ({e.Message.TrimEnd('.')}).");
        }
    }

    void ReadLabels(ShardPartInfo part, Span<int> labels)
    {
        var file = part.Files[1];
        var path = $"{_folder}/{file.Name}";
        var bytes = CheckedFile.Read(_store, path, file);
        var header = NpyHeader.Read(new MemoryStream(bytes), file.Length, path);
        if (!header.IsPlain || header.Descr != "<i8" || header.Elements != labels.Length)
            throw DataErrors.ShardDamaged(path, $"The file does not hold {labels.Length:N0} labels.");
        for (var i = 0; i < labels.Length; i++)
        {
            var label = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(header.DataOffset + (8 * i)));
            if (label < 0 || label >= Classes.Count)
                throw DataErrors.ShardDamaged(path, $"The label of row {i} is {label}; there are {Classes.Count} classes.");
            labels[i] = (int)label;
        }
    }

    string[] ReadNames(int part)
    {
        var info = Manifest.Parts.Where(p => p.Count > 0).ElementAt(part);
        var path = $"{_folder}/{info.Files[2].Name}";
        using var reader = new StringReader(Encoding.UTF8.GetString(CheckedFile.Read(_store, path, info.Files[2])));
        var names = ShardNames.Read(reader);
        return names.Count == info.Count
            ? [.. names]
            : throw DataErrors.ShardDamaged(path, $"The file has {names.Count:N0} names, expected {info.Count:N0}.");
    }
}
