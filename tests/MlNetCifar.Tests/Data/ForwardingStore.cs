using MlNetCifar.Files;

namespace MlNetCifar.Tests.Data;

/// <summary>The local disk, for tests that change one thing about it.</summary>
class ForwardingStore : IFileStore
{
    public virtual Stream OpenRead(string path) => LocalFileStore.Instance.OpenRead(path);

    public virtual void Write(string path, Action<Stream> content) => LocalFileStore.Instance.Write(path, content);

    public virtual IEnumerable<StoredEntry> List(string folder) => LocalFileStore.Instance.List(folder);

    public bool FileExists(string path) => LocalFileStore.Instance.FileExists(path);

    public bool FolderExists(string path) => LocalFileStore.Instance.FolderExists(path);

    public void Delete(string path) => LocalFileStore.Instance.Delete(path);

    public void Move(string from, string to) => LocalFileStore.Instance.Move(from, to);
}
