using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>
/// The local disk and HDFS. A finished run is put on HDFS where <c>--output</c> names a folder there; the copy gets its name in one rename, so that nobody ever
/// sees half of it.
/// </summary>
/// <param name="call">Tells of the file systems.</param>
internal sealed class HdfsStorage(Call call) : IExperimentStorage
{
    static readonly Dictionary<string, HdfsFileStore> s_stores = [];

    public string Normalize(string path) => HdfsPath.ToLocal(path);

    public bool IsRemote(string path) => HdfsPath.IsHdfs(path);

    public IFileStore StoreOf(string path) => IsRemote(path) ? Store(path) : LocalFileStore.Instance;

    public void CheckOutput(string output)
    {
        output = output.TrimEnd('/');
        if (Store(output).FileExists(output))
            throw CliErrors.Value(ExperimentTable.Output.Option, output, "a folder, which this is not");
    }

    public string Publish(RunFolder run, string output, bool replace, Action<double, string> progress)
    {
        output = output.TrimEnd('/');
        var store = Store(output);
        var staging = $"{output}/{run.Verb}/_temporary-{Guid.NewGuid():N}";
        try
        {
            Upload(run, store, staging, progress);
            return Rename(store, staging, $"{output}/{run.Verb}/{run.Name}", replace);
        }
        catch (MlNetCifarException e)
        {
            throw CliErrors.NotCopied(output, run.Path, e);
        }
        finally
        {
            TryDelete(store, staging);
        }
    }

    /// <summary>Stores stay open as long as the program runs, so that connections are used again.</summary>
    HdfsFileStore Store(string path)
    {
        var fileSystem = HdfsPath.Split(path).FileSystem;
        var options = WebHdfsOptions.For(fileSystem, ClusterOptions.Hadoop(call));
        lock (s_stores)
        {
            var key = $"{fileSystem} {options}";
            if (!s_stores.TryGetValue(key, out var store))
                s_stores.Add(key, store = new(fileSystem, new(options)));
            return store;
        }
    }

    static void Upload(RunFolder run, HdfsFileStore store, string staging, Action<double, string> progress)
    {
        // Checkpoints serve to go on with a run, which is done where it was made.
        var files = LocalFileStore.Instance.List(run.Path)
            .Where(e => !e.IsFolder && !e.Path.StartsWith(RunFolder.Checkpoints + "/", StringComparison.Ordinal)).Select(e => e.Path).Order(StringComparer.Ordinal).ToArray();
        for (var i = 0; i < files.Length; i++)
        {
            progress((double)i / files.Length, Invariant($"copying {i}/{files.Length} files"));
            using var source = LocalFileStore.Instance.OpenRead(run.File(files[i]));
            store.Write($"{staging}/{files[i]}", stream => source.CopyTo(stream, 1 << 20));
        }
    }

    /// <summary>Gives the copy its name, or the next free one. HDFS refuses to rename onto a folder with content, so of two at once both are kept.</summary>
    static string Rename(HdfsFileStore store, string staging, string name, bool replace)
    {
        for (var number = 1; ; number++)
        {
            var free = number == 1 ? name : Invariant($"{name}{number}");
            if (replace)
                store.DeleteFolder(free);
            else if (store.FolderExists(free) || store.FileExists(free))
                continue;
            try
            {
                store.Move(staging, free);
                return free;
            }
            catch (MlNetCifarException) when (!replace && store.FolderExists(free) && store.FolderExists(staging))
            {
                // Another run took the name meanwhile.
            }
        }
    }

    static void TryDelete(HdfsFileStore store, string folder)
    {
        try
        {
            store.DeleteFolder(folder);
        }
        catch (MlNetCifarException)
        {
            // What went wrong before is the error to tell.
        }
    }
}
