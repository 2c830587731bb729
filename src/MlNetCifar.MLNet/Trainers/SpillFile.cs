using Microsoft.Win32.SafeHandles;

namespace MlNetCifar.MLNet;

/// <summary>Pictures that came as bytes, on disk rather than in memory. The file is gone once it is closed.</summary>
/// <param name="folder">Where it lies; null for the temporary folder.</param>
internal sealed class SpillFile(string? folder) : IDisposable
{
    SafeFileHandle? _file;
    long _length;

    /// <summary>Keeps a picture's file.</summary>
    /// <param name="content">All of it.</param>
    /// <returns>Opens it, any number of times and from any thread.</returns>
    public Func<Stream> Add(byte[] content)
    {
        var file = _file ??= Create();
        var (start, length) = (_length, content.Length);
        RandomAccess.Write(file, content, start);
        _length += length;
        return () => new MemoryStream(Read(file, start, length), writable: false);
    }

    public void Dispose() => _file?.Dispose();

    SafeFileHandle Create()
    {
        var place = folder ?? Path.GetTempPath();
        Directory.CreateDirectory(place);
        var path = Path.Combine(place, $"mlnetcifar-{Guid.NewGuid():N}.tmp");
        return File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose | FileOptions.RandomAccess);
    }

    static byte[] Read(SafeFileHandle file, long start, int length)
    {
        var content = GC.AllocateUninitializedArray<byte>(length);
        for (var done = 0; done < length;)
        {
            var count = RandomAccess.Read(file, content.AsSpan(done), start + done);
            if (count == 0)
                throw new EndOfStreamException("The file of kept pictures was cut short.");
            done += count;
        }

        return content;
    }
}
