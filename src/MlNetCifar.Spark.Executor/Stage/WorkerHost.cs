using System.Diagnostics;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>The program that runs in executors: rows in, shards to their destination, one row out for each.</summary>
public static class WorkerHost
{
    /// <summary>Bytes of a part's pixels up to which the next part is built beside it: with the next one's, about a third of the memory a worker may take.</summary>
    const long MaxBehind = 32 << 20;

    /// <summary>Works until the end of the input.</summary>
    /// <param name="arguments">The job, as the driver wrote it.</param>
    /// <param name="input">Rows from Spark.</param>
    /// <param name="output">Rows to Spark.</param>
    /// <param name="error">What Spark shows where the attempt fails.</param>
    /// <returns>The exit code: 0 only after the end of the input.</returns>
    public static int Run(string[] arguments, Stream input, Stream output, TextWriter error)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments is not [var text])
        {
            error.WriteLine("usage: mlnetcifar-worker JOB (started by Spark, see 'prepare --master sc://…')");
            return 2;
        }

        WorkerJob? job = null;
        try
        {
            job = WorkerJob.FromArgument(text);
            using var watchdog = new Watchdog(job.Watchdog, error);
            using var stores = job.Access.Open(RetryPolicy.Patient);
            using var writer = new StreamWriter(output) { NewLine = "\n" };
            var builder = new ShardBuilder(job.Options);
            var rows = new WorkerInput(input);
            Task<WorkerRow>? last = null;
            var notes = stores.For(job.JobFolder);
            var began = rows.TryPeek(out _) ? Task.Run(() => WorkerNotes.WriteBegan(notes, job.JobFolder)) : Task.CompletedTask;
            while (rows.TryPeek(out var number))
            {
                var next = Part(job, stores, builder, rows, number, watchdog);
                if (last is not null)
                    writer.WriteLine(last.GetAwaiter().GetResult());
                last = next;
            }

            if (last is not null)
                writer.WriteLine(last.GetAwaiter().GetResult());
            began.GetAwaiter().GetResult();
            rows.Drain();
            return 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var reason = e is MlNetCifarException or WorkerFaultException ? e.Message : $"{e.GetType().Name}: {e.Message}";
            if (job is not null && !IsJobGone(e))
                WorkerNotes.TryWriteFault(job, reason);
            return Attempt.Fail(error, reason);
        }
    }

    // What is written for a job that has ended would be litter.
    static bool IsJobGone(Exception e) => (e.InnerException ?? e) is MlNetCifarException { Code: StageErrors.JobGoneCode } or FileNotFoundException or DirectoryNotFoundException;

    // Builds a part and starts to write it: a small one is written while the next is built, as most of the time goes by waiting for the file system.
    static Task<WorkerRow> Part(WorkerJob job, FileStores stores, ShardBuilder builder, WorkerInput rows, int number, Watchdog watchdog)
    {
        var store = stores.For(job.JobFolder);
        using var task = new PartTaskReader(store, job.JobFolder, number);
        IEnumerable<ShardInput> inputs;
        if (job.InputRoot is { } root)
        {
            rows.Take();
            inputs = new FilePrefetcher(stores.For(root), root, job.MaxFileBytes).Inputs(task.PlacedItems());
        }
        else
        {
            inputs = rows.Inputs(number, task.Items());
        }

        ShardPart built;
        var watch = Stopwatch.StartNew();
        try
        {
            built = builder.Build(task.Count, inputs, _ => watchdog.Feed());
        }
        catch (MlNetCifarException e) when (job.Options.OnBadImage == OnBadImage.Fail && e.Kind == ErrorKind.Data)
        {
            // Trying again would find the same image.
            rows.Drain();
            return Task.FromResult(new WorkerRow(number, null, null, e.Code, e.Message));
        }

        rows.EndTask(number);
        var (part, key, took) = (task.Part, task.Key, watch.Elapsed);
        var writing = Task.Run(() =>
        {
            try
            {
                return Write(job, store, number, part, key, built, took, watchdog);
            }
            finally
            {
                builder.Recycle(built);
            }
        });
        if (built.Count * (long)job.Options.Spec.Length > MaxBehind)
            writing.GetAwaiter().GetResult();
        return writing;
    }

    static WorkerRow Write(WorkerJob job, IFileStore store, int number, int part, string key, ShardPart built, TimeSpan took, Watchdog watchdog)
    {
        var watch = Stopwatch.StartNew();
        var attempt = $"attempt_{number:D5}_{Guid.NewGuid():N}";
        watchdog.Feed();
        // The job may have ended while this attempt was at work; what is written then would be litter.
        if (IsGone())
            throw new WorkerFaultException(StageErrors.JobGone(job.JobFolder));
        if (job.MeasureOnly)
            return new(number, attempt, built.Measure(part, key, job.Classes));
        var info = built.Write(StageFolder.InsideOf(store), $"{job.JobFolder}/{attempt}", part, key, job.Classes, onBlock: watchdog.Feed);
        if (!IsGone())
            return new(number, attempt, info, Timing: PartTiming.Format(took, watch.Elapsed));
        StageFolder.Sweep(store, job.JobFolder);
        throw new WorkerFaultException(StageErrors.JobGone(job.JobFolder));

        bool IsGone() => !store.FileExists($"{job.JobFolder}/{PartTask.FileName(number)}");
    }
}
