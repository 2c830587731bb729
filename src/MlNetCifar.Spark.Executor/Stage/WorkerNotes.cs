using System.Text;
using MlNetCifar.Files;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// What worker processes leave in the job folder beside their parts: that they began, and why they gave up. Spark tells its client neither of a task that was tried
/// again nor of any but the last failure.
/// </summary>
static class WorkerNotes
{
    const string Began = "began_";
    const string Fault = "fault_";
    const int MostFaults = 4;
    const int MostBytes = 2000;

    /// <summary>Who this process is: host and executor. YARN names a container; a standalone worker starts executors in folders that have their numbers for names.</summary>
    public static string Self => $"{Environment.MachineName}, executor {(Environment.GetEnvironmentVariable("CONTAINER_ID") is { Length: > 0 } container ? container : Path.GetFileName(Environment.CurrentDirectory))}";

    /// <summary>Notes that a process has begun: an empty file, which costs a name node two calls.</summary>
    public static void WriteBegan(IFileStore store, string jobFolder) => StageFolder.InsideOf(store).Write($"{FolderOf(jobFolder)}/{Began}{Guid.NewGuid():N}", _ => { });

    /// <summary>Notes why a process gives up, if that can be.</summary>
    public static void TryWriteFault(WorkerJob job, string reason)
    {
        try
        {
            using var stores = job.Access.Open(RetryPolicy.None);
            var text = Encoding.UTF8.GetBytes($"{Self}: {reason}");
            StageFolder.InsideOf(stores.For(job.JobFolder)).Write($"{FolderOf(job.JobFolder)}/{Fault}{Guid.NewGuid():N}", stream => stream.Write(text.AsSpan(0, Math.Min(text.Length, MostBytes))));
        }
        catch (Exception e) when (e is MlNetCifarException or IOException or UnauthorizedAccessException)
        {
            // Standard error has it as well.
        }
    }

    /// <summary>How many processes have begun.</summary>
    public static int CountBegan(IFileStore store, string jobFolder) => Named(store, jobFolder, Began).Count();

    /// <summary>Why processes gave up, each reason once, at most a few.</summary>
    public static IReadOnlyList<string> ReadFaults(IFileStore store, string jobFolder)
    {
        try
        {
            return [.. Named(store, jobFolder, Fault).Select(e => Encoding.UTF8.GetString(store.ReadFile($"{FolderOf(jobFolder)}/{e.Path}", e.Length, MostBytes))).Distinct().Take(MostFaults)];
        }
        catch (Exception e) when (e is MlNetCifarException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // Of their own, so that listing them does not list the parts.
    static string FolderOf(string jobFolder) => $"{jobFolder}/workers";

    static IEnumerable<StoredEntry> Named(IFileStore store, string jobFolder, string prefix) => !store.FolderExists(FolderOf(jobFolder)) ? []
        : store.List(FolderOf(jobFolder)).Where(e => !e.IsFolder && e.Path.StartsWith(prefix, StringComparison.Ordinal));
}
