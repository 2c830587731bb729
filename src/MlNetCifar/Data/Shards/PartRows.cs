using System.Runtime.InteropServices;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>The rows of one <c>X_part</c> file.</summary>
internal sealed class PartRows : IDisposable
{
    readonly IFileStore _store;
    readonly string _path;
    readonly int _rowBytes;
    readonly Normalization? _scaling;
    readonly int _dataOffset;
    readonly PartCache _cache;
    readonly ShardFile _file;
    readonly FileStream? _local;

    // Of a remote file: its copy on the local disk, while it is open.
    PartCopy? _copy;

    PartRows(IFileStore store, string path, ShardFile file, int rowBytes, Normalization? scaling, int dataOffset, PartCache cache, FileStream? local)
    {
        (_store, _path, _rowBytes, _scaling, _dataOffset, _cache) = (store, path, rowBytes, scaling, dataOffset, cache);
        (_file, _local) = (file, local);
    }

    public static PartRows Open(IFileStore store, string path, int count, ShardManifest manifest, PartCache cache)
    {
        var info = manifest.Parts.SelectMany(p => p.Files).First(f => path.EndsWith("/" + f.Name, StringComparison.Ordinal));
        Stream stream;
        try
        {
            stream = store.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataErrors.ShardDamaged(path, $"The file cannot be read ({e.Message.TrimEnd('.')}).");
        }

        try
        {
            if (stream is FileStream file && file.Length != info.Length)
                throw DataErrors.ShardDamaged(path, $"The file has {file.Length:N0} bytes, the manifest says {info.Length:N0}.");
            var header = NpyHeader.Read(stream, info.Length, path);
            var spec = manifest.Spec;
            if (!header.IsPlain || header.Descr != (manifest.Float32 ? "<f4" : "|u1") || !header.Shape.SequenceEqual([count, spec.Height, spec.Width, spec.Channels]))
                throw DataErrors.ShardDamaged(path, $"The file holds {header.Descr} ({string.Join(", ", header.Shape)}), which is not what the manifest says.");
            var rowBytes = spec.Height * spec.Width * spec.Channels * header.ElementSize;
            var scaling = manifest.Float32 ? manifest.NormalizedBy ?? Normalization.None(spec.Channels) : null;
            var rows = new PartRows(store, path, info, rowBytes, scaling, header.DataOffset, cache, stream as FileStream);
            if (stream is not FileStream)
                stream.Dispose();
            return rows;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads one row as bytes.</summary>
    public void Read(int row, Span<byte> destination)
    {
        if (_scaling is null)
        {
            ReadRaw(row, 0, destination);
            return;
        }

        Span<float> block = stackalloc float[1024];
        for (var start = 0; start < destination.Length; start += block.Length)
        {
            var floats = block[..Math.Min(block.Length, destination.Length - start)];
            ReadRaw(row, 4 * start, MemoryMarshal.AsBytes(floats));
            for (var i = 0; i < floats.Length; i++)
            {
                var channel = (start + i) % _scaling.Channels;
                destination[start + i] = (byte)Math.Clamp(MathF.Round(((floats[i] * _scaling.Std[channel]) + _scaling.Mean[channel]) * 255), 0, 255);
            }
        }
    }

    public void Dispose()
    {
        _local?.Dispose();
        if (_copy is { } copy)
            _cache.Files!.Close(copy);
    }

    void ReadRaw(int row, int first, Span<byte> destination)
    {
        var offset = _dataOffset + ((long)row * _rowBytes) + first;
        if (_local is null)
        {
            ReadRemote(offset, destination);
            return;
        }

        for (var done = 0; done < destination.Length;)
        {
            var n = RandomAccess.Read(_local.SafeFileHandle, destination[done..], offset + done);
            if (n == 0)
                throw DataErrors.ShardDamaged(_path, "The file has become shorter.");
            done += n;
        }
    }

    void ReadRemote(long offset, Span<byte> destination)
    {
        while (true)
        {
            if (Volatile.Read(ref _copy) is { } copy)
            {
                if (copy.TryRead(destination, offset))
                    return;
                Interlocked.CompareExchange(ref _copy, null, copy);
            }
            else if (_cache.Get(_path, Load) is { } bytes)
            {
                bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
                return;
            }
        }
    }

    /// <summary>Opens the copy on the local disk, where that can hold one; else the bytes.</summary>
    byte[]? Load()
    {
        // Between two looks at it, another thread may have opened it.
        if (Volatile.Read(ref _copy) is not null)
            return null;
        if (_cache.Files?.Fetch(_store, _path, _file) is { } fetched)
        {
            Volatile.Write(ref _copy, fetched);
            return null;
        }

        return CheckedFile.Read(_store, _path, _file);
    }
}
