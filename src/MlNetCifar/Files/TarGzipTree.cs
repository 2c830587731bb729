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
        var path = Path.Combine(Path.GetTempPath(), $"mlnetcifar-{Guid.NewGuid():N}.tar");
        var copy = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
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
        readonly Dictionary<int, int> _wanted;
        int _ordinal = -1;

        public Cursor(TarGzipTree tree, int[] files)
        {
            _tree = tree;
            _wanted = files.ToDictionary(f => tree.Places[f]);
            _stream = tree.Decompress();
            _reader = new TarReader(_stream);
        }

        public override bool TryRead(ref byte[] buffer, out int file, out int length, out Exception? fault)
        {
            fault = null;
            lock (_lock)
            {
                while (_wanted.Count > 0 && _reader.GetNextEntry() is { } entry)
                {
                    if (!TarScan.IsFile(entry) || ArchiveName.Normalize(entry.Name, _tree.Origin).Length == 0)
                        continue;
                    if (!_wanted.Remove(++_ordinal, out file))
                        continue;
                    length = (int)entry.Length;
                    EnsureCapacity(ref buffer, entry.Length, entry.Name);
                    entry.DataStream?.ReadExactly(buffer, 0, length);
                    return true;
                }
            }

            file = -1;
            length = 0;
            return false;
        }

        private protected override void Dispose(bool disposing)
        {
            _reader.Dispose();
            _stream.Dispose();
        }
    }
}
