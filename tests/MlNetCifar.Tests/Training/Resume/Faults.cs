using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Resume;

/// <summary>Delegates to the local disk until it is full; then files are cut off in the middle.</summary>
sealed class LimitedDisk : IFileStore
{
    readonly LocalFileStore _disk = LocalFileStore.Instance;

    public volatile bool IsFull;

    public Stream OpenRead(string path) => _disk.OpenRead(path);

    public void Write(string path, Action<Stream> content) => _disk.Write(path, stream =>
    {
        content(stream);
        if (!IsFull)
            return;
        stream.SetLength(stream.Length / 2);
        throw new IOException("No space left on device");
    });

    public IEnumerable<StoredEntry> List(string folder) => _disk.List(folder);

    public bool FileExists(string path) => _disk.FileExists(path);

    public bool FolderExists(string path) => _disk.FolderExists(path);

    public void Delete(string path) => _disk.Delete(path);

    public void Move(string from, string to) => _disk.Move(from, to);
}

/// <summary>Pictures behind a disk that fails after so many of them.</summary>
sealed class BreakingSource(ImageSource inner) : WrappedImages(inner)
{
    int _reads;

    public int ReadsLeft { get; init; }

    public override void CopyPixels(int index, Span<byte> destination)
    {
        if (Interlocked.Increment(ref _reads) > ReadsLeft)
            throw new MlNetCifarException("MNC1030", ErrorKind.Data, "The shard is gone.", "Prepare it again.", "X_part_00001.npy");
        base.CopyPixels(index, destination);
    }
}
