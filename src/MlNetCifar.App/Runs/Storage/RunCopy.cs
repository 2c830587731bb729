using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Saving;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs.Storage;

/// <summary>
/// Puts a finished run on HDFS, where <c>--output</c> names a folder there. The run is made on the local disk, so that a cluster that is away costs no work,
/// and can be resumed there; the copy gets its name in one rename, so that nobody ever sees half of it.
/// </summary>
internal static class RunCopy
{
    /// <summary>The folder of runs on HDFS that a call asks for; null where it asks for none.</summary>
    public static string? Target(Call call) =>
        call.Get(RunFolder.Output) is { } output && HdfsPath.IsHdfs(output) ? output.TrimEnd('/') : null;

    /// <summary>Finds out early whether HDFS answers, so that a long run does not end without its copy.</summary>
    public static void Check(Call call)
    {
        if (Target(call) is { } output && ClusterSettings.Store(call, output).FileExists(output))
            throw CliErrors.Value(RunFolder.Output.Option, output, "a folder, which this is not");
    }

    /// <summary>Copies the run where the call asks for it.</summary>
    /// <returns>Where the copy lies; null where none was asked for.</returns>
    public static string? Publish(Call call, RunFolder folder, string verb)
    {
        if (Target(call) is not { } output)
            return null;
        var store = (HdfsFileStore)ClusterSettings.Store(call, output);
        var staging = $"{output}/{verb}/_temporary-{Guid.NewGuid():N}";
        try
        {
            Upload(call, folder, store, staging);
            var name = Rename(store, staging, $"{output}/{verb}/{Path.GetFileName(folder.Path)}", call.Get(RunFolder.ExistOk));
            call.Terminal.Log($"copy     {name}");
            return name;
        }
        catch (MlNetCifarException e)
        {
            throw CliErrors.NotCopied(output, folder.Path, e);
        }
        finally
        {
            TryDelete(store, staging);
        }
    }

    static void Upload(Call call, RunFolder folder, HdfsFileStore store, string staging)
    {
        // Checkpoints serve to go on with a run, which is done where it was made.
        var files = LocalFileStore.Instance.List(folder.Path)
            .Where(e => !e.IsFolder && !e.Path.StartsWith(SavingSettings.Checkpoints + "/", StringComparison.Ordinal)).Select(e => e.Path).Order(StringComparer.Ordinal).ToArray();
        Bars.Run(call.Terminal, $"copying to {staging}", advance =>
        {
            for (var i = 0; i < files.Length; i++)
            {
                advance((double)i / files.Length, Texts.Invariant($"copying {i}/{files.Length} files"));
                using var source = LocalFileStore.Instance.OpenRead(folder.File(files[i]));
                store.Write($"{staging}/{files[i]}", stream => source.CopyTo(stream, 1 << 20));
            }

            return files.Length;
        });
    }

    /// <summary>Gives the copy its name, or the next free one. HDFS refuses to rename onto a folder with content, so of two at once both are kept.</summary>
    static string Rename(HdfsFileStore store, string staging, string name, bool replace)
    {
        for (var number = 1; ; number++)
        {
            var free = number == 1 ? name : Texts.Invariant($"{name}{number}");
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
