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

    readonly string? _folder;
    readonly int _features;
    readonly Dictionary<Key, (float[] Rows, int Index)> _known = [];

    /// <summary>Opens a store, and reads what is there.</summary>
    /// <param name="folder">Its folder, which need not be there; null for a store that forgets.</param>
    /// <param name="features">Numbers of a row.</param>
    public FeatureStore(string? folder, int features)
    {
        (_folder, _features) = (folder, features);
        if (folder is null || !Directory.Exists(folder))
            return;
        foreach (var path in Directory.EnumerateFiles(folder, "*" + Extension).Order(StringComparer.Ordinal))
            Read(path);
    }

    /// <summary>Takes a row, where it is known.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, Span<float> row)
    {
        if (!_known.TryGetValue(new(key), out var place))
            return false;
        place.Rows.AsSpan(place.Index * _features, _features).CopyTo(row);
        return true;
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

    void Read(string path)
    {
        try
        {
            var part = File.ReadAllBytes(path);
            if (Path.GetFileName(path) != NameOf(part) || part.Length < Header || !part.AsSpan(0, 8).SequenceEqual(s_magic))
                return;
            var (count, features) = (BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(8)), BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(12)));
            if (features != _features || count < 0 || Header + (count * (KeyLength + (sizeof(float) * (long)features))) != part.Length)
                return;
            var keys = part.AsSpan(Header, count * KeyLength);
            Remember(keys, MemoryMarshal.Cast<byte, float>(part.AsSpan(Header + keys.Length)).ToArray());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is computed again.
        }
    }

    void Remember(ReadOnlySpan<byte> keys, float[] rows)
    {
        for (var i = 0; i < keys.Length / KeyLength; i++)
            _known[new(keys.Slice(i * KeyLength, KeyLength))] = (rows, i);
    }

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
