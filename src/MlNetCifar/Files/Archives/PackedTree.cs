using System.Formats.Tar;

namespace MlNetCifar.Files;

/// <summary>The files of a registered format as a tree: read in passes, as those of a compressed archive are.</summary>
internal sealed class PackedTree : FileTree
{
    readonly PackedFiles _packed;

    public PackedTree(string origin, PackedFiles packed)
        : base(origin)
    {
        _packed = packed;
        foreach (var file in packed.Files)
            if (ArchiveName.Normalize(file.Path, origin) != file.Path)
                throw FileErrors.EntryEscapes(origin, file.Path);
        SetListing(packed.Files, new(StringComparer.Ordinal));
        Warnings = packed.Warnings;
    }

    internal override bool IsRandomAccess => false;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer)
    {
        using var cursor = ReadAll([file]);
        cursor.TryRead(ref buffer, out _, out var length, out var fault);
        return fault is null ? length : throw fault;
    }

    public override FileCursor ReadAll(int[] files) => new Cursor(this, files);

    internal override FileTree ToRandomAccess(CancellationToken cancellation)
    {
        var copy = TarGzipTree.NewCopy();
        try
        {
            using (var tar = new TarWriter(copy, TarEntryFormat.Pax, leaveOpen: true))
            {
                foreach (var (file, content) in _packed.Read([.. Enumerable.Range(0, Files.Count)]))
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var data = new MemoryStream(content.ToArray(), writable: false);
                    tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, Files[file].Path) { DataStream = data });
                }
            }

            copy.Position = 0;
            return new TarTree(Origin, copy, cancellation);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    private protected override void Dispose(bool disposing) => _packed.Dispose();

    sealed class Cursor(PackedTree tree, int[] files) : FileCursor
    {
        readonly Lock _lock = new();
        readonly IEnumerator<(int File, ReadOnlyMemory<byte> Content)> _contents = tree._packed.Read(files).GetEnumerator();

        public override bool TryRead(ref byte[] buffer, out int file, out int length, out Exception? fault)
        {
            (file, length, fault) = (-1, 0, null);
            lock (_lock)
            {
                if (!_contents.MoveNext())
                    return false;
                (file, var content) = _contents.Current;
                length = content.Length;
                EnsureCapacity(ref buffer, length, tree.Origin);
                content.Span.CopyTo(buffer);
                return true;
            }
        }

        private protected override void Dispose(bool disposing) => _contents.Dispose();
    }
}
