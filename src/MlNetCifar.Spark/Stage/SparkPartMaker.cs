using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>Has the missing parts of all splits built by Spark, in one job, and commits each as its row arrives.</summary>
sealed class SparkPartMaker(SparkSession session, string command, SparkPrepareOptions options, StageInput input, BlockPlaces? places, StageProgress progress)
{
    // Each change on HDFS waits for one or two servers.
    const int AtOnce = 8;

    public async IAsyncEnumerable<(int Work, ShardPartInfo Part)> RunAsync(
        StageTarget target, IReadOnlyList<ShardWork> work, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var folder = new StageFolder(target.Store, target.Folder, work.Select(w => w.Folder)) { Cancellation = cancellationToken };
        var tasks = work.SelectMany((w, i) => w.Missing.Select(part => (Work: i, Part: part))).ToArray();
        var measureOnly = work[0].Plan.MeasureOnly;
        var cores = SparkCores.ForPartsAsync(session, tasks.Length, cancellationToken);
        var settings = session.SetAsync(input.IsParquet ? StageQuery.RowsSettings : StageQuery.FilesSettings, cancellationToken);
        if (!measureOnly)
            folder.MakeSplits();
        var root = HdfsPath.IsHdfs(input.Root) ? HdfsPath.Split(input.Root).Path : input.Root;
        await Parallel.ForAsync(0, tasks.Length, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, (number, _) =>
        {
            PartTask.Of(number, work[tasks[number].Work].Plan, tasks[number].Part).Write(folder.Inside, folder.Path, places, root);
            return ValueTask.CompletedTask;
        }).ConfigureAwait(false);
        await settings.ConfigureAwait(false);
        var processes = StageQuery.Processes(tasks.Length, await cores.ConfigureAwait(false));
        var frame = await QueryAsync(target, folder, work, tasks, processes, cancellationToken).ConfigureAwait(false);
        var waiting = Enumerable.Range(0, tasks.Length).ToHashSet();
        using var stall = new StallTimer(options.StallTimeout, cancellationToken);
        var commits = new Queue<Task<(int, ShardPartInfo)>>();
        try
        {
            await foreach (var row in RowsAsync(frame, folder, stall).ConfigureAwait(false))
            {
                if (row.Code is not null)
                    throw StageErrors.BadImage(row.Code, row.Message ?? "");
                // A part that came twice was written twice: the first is committed, the second vanishes with the folder.
                if (!waiting.Remove(row.Task))
                    continue;
                var (index, part) = tasks[row.Task];
                if (measureOnly)
                {
                    StageFolder.Check(row.Part!, work[index].Plan, part);
                    yield return (index, row.Part!);
                    continue;
                }

                if (PartTiming.Parse(row.Timing, ShardSplit(work[index].Folder), part, row.Part!.Count + row.Part.BadFiles.Count) is { } timing)
                    options.OnPart?.Invoke(timing);
                commits.Enqueue(Task.Run(() => (index, folder.Commit(row, work[index], part)), CancellationToken.None));
                while (commits.Count >= AtOnce)
                    yield return await CommittedAsync().ConfigureAwait(false);
            }

            while (commits.Count > 0)
                yield return await CommittedAsync().ConfigureAwait(false);
        }
        finally
        {
            // The folder must not vanish under a commit.
            await ((Task)Task.WhenAll(commits)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (waiting.Count > 0)
            throw StageErrors.LostParts(waiting.Order().Select(number => (ShardSplit(work[tasks[number].Work].Folder), tasks[number].Part)));
        progress.Restarted(WorkerNotes.CountBegan(folder.Inside, folder.Path) - processes);

        async Task<(int, ShardPartInfo)> CommittedAsync()
        {
            var (index, info) = await commits.Dequeue().ConfigureAwait(false);
            progress.Committed(info);
            return (index, info);
        }
    }

    async IAsyncEnumerable<WorkerRow> RowsAsync(SparkDataFrame frame, StageFolder folder, StallTimer stall)
    {
        var rows = frame.StreamAsync(new Feeder(stall, progress), stall.Token).GetAsyncEnumerator(stall.Token);
        await using (rows.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await rows.MoveNextAsync().ConfigureAwait(false))
                        yield break;
                }
                catch (OperationCanceledException) when (stall.IsStalled)
                {
                    throw StageErrors.Stalled(options.StallTimeout);
                }
                catch (MlNetCifarException e) when (e.Code == SparkErrors.FailedCode && WorkerNotes.ReadFaults(folder.Inside, folder.Path) is { Count: > 0 } words)
                {
                    throw StageErrors.WithWorkersWords(e, words);
                }

                stall.Feed();
                yield return WorkerRow.Parse(rows.Current.Text(0), rows.Current.Text(1), rows.Current.Text(2), rows.Current.Text(3), rows.Current.Text(4));
            }
        }
    }

    async Task<SparkDataFrame> QueryAsync(
        StageTarget target, StageFolder folder, IReadOnlyList<ShardWork> work, (int Work, int Part)[] tasks, int processes, CancellationToken cancellationToken)
    {
        var job = new WorkerJob
        {
            JobFolder = folder.Path,
            InputRoot = input.IsParquet ? null : input.Root,
            Access = target.Access,
            Classes = target.Classes,
            MeasureOnly = work[0].Plan.MeasureOnly,
            Options = options.Shards with { Threads = 1, NormalizedBy = work[0].Plan.NormalizedBy },
            MaxFileBytes = input.MaxFileBytes,
            Watchdog = options.WorkerTimeout,
        };
        var worker = $"{command} {job.ToArgument()}";
        var dealt = StageQuery.Deal([.. tasks.Select(t => work[t.Work].Plan.ItemsOf(t.Part).Count)], processes);
        if (!input.IsParquet)
            return session.Sql(StageQuery.Files(dealt, processes, worker));

        var path = $"{folder.Path}/plan.jsonl";
        WritePlan(folder.Inside, path, work, tasks, dealt, processes);
        var suffix = Guid.NewGuid().ToString("N");
        await session.Read("parquet", [SparkPath(input.Root)]).CreateTempViewAsync($"images_{suffix}", cancellationToken).ConfigureAwait(false);
        await session.Read("json", [SparkPath(path)], schema: "path STRING, task INT, row INT, route INT")
            .CreateTempViewAsync($"plan_{suffix}", cancellationToken).ConfigureAwait(false);
        return session.Sql(StageQuery.Rows($"images_{suffix}", $"plan_{suffix}", processes, worker));
    }

    // Splits have folders of their own where there are several.
    static string ShardSplit(string folder) => folder[(folder.LastIndexOf('/') + 1)..];

    static string SparkPath(string path) => StageInput.SparkPath(path);

    void WritePlan(IFileStore store, string path, IReadOnlyList<ShardWork> work, (int Work, int Part)[] tasks, int[] dealt, int processes)
    {
        var routes = StageQuery.Routes(processes);
        store.Write(path, stream =>
        {
            using var json = new Utf8JsonWriter(stream);
            foreach (var (number, (index, part)) in tasks.Index())
            {
                foreach (var (row, item) in work[index].Plan.ItemsOf(part).Index())
                {
                    json.WriteStartObject();
                    json.WriteString("path", input.RowPath(item.Name));
                    json.WriteNumber("task", number);
                    json.WriteNumber("row", row);
                    json.WriteNumber("route", routes[dealt[number]]);
                    json.WriteEndObject();
                    json.Flush();
                    json.Reset();
                    stream.WriteByte((byte)'\n');
                }
            }
        });
    }

    sealed class Feeder(StallTimer stall, StageProgress progress) : IProgress<SparkProgress>
    {
        SparkProgress _last;

        public void Report(SparkProgress value)
        {
            if (value != _last)
                stall.Feed();
            _last = value;
            progress.Spark(value);
        }
    }
}

/// <summary>Where the parts go: the folder of the run, and the store it is in.</summary>
sealed record StageTarget(IFileStore Store, string Folder, int Classes, HdfsAccess Access);
