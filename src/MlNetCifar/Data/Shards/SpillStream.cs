namespace MlNetCifar.Data;

/// <summary>Bytes that are written one after another, then read: the last ones in memory, those beyond a bound in a temporary file.</summary>
/// <param name="memoryBytes">The bound.</param>
/// <param name="folder">Where the file would be.</param>
/// <param name="memory">Empty, and left so; null for one of its own.</param>
internal sealed class SpillStream(int memoryBytes, string folder, MemoryStream? memory = null) : Stream
{
    readonly MemoryStream _memory = memory ?? new();
    TemporaryFile? _file;
    long _spilled;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _spilled + _memory.Length;

    /// <summary>Where reading goes on; writing always appends.</summary>
    public override long Position { get; set; }

    /// <exception cref="MlNetCifarException">The temporary file cannot be written (MNC1025).</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_memory.Length > 0 && _memory.Length + buffer.Length > memoryBytes)
        {
            _file ??= new(folder);
            _file.Write(_memory.GetBuffer().AsSpan(0, (int)_memory.Length), _spilled);
            _spilled += _memory.Length;
            _memory.SetLength(0);
        }

        _memory.Write(buffer);
    }

    public override int Read(Span<byte> buffer)
    {
        var isSpilled = Position < _spilled;
        var n = (int)Math.Min(buffer.Length, (isSpilled ? _spilled : Length) - Position);
        if (isSpilled)
            _file!.Read(buffer[..n], Position);
        else
            _memory.GetBuffer().AsSpan((int)(Position - _spilled), n).CopyTo(buffer);
        Position += n;
        return n;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file?.Dispose();
            _memory.SetLength(0);
        }

        base.Dispose(disposing);
    }
}
