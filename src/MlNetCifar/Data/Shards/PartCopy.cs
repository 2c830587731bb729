using Microsoft.Win32.SafeHandles;

namespace MlNetCifar.Data;

/// <summary>An open copy of a remote part. While it is open no process deletes the file to make room.</summary>
internal sealed class PartCopy : IDisposable
{
    readonly SafeFileHandle _handle;
    long _lastRead;

    PartCopy(string path, SafeFileHandle handle) => (Path, _handle) = (path, handle);

    public string Path { get; }

    /// <summary>Milliseconds of the system's uptime.</summary>
    public long LastRead => Volatile.Read(ref _lastRead);

    /// <exception cref="IOException">The file is not there, or is being deleted.</exception>
    public static PartCopy Open(string path)
    {
        var copy = new PartCopy(path, File.OpenHandle(path));
        copy.Touch();
        return copy;
    }

    /// <summary>Fills the destination; false where the copy was closed to make room, so that it must be fetched again.</summary>
    /// <exception cref="MlNetCifarException">The file ends before that (MNC1030).</exception>
    public bool TryRead(Span<byte> destination, long offset)
    {
        Touch();
        try
        {
            for (var done = 0; done < destination.Length;)
            {
                var n = RandomAccess.Read(_handle, destination[done..], offset + done);
                if (n == 0)
                    throw DataErrors.ShardDamaged(Path, "The file has become shorter.");
                done += n;
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public void Dispose() => _handle.Dispose();

    void Touch()
    {
        // Written only when it changes, so that threads that read the same part do not take the cache line from one another.
        var now = Environment.TickCount64;
        if (Volatile.Read(ref _lastRead) != now)
            Volatile.Write(ref _lastRead, now);
    }
}
