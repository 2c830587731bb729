using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.Transfer;

/// <summary>
/// Features by the content of their pictures, in a folder of parts. A part appears whole or not at all, is named by the SHA-256 of its bytes and checked against it:
/// whoever is killed loses the part under way, several runs may share a folder, and a part that is damaged counts for nothing and is made anew.
/// A part: <c>MNCFEAT1</c>, the number of rows and of features (little-endian, 32 bits each), the rows' keys, their features.
/// </summary>
internal sealed class FeatureStore
{
    const string Extension = ".features";
    const int KeyLength = ImageSource.ContentHashLength;
    const int Header = 16;
    static readonly byte[] s_magic = [.. "MNCFEAT1"u8];

    /// <summary>Larger files are none of ours.</summary>
    const long MostBytes = 1 << 28;

    readonly string? _folder;
    readonly int _features;

    /// <summary>Names a store.</summary>
    /// <param name="folder">Its folder, which need not be there; null for a store that forgets.</param>
    /// <param name="features">Numbers of a row.</param>
    public FeatureStore(string? folder, int features) => (_folder, _features) = (folder, features);

    /// <summary>Fills in the rows that are known. Memory holds one part at a time, whatever else the folder has.</summary>
    /// <param name="keys">Of N pictures, one behind the other.</param>
    /// <param name="rows">[N, features]; rows that are not known stay as they are.</param>
    /// <returns>The pictures whose rows are not known, ascending.</returns>
    public int[] Take(ReadOnlySpan<byte> keys, Span<float> rows)
    {
        var count = rows.Length / _features;
        if (_folder is null || !Directory.Exists(_folder))
            return [.. Enumerable.Range(0, count)];
        var places = new Dictionary<Key, int>(count);
        for (var i = 0; i < count; i++)
            places.TryAdd(KeyAt(keys, i), i);
        var known = new bool[count];
        var buffer = Array.Empty<byte>();
        foreach (var path in Directory.EnumerateFiles(_folder, "*" + Extension).Order(StringComparer.Ordinal))
        {
            if (Take(Read(path, ref buffer), path, places, rows, known))
                Stamp(path);
        }

        // Equal pictures have equal rows.
        for (var i = 0; i < count; i++)
            if (places[KeyAt(keys, i)] is var first && first < i && known[first])
            {
                rows.Slice(first * _features, _features).CopyTo(rows[(i * _features)..]);
                known[i] = true;
            }

        return [.. Enumerable.Range(0, count).Where(i => !known[i])];
    }

    /// <summary>Keeps rows for whoever opens the folder next; memory does not hold them.</summary>
    /// <param name="keys">One behind the other.</param>
    /// <param name="rows">[n, features].</param>
    /// <exception cref="MlNetCifarException">They cannot be written (MNC3103).</exception>
    public void Add(ReadOnlySpan<byte> keys, float[] rows)
    {
        if (_folder is null)
            return;
        var part = new byte[Header + keys.Length + (sizeof(float) * rows.Length)];
        s_magic.CopyTo(part, 0);
        BinaryPrimitives.WriteInt32LittleEndian(part.AsSpan(8), keys.Length / KeyLength);
        BinaryPrimitives.WriteInt32LittleEndian(part.AsSpan(12), _features);
        keys.CopyTo(part.AsSpan(Header));
        MemoryMarshal.AsBytes(rows.AsSpan()).CopyTo(part.AsSpan(Header + keys.Length));
        try
        {
            LocalFileStore.Instance.Write(Path.Combine(_folder!, NameOf(part)), stream => stream.Write(part));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TransferErrors.CacheUnwritable(_folder!, e);
        }
    }

    /// <summary>Deletes the parts of all stores below a folder whose last use is longest ago, until the others fit.</summary>
    /// <param name="folder">Holds stores; need not be there.</param>
    /// <param name="limit">Bytes that parts may take together.</param>
    /// <param name="inUse">Parts used since then stay in any case.</param>
    /// <returns>How many were deleted, and their bytes.</returns>
    public static (int Parts, long Bytes) Prune(string folder, long limit, DateTime inUse)
    {
        if (!Directory.Exists(folder))
            return default;
        var parts = new DirectoryInfo(folder).EnumerateFiles("*" + Extension, SearchOption.AllDirectories).OrderBy(f => f.LastWriteTimeUtc).ToArray();
        var excess = parts.Sum(f => f.Length) - limit;
        var (count, bytes) = (0, 0L);
        foreach (var part in parts.TakeWhile(f => f.LastWriteTimeUtc < inUse))
        {
            if (bytes >= excess)
                break;
            try
            {
                var length = part.Length;
                part.Delete();
                (count, bytes) = (count + 1, bytes + length);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else's, or gone: the next goes in its place.
            }
        }

        return (count, bytes);
    }

    /// <summary>A file's bytes, within the buffer; none where it cannot be read: what it held is computed again.</summary>
    static ReadOnlySpan<byte> Read(string path, ref byte[] buffer)
    {
        try
        {
            using var file = File.OpenHandle(path);
            if (RandomAccess.GetLength(file) is not (<= MostBytes and var length))
                return [];
            if (buffer.Length < length)
                buffer = new byte[length];
            return buffer.AsSpan(0, RandomAccess.Read(file, buffer.AsSpan(0, (int)length), 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Takes what a part has of the pictures that are wanted, if it has any and is whole.</summary>
    bool Take(ReadOnlySpan<byte> part, string path, Dictionary<Key, int> places, Span<float> rows, bool[] known)
    {
        if (part.Length < Header || !part[..8].SequenceEqual(s_magic))
            return false;
        var (count, features) = (BinaryPrimitives.ReadInt32LittleEndian(part[8..]), BinaryPrimitives.ReadInt32LittleEndian(part[12..]));
        if (features != _features || count < 0 || Header + (count * (KeyLength + (sizeof(float) * (long)features))) != part.Length)
            return false;
        var keys = part.Slice(Header, count * KeyLength);
        var values = MemoryMarshal.Cast<byte, float>(part[(Header + keys.Length)..]);
        var found = false;
        for (var i = 0; i < count; i++)
        {
            if (!places.TryGetValue(KeyAt(keys, i), out var place))
                continue;
            if (!found && Path.GetFileName(path) != NameOf(part))
                return false;
            found = known[place] = true;
            values.Slice(i * features, features).CopyTo(rows[(place * features)..]);
        }

        return found;
    }

    /// <summary>The time of last use is kept as that of the last change: the system keeps its own of reading only where it is mounted so.</summary>
    static void Stamp(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It then goes earlier than it should.
        }
    }

    static Key KeyAt(ReadOnlySpan<byte> keys, int index) => new(keys.Slice(index * KeyLength, KeyLength));

    static string NameOf(ReadOnlySpan<byte> part) => string.Concat(Convert.ToHexStringLower(SHA256.HashData(part)).AsSpan(0, 32), Extension);

    /// <summary>A SHA-256 as a value.</summary>
    readonly record struct Key(UInt128 Upper, UInt128 Lower)
    {
        public Key(ReadOnlySpan<byte> hash)
            : this(BinaryPrimitives.ReadUInt128LittleEndian(hash), BinaryPrimitives.ReadUInt128LittleEndian(hash[16..]))
        {
        }
    }
}
