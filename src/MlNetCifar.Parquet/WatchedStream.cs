using System.Diagnostics;

namespace MlNetCifar.Parquet;

/// <summary>A file that tells how long nobody has read it.</summary>
/// <param name="inner">Seekable; disposed with this.</param>
sealed class WatchedStream(Stream inner) : Stream
{
    long _last = Stopwatch.GetTimestamp();
    bool _isRead;

    /// <summary>Time since the last read ended; none while one lasts.</summary>
    public TimeSpan Idle => Volatile.Read(ref _isRead) ? TimeSpan.Zero : Stopwatch.GetElapsedTime(Volatile.Read(ref _last));

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    /// <summary>Begins to count anew.</summary>
    public void Touch() => Volatile.Write(ref _last, Stopwatch.GetTimestamp());

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        Volatile.Write(ref _isRead, true);
        try
        {
            return inner.Read(buffer);
        }
        finally
        {
            Touch();
            Volatile.Write(ref _isRead, false);
        }
    }

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
