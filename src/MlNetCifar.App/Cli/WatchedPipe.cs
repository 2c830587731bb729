using System.Runtime.InteropServices;

namespace MlNetCifar.App.Cli;

/// <summary>
/// A redirected standard stream that tells when nobody reads it any more, as after <c>| head</c>. The runtime's own swallows that, so that a program would work on for
/// nobody. What is written afterwards is dropped.
/// </summary>
/// <param name="stream">The runtime's stream.</param>
/// <param name="descriptor">1 for standard output, 2 for standard error.</param>
/// <param name="closed">Told once.</param>
internal sealed class WatchedPipe(Stream stream, int descriptor, Action closed) : Stream
{
    /// <summary>POLLERR and POLLHUP. A descriptor that was closed from the beginning (2>&amp;-) is another matter: there, nobody ever wanted to read.</summary>
    const short Gone = 0x8 | 0x10;

    bool _closed;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_closed)
            return;
        if (IsGone())
        {
            _closed = true;
            closed();
            return;
        }

        stream.Write(buffer);
    }

    public override void Flush() => stream.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    bool IsGone()
    {
        if (OperatingSystem.IsWindows())
            return false;
        var polled = new Polled { Descriptor = descriptor };
        return Poll(ref polled, 1, 0) > 0 && (polled.Found & Gone) != 0;
    }

    [DllImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Poll(ref Polled polled, nuint count, int timeout);

    [StructLayout(LayoutKind.Sequential)]
    struct Polled
    {
        public int Descriptor;
        public short Asked;
        public short Found;
    }
}
