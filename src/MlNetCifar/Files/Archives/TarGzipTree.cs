using System.Formats.Tar;
using System.IO.Compression;

namespace MlNetCifar.Files;

/// <summary>A gzip-compressed tar archive: files are read in one streaming pass; reading a single one costs a pass up to it.</summary>
/// <remarks>The place of a file is its number among the stream's regular files.</remarks>
internal sealed class TarGzipTree : ArchiveTree<int>
{
    readonly IFileStore _store;

    public TarGzipTree(string origin, IFileStore store, CancellationToken cancellation)
        : base(origin)
    {
        _store = store;
        var ordinal = 0;
        using var stream = Decompress();
        ListTar(stream, _ => ordinal++, cancellation);
    }

    internal override bool IsRandomAccess => false;

    public override int Read(int file, ref byte[] buffer)
    {
        using var cursor = ReadAll([file]);
        cursor.TryRead(ref buffer, out _, out var length, out var fault);
        return fault is null ? length : throw fault;
    }

    public override FileCursor ReadAll(int[] files) => new Cursor(this, files);

    internal override FileTree ToRandomAccess(CancellationToken cancellation)
    {
        var copy = NewCopy();
        try
        {
            using (var stream = Decompress())
                Copy(stream, copy, cancellation);
            copy.Position = 0;
            return new TarTree(Origin, copy, cancellation);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>A temporary file that vanishes with its stream.</summary>
    internal static FileStream NewCopy()
    {
        var path = Path.Combine(Path.GetTempPath(), $"mlnetcifar-{Guid.NewGuid():N}.tar");
        var copy = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);

        // Elsewhere only a close would delete it, which a killed process does not come to.
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return copy;
    }

    static void Copy(Stream from, Stream to, CancellationToken cancellation)
    {
        var block = new byte[1 << 16];
        for (int n; (n = from.Read(block)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            to.Write(block, 0, n);
        }

        to.Flush();
    }

    BufferedStream Decompress() => new(new GZipStream(_store.OpenRead(Origin), CompressionMode.Decompress), 1 << 16);

    sealed class Cursor : FileCursor
    {
        readonly TarGzipTree _tree;
        readonly Lock _lock = new();
        readonly Stream _stream;
        readonly TarReader _reader;

        // In the order of the stream.
        readonly int[] _files;
        int _next;
        int _ordinal = -1;
        byte[] _kept = [];
        int _keptLength;

        public Cursor(TarGzipTree tree, int[] files)
        {
            _tree = tree;
            _files = [.. files];
            Array.Sort(_files, (a, b) => tree.Places[a].CompareTo(tree.Places[b]));
            _stream = tree.Decompress();
            _reader = new TarReader(_stream);
        }

        public override bool TryRead(ref byte[] buffer, out int file, out int length, out Exception? fault)
        {
            fault = null;
            lock (_lock)
            {
                if (_next < _files.Length && (_tree.Places[_files[_next]] == _ordinal || Advance(_tree.Places[_files[_next]])))
                {
                    file = _files[_next++];
                    length = _keptLength;
                    EnsureCapacity(ref buffer, length, _tree.Origin);
                    _kept.AsSpan(0, length).CopyTo(buffer);
                    return true;
                }
            }

            file = -1;
            length = 0;
            return false;
        }

        bool Advance(int place)
        {
            while (_reader.GetNextEntry() is { } entry)
            {
                if (!TarScan.IsFile(entry) || ArchiveName.Normalize(entry.Name, _tree.Origin).Length == 0 || ++_ordinal < place)
                    continue;
                _keptLength = (int)entry.Length;
                EnsureCapacity(ref _kept, entry.Length, entry.Name);
                entry.DataStream?.ReadExactly(_kept, 0, _keptLength);
                return true;
            }

            _next = _files.Length;
            return false;
        }

        private protected override void Dispose(bool disposing)
        {
            _reader.Dispose();
            _stream.Dispose();
        }
    }
}
