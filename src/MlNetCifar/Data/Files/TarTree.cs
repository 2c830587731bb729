using System.Formats.Tar;

namespace MlNetCifar.Data.Files;

/// <summary>An uncompressed tar archive: listed once, then read at the entries' offsets.</summary>
internal sealed class TarTree : FileTree
{
    readonly Stream _stream;
    readonly Lock _lock = new();
    readonly long[] _offsets;

    public TarTree(string origin, Stream stream, CancellationToken cancellation)
        : base(origin)
    {
        _stream = stream;
        try
        {
            _offsets = List(cancellation);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer)
    {
        var length = Files[file].Length;
        EnsureCapacity(ref buffer, length, Locate(Files[file].Path));
        var span = buffer.AsSpan(0, (int)length);
        if (_stream is FileStream local)
            return ReadAt(local, _offsets[file], span);
        lock (_lock)
        {
            _stream.Position = _offsets[file];
            return _stream.ReadAtLeast(span, span.Length, throwOnEndOfStream: false);
        }
    }

    protected override void Dispose(bool disposing) => _stream.Dispose();

    static int ReadAt(FileStream stream, long offset, Span<byte> destination)
    {
        var done = 0;
        while (done < destination.Length)
        {
            var n = RandomAccess.Read(stream.SafeFileHandle, destination[done..], offset + done);
            if (n == 0)
                break;
            done += n;
        }

        return done;
    }

    long[] List(CancellationToken cancellation)
    {
        var listing = new TarListing(Origin);
        var offsets = new List<long>();
        listing.Scan(_stream, cancellation, (position, entry) =>
        {
            if (position == offsets.Count)
                offsets.Add(0);
            offsets[position] = entry.DataOffset;
        });
        var order = SetListing(listing.Files, listing.Folders);
        return Array.ConvertAll(order, i => offsets[i]);
    }
}
