namespace MlNetCifar.Imaging;

/// <summary>Reads whole encoded pictures, as far as a limit allows.</summary>
static class PictureFile
{
    const int Chunk = 1 << 16;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Most bytes accepted.</param>
    /// <exception cref="MlNetCifarException">It is not there (MNC1210), cannot be read (MNC1211) or is too large (MNC1207).</exception>
    public static byte[] Read(string path, long limit)
    {
        try
        {
            using var stream = Open(path, FileOptions.SequentialScan);
            return Read(stream, limit, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Fault(path, e);
        }
    }

    /// <inheritdoc cref="Read(string, long)"/>
    public static async Task<byte[]> ReadAsync(string path, long limit, CancellationToken cancellation)
    {
        try
        {
            using var stream = Open(path, FileOptions.SequentialScan | FileOptions.Asynchronous);
            return await ReadAsync(stream, limit, path, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Fault(path, e);
        }
    }

    /// <summary>Reads what is left of a stream.</summary>
    /// <exception cref="MlNetCifarException">It is too large (MNC1207).</exception>
    public static byte[] Read(Stream stream, long limit, string? path = null)
    {
        var (buffer, length) = (First(stream), 0);
        while (stream.Read(buffer, length, buffer.Length - length) is > 0 and var read)
            Grow(ref buffer, length += read, limit, path);
        return Exactly(buffer, length);
    }

    /// <inheritdoc cref="Read(Stream, long, string?)"/>
    public static async Task<byte[]> ReadAsync(Stream stream, long limit, string? path, CancellationToken cancellation)
    {
        var (buffer, length) = (First(stream), 0);
        while (await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false) is > 0 and var read)
            Grow(ref buffer, length += read, limit, path);
        return Exactly(buffer, length);
    }

    static FileStream Open(string path, FileOptions options) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, options);

    // One byte more than the stream says it has, so that its end is seen without growing.
    static byte[] First(Stream stream) => new byte[stream.CanSeek ? Math.Clamp(stream.Length - stream.Position + 1, 1, 1 << 24) : Chunk];

    static void Grow(ref byte[] buffer, int length, long limit, string? path)
    {
        if (length > limit)
            throw ImageErrors.TooLarge($"more than {limit} bytes", $"{limit} bytes", path);
        if (length == buffer.Length)
            Array.Resize(ref buffer, (int)Math.Min(Array.MaxLength, 2L * length));
    }

    static byte[] Exactly(byte[] buffer, int length) => length == buffer.Length ? buffer : buffer[..length];

    static MlNetCifarException Fault(string path, Exception cause) =>
        cause is FileNotFoundException or DirectoryNotFoundException ? ImageErrors.Missing(path) : ImageErrors.Unreadable(path, cause);
}
