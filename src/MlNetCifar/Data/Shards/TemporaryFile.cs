using Microsoft.Win32.SafeHandles;

namespace MlNetCifar.Data;

/// <summary>A local file that vanishes when it is closed, also by the end of the process. Reading and writing are thread-safe.</summary>
internal sealed class TemporaryFile : IDisposable
{
    readonly string _path;
    readonly SafeFileHandle _handle;

    /// <summary>Makes the file.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="length">Bytes that it will have at most, so that a disk that cannot hold them is found full at once; 0 where unknown.</param>
    /// <exception cref="MlNetCifarException">It cannot be made (MNC1025).</exception>
    public TemporaryFile(string folder, long length = 0)
    {
        _path = Path.Combine(folder, $"mlnetcifar-{Guid.NewGuid():N}.tmp");
        try
        {
            _handle = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose, length);
            // Elsewhere only a close would delete it, which a killed process does not come to.
            if (!OperatingSystem.IsWindows())
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataErrors.TemporaryFile(_path, e);
        }
    }

    /// <exception cref="MlNetCifarException">It cannot be written (MNC1025).</exception>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (IOException e)
        {
            throw DataErrors.TemporaryFile(_path, e);
        }
    }

    /// <summary>Reads all of the bytes asked for.</summary>
    /// <exception cref="MlNetCifarException">They cannot be read (MNC1025).</exception>
    public void Read(Span<byte> bytes, long offset)
    {
        try
        {
            for (int n; bytes.Length > 0; bytes = bytes[n..], offset += n)
                if ((n = RandomAccess.Read(_handle, bytes, offset)) == 0)
                    throw new EndOfStreamException();
        }
        catch (IOException e)
        {
            throw DataErrors.TemporaryFile(_path, e);
        }
    }

    public void Dispose() => _handle.Dispose();
}
