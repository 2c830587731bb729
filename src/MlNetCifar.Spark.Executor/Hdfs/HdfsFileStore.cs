using MlNetCifar.Files;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Files on HDFS for the data stage. Paths are whole addresses (<c>hdfs://host:port/a/b</c>) of one file system.</summary>
public sealed class HdfsFileStore : IFileStore, IDisposable
{
    // Read whole when opened: most files are, and it is a fraction of what opening one over WebHDFS takes.
    const int SmallFile = 1 << 20;

    readonly Uri _fileSystem;
    readonly NativeHdfs _native;
    readonly bool _isInPlace;

    /// <summary>Uses a client.</summary>
    /// <param name="fileSystem">Scheme and authority of every path.</param>
    /// <param name="client">Owned from now on.</param>
    public HdfsFileStore(Uri fileSystem, WebHdfsClient client)
    {
        _fileSystem = fileSystem;
        Client = client;
        _native = new(client.Options, client.Transport.Contact);
    }

    HdfsFileStore(HdfsFileStore other) => (_fileSystem, Client, _native, _isInPlace) = (other._fileSystem, other.Client, other._native, true);

    /// <summary>The client underneath.</summary>
    public WebHdfsClient Client { get; }

    /// <summary>Where places of blocks are noted while folders are listed; null (the default) for nowhere.</summary>
    internal BlockPlaces? Places { get; set; }

    /// <summary>The store an address belongs to, configured from HADOOP_CONF_DIR.</summary>
    /// <param name="address">A file or folder on HDFS.</param>
    /// <param name="options">Null to derive them from the address.</param>
    public static HdfsFileStore Open(string address, WebHdfsOptions? options = null)
    {
        var (fileSystem, _) = HdfsPath.Split(address);
        return new(fileSystem, new(options ?? WebHdfsOptions.For(fileSystem)));
    }

    /// <summary>The store of any address: HDFS or the local disk.</summary>
    /// <param name="address">An HDFS address, a <c>file:</c> address or a local path.</param>
    /// <param name="options">For HDFS; null to derive them from the address.</param>
    public static IFileStore For(string address, WebHdfsOptions? options = null) =>
        HdfsPath.IsHdfs(address) ? Open(address, options) : LocalFileStore.Instance;

    /// <summary>The one name of a file or folder, which need not be there, without a slash at its end: where its file system answers, and the path there.</summary>
    /// <param name="path">The file or folder.</param>
    public string FullName(string path) =>
        $"{Client.Options.NameNodes.Concat(Client.Options.RpcNodes).First().GetLeftPart(UriPartial.Authority)}{Path.GetFullPath(Local(path))}".Replace(Path.DirectorySeparatorChar, '/').TrimEnd('/');

    /// <inheritdoc/>
    public Stream OpenRead(string path)
    {
        if (_native.TryGetStatus(Local(path), out var status) && status is { IsFolder: false, Length: > 0 and <= SmallFile })
        {
            var content = GC.AllocateUninitializedArray<byte>((int)status.Value.Length);
            if (_native.TryRead(Local(path), content))
                return new MemoryStream(content, writable: false);
        }

        return OpenWeb(path);
    }

    Stream OpenWeb(string path)
    {
        try
        {
            return Wait(Client.OpenReadAsync(Local(path)));
        }
        catch (MlNetCifarException e) when (e.Code == HdfsErrors.NotFoundCode)
        {
            throw new FileNotFoundException(e.Reason, path, e);
        }
    }

    /// <inheritdoc/>
    public int ReadWhole(string path, Span<byte> destination)
    {
        if (_native.TryRead(Local(path), destination))
            return destination.Length;
        using var stream = OpenWeb(path);
        return stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
    }

    /// <summary>Reads small files in as few round trips as may be, and notes which were read; <see cref="ReadWhole"/> reads the others, or says why not.</summary>
    /// <param name="files">By their paths on this file system.</param>
    internal void TryReadAll(IReadOnlyList<SmallFile> files) => _native.TryReadAll(files);

    /// <inheritdoc/>
    public void Write(string path, Action<Stream> content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var name = Local(path);
        var temporary = _isInPlace ? name : $"{name}.{Guid.NewGuid():N}.tmp";
        try
        {
            long length;
            using (var stream = Client.OpenWrite(temporary))
            {
                content(stream);
                length = stream.Length;
                if (!stream.TryComplete(bytes => WriteNatively(temporary, bytes)))
                    stream.CompleteAsync().GetAwaiter().GetResult();
            }

            if (!_isInPlace)
                Rename(temporary, name, length);
        }
        catch (Exception e) when (!HdfsErrors.IsOutOfReach(e))
        {
            TryDelete(temporary);
            throw;
        }
    }

    /// <inheritdoc/>
    public bool TryCreate(string path, ReadOnlyMemory<byte> content)
    {
        // Renaming refuses a name that is taken, in one step of the name node; a file that is opened for writing would be there before its content.
        var name = Local(path);
        var temporary = $"{name}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (!WriteNatively(temporary, content.Span))
                Client.WriteAsync(temporary, content).GetAwaiter().GetResult();
            if (!_native.TryRename(temporary, name, overwrite: false))
                Client.RenameAsync(temporary, name, false, content.Length).GetAwaiter().GetResult();
            return true;
        }
        catch (MlNetCifarException e) when (e.Code == HdfsErrors.ExistsCode)
        {
            TryDelete(temporary);
            return false;
        }
        catch (Exception e) when (!HdfsErrors.IsOutOfReach(e))
        {
            TryDelete(temporary);
            throw;
        }
    }

    /// <summary>
    /// This store for a folder into which nobody looks meanwhile: files are written under their own names at once, which saves renaming each. The client stays this
    /// store's, which disposes of it.
    /// </summary>
    internal HdfsFileStore InPlace() => new(this);

    /// <summary>Writes a file whole under its own name, over one that is there: for an upload that is done again where it ended early.</summary>
    internal Task WriteInPlaceAsync(string path, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) =>
        _native.TryWrite(Local(path), content.Span)
            ? Task.CompletedTask
            : Client.WriteAsync(Local(path), content, overwrite: true, cancellationToken);

    /// <inheritdoc/>
    public IEnumerable<StoredEntry> List(string folder)
    {
        var root = Local(folder);
        var open = new Stack<string>();
        open.Push("");
        while (open.TryPop(out var relative))
        {
            foreach (var entry in Children(relative.Length == 0 ? root : $"{root.TrimEnd('/')}/{relative}"))
            {
                var name = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
                if (entry.IsFolder)
                    open.Push(name);
                yield return new(name, entry.Length, entry.IsFolder);
            }
        }
    }

    IEnumerable<HdfsStatus> Children(string path)
    {
        var after = "";
        while (_native.TryList(path, after, out var listed, out var isLast, Places))
        {
            foreach (var entry in listed)
                yield return entry;
            if (isLast)
                yield break;
            after = listed[^1].Name;
        }

        var entries = Client.ListAsync(path, after).GetAsyncEnumerator();
        try
        {
            while (Next(entries, path))
                yield return entries.Current;
        }
        finally
        {
            entries.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    static bool Next(IAsyncEnumerator<HdfsStatus> entries, string path)
    {
        try
        {
            return entries.MoveNextAsync().AsTask().GetAwaiter().GetResult();
        }
        catch (MlNetCifarException e) when (e.Code == HdfsErrors.NotFoundCode)
        {
            throw new DirectoryNotFoundException($"{path}: {e.Reason}", e);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => Status(path) is { IsFolder: false };

    /// <inheritdoc/>
    public bool FolderExists(string path) => Status(path) is { IsFolder: true };

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (!_native.TryDelete(Local(path), recursive: false))
            Wait(Client.DeleteAsync(Local(path)));
    }

    /// <summary>Makes a folder, and those above it; nothing happens where it is there.</summary>
    internal void MakeFolder(string folder) => Client.MakeFolderAsync(Local(folder)).GetAwaiter().GetResult();

    /// <summary>Deletes a folder with all it holds; nothing happens where there is none.</summary>
    /// <param name="folder">The folder.</param>
    public void DeleteFolder(string folder)
    {
        if (!_native.TryDelete(Local(folder), recursive: true))
            Wait(Client.DeleteAsync(Local(folder), recursive: true));
    }

    /// <inheritdoc/>
    public void Move(string from, string to)
    {
        var target = Local(to);
        Client.MakeFolderAsync(target[..Math.Max(target.LastIndexOf('/'), 1)]).GetAwaiter().GetResult();
        Client.RenameAsync(Local(from), target, overwrite: true).GetAwaiter().GetResult();
    }

    /// <summary>Renames a file of a known length, over an older one, into a folder that is there: one request.</summary>
    internal void Rename(string from, string to, long length)
    {
        if (!_native.TryRename(Local(from), Local(to)))
            Client.RenameAsync(Local(from), Local(to), true, length).GetAwaiter().GetResult();
    }

    /// <summary>Closes the client.</summary>
    public void Dispose()
    {
        if (_isInPlace)
            return;
        _native.Dispose();
        Client.Dispose();
    }

    /// <summary>The path of an address on this file system.</summary>
    internal string Local(string path)
    {
        if (!HdfsPath.IsHdfs(path))
            return path;
        var (fileSystem, local) = HdfsPath.Split(path);
        return fileSystem.Authority == _fileSystem.Authority || fileSystem.Authority.Length == 0 ? local
            : throw new ArgumentException($"The path belongs to {fileSystem.Authority}, this store to {_fileSystem.Authority}.", nameof(path));
    }

    HdfsStatus? Status(string path) => _native.TryGetStatus(Local(path), out var status) ? status : Wait(Client.GetStatusAsync(Local(path)));

    // What a failed attempt left may still be open for writing; under a name of its own it can be removed without harm.
    bool WriteNatively(string name, ReadOnlySpan<byte> content)
    {
        if (!_native.IsUsable)
            return false;
        if (_native.TryWrite(name, content))
            return true;
        Wait(Client.DeleteAsync(name));
        return false;
    }

    void TryDelete(string name)
    {
        try
        {
            Wait(Client.DeleteAsync(name));
        }
        catch (MlNetCifarException)
        {
            // The first error is the one to report.
        }
    }

    static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
