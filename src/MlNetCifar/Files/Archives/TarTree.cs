namespace MlNetCifar.Files;

/// <summary>An uncompressed tar archive: listed once, then read at the entries' offsets.</summary>
internal sealed class TarTree : ArchiveTree<long>
{
    readonly Stream _stream;
    readonly Lock _lock = new();

    public TarTree(string origin, Stream stream, CancellationToken cancellation)
        : base(origin)
    {
        _stream = stream;
        try
        {
            ListTar(stream, entry => entry.DataOffset, cancellation);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public override int Read(int file, ref byte[] buffer)
    {
        var length = Files[file].Length;
        EnsureCapacity(ref buffer, length, Locate(Files[file].Path));
        var span = buffer.AsSpan(0, (int)length);
        if (_stream is FileStream local)
            return ReadAt(local, Places[file], span);
        lock (_lock)
        {
            _stream.Position = Places[file];
            return _stream.ReadAtLeast(span, span.Length, throwOnEndOfStream: false);
        }
    }

    private protected override void Dispose(bool disposing) => _stream.Dispose();

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
}
