using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Import;

/// <summary><c>dataset import --to hdfs://…</c>: a local folder or archive to HDFS, as the files they are or packed into Parquet.</summary>
public static class HdfsImport
{
    /// <summary>Imports a data set.</summary>
    /// <param name="options">From where to where.</param>
    /// <param name="progress">Told as files are done.</param>
    /// <param name="cancellationToken">Ends the work; whole files stay, a pack is undone.</param>
    /// <exception cref="MlNetCifarException">The source is wrong (MNC10xx), or HDFS failed (MNC60xx).</exception>
    public static async Task<HdfsImportReport> RunAsync(
        HdfsImportOptions options, IProgress<HdfsImportProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (fileSystem, path) = HdfsPath.Split(options.Target);
        using var tree = FileTree.Open(HdfsPath.ToLocal(options.Source), LocalFileStore.Instance, cancellationToken);
        using var client = new WebHdfsClient(WebHdfsOptions.For(fileSystem, options.Hadoop) with { User = options.User });
        if (options.PackParquet)
            return await new ParquetPacker(options, tree, client, path, progress).RunAsync(cancellationToken).ConfigureAwait(false);
        return await UploadAsync(options, tree, client, path, progress, cancellationToken).ConfigureAwait(false);
    }

    static async Task<HdfsImportReport> UploadAsync(HdfsImportOptions options, FileTree tree, WebHdfsClient client, string path,
        IProgress<HdfsImportProgress>? progress, CancellationToken cancellationToken)
    {
        var present = options.SkipExisting ? await PresentAsync(client, options.Target, path, cancellationToken).ConfigureAwait(false) : [];
        var wanted = Enumerable.Range(0, tree.Files.Count)
            .Where(i => !present.TryGetValue(tree.Files[i].Path, out var length) || length != tree.Files[i].Length).ToArray();
        var done = tree.Files.Count - wanted.Length;
        var (skipped, bytes) = (done, 0L);
        using var cursor = tree.ReadAll(wanted);
        using var store = new HdfsFileStore(HdfsPath.Split(options.Target).FileSystem, client);
        var gate = new Lock();
        await Parallel.ForAsync(0, Math.Max(1, options.Parallelism), cancellationToken, async (_, ct) =>
        {
            byte[] buffer = [];
            while (TryTake(tree, cursor, ref buffer, out var file, out var length))
            {
                ct.ThrowIfCancellationRequested();
                await store.WriteInPlaceAsync($"{path.TrimEnd('/')}/{tree.Files[file].Path}", buffer.AsMemory(0, length), ct).ConfigureAwait(false);
                lock (gate)
                    progress?.Report(new(++done, tree.Files.Count, bytes += length));
            }
        }).ConfigureAwait(false);
        return new(options.Target, tree.Files.Count, skipped, tree.Files.Sum(f => f.Length)) { Warnings = tree.Warnings };
    }

    internal static bool TryTake(FileTree tree, FileCursor cursor, ref byte[] buffer, out int file, out int length)
    {
        if (!cursor.TryRead(ref buffer, out file, out length, out var fault))
            return false;
        if (fault is null && length < tree.Files[file].Length)
            fault = new EndOfStreamException($"{tree.Locate(tree.Files[file].Path)} gave {length:N0} of {tree.Files[file].Length:N0} bytes.");
        return fault is null ? true : throw fault;
    }

    static async Task<Dictionary<string, long>> PresentAsync(WebHdfsClient client, string target, string path, CancellationToken cancellationToken)
    {
        if (await client.GetStatusAsync(path, cancellationToken).ConfigureAwait(false) is not { IsFolder: true })
            return [];
        var store = new HdfsFileStore(HdfsPath.Split(target).FileSystem, client);
        return await Task.Run(() => store.List(target).Where(e => !e.IsFolder).ToDictionary(e => e.Path, e => e.Length, StringComparer.Ordinal), cancellationToken)
            .ConfigureAwait(false);
    }
}

/// <summary>The errors of imports: codes MNC6080 to MNC6089.</summary>
static class ImportErrors
{
    public static MlNetCifarException Exists(string target) =>
        new("MNC6081", ErrorKind.Usage, "The target exists already.", "Remove it or name another folder.", target);
}
