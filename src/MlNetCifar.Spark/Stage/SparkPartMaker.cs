using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>Has the missing parts of one split built by Spark and commits each as its row arrives.</summary>
sealed class SparkPartMaker(SparkSession session, string command, SparkPrepareOptions options, StageInput input, StageProgress progress)
{
    // Each change on HDFS waits for one or two servers.
    const int AtOnce = 8;

    public async IAsyncEnumerable<ShardPartInfo> RunAsync(
        StageTarget target, ShardPlan plan, IReadOnlyList<int> missing, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var folder = new StageFolder(target.Store, target.Folder);
        var cores = CoresAsync(missing.Count, cancellationToken);
        await Parallel.ForEachAsync(missing, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, (part, _) =>
        {
            PartTask.Of(plan, part).Write(folder.Inside, folder.Path);
            return ValueTask.CompletedTask;
        }).ConfigureAwait(false);
        var processes = StageQuery.Processes(missing.Count, await cores.ConfigureAwait(false));
        var frame = await QueryAsync(target, folder, plan, missing, processes, cancellationToken).ConfigureAwait(false);
        var waiting = missing.ToHashSet();
        using var stall = new StallTimer(options.StallTimeout, cancellationToken);
        var commits = new Queue<Task<ShardPartInfo>>();
        try
        {
            await foreach (var row in RowsAsync(frame, folder, stall).ConfigureAwait(false))
            {
                if (row.Code is not null)
                    throw StageErrors.BadImage(row.Code, row.Message ?? "");
                // A part that came twice was written twice: the first is committed, the second vanishes with the folder.
                if (!waiting.Remove(row.Part!.Part))
                    continue;
                if (!plan.MeasureOnly && PartTiming.Parse(row.Timing, ShardSplit(target.Folder), row.Part.Part, row.Part.Count + row.Part.BadFiles.Count) is { } timing)
                    options.OnPart?.Invoke(timing);
                if (plan.MeasureOnly)
                {
                    StageFolder.Check(row.Part, plan);
                    yield return row.Part;
                    continue;
                }

                commits.Enqueue(Task.Run(() => folder.Commit(row, plan), CancellationToken.None));
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
            throw StageErrors.LostParts(waiting.Order());
        progress.Restarted(WorkerNotes.CountBegan(folder.Inside, folder.Path) - processes);

        async Task<ShardPartInfo> CommittedAsync()
        {
            var info = await commits.Dequeue().ConfigureAwait(false);
            progress.Committed(info);
            return info;
        }
    }

    async Task<int> CoresAsync(int parts, CancellationToken cancellationToken)
    {
        var plan = session.Sql(StageQuery.Cores).ExplainAsync(cancellationToken);
        var isDynamic = await session.GetAsync("spark.dynamicAllocation.enabled", cancellationToken).ConfigureAwait(false);
        var now = StageQuery.ReadCores(await plan.ConfigureAwait(false));
        if (isDynamic != "true")
            return now;
        var executors = await session.GetAsync("spark.dynamicAllocation.maxExecutors", cancellationToken).ConfigureAwait(false);
        var each = await session.GetAsync("spark.executor.cores", cancellationToken).ConfigureAwait(false);
        return StageQuery.CoresToAskFor(now, parts, executors, each);
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
                yield return WorkerRow.Parse(rows.Current.Text(0), rows.Current.Text(1), rows.Current.Text(2), rows.Current.Text(3));
            }
        }
    }

    async Task<SparkDataFrame> QueryAsync(
        StageTarget target, StageFolder folder, ShardPlan plan, IReadOnlyList<int> missing, int processes, CancellationToken cancellationToken)
    {
        var job = new WorkerJob
        {
            JobFolder = folder.Path,
            InputRoot = input.IsParquet ? null : input.Root,
            NameNodes = target.NameNodes,
            User = options.User,
            Hdfs = target.Hdfs,
            Classes = target.Classes,
            MeasureOnly = plan.MeasureOnly,
            Options = options.Shards with { Threads = 1, NormalizedBy = plan.NormalizedBy },
            MaxFileBytes = input.MaxFileBytes,
            Watchdog = options.WorkerTimeout,
        };
        var worker = $"{command} {job.ToArgument()}";
        if (!input.IsParquet)
        {
            await session.SetAsync(StageQuery.FilesSettings, cancellationToken).ConfigureAwait(false);
            return session.Sql(StageQuery.Files(missing, processes, worker));
        }

        var path = $"{folder.Path}/plan.jsonl";
        WritePlan(folder.Inside, path, plan, missing, processes);
        var suffix = Guid.NewGuid().ToString("N");
        await session.SetAsync(StageQuery.RowsSettings, cancellationToken).ConfigureAwait(false);
        await session.Read("parquet", [SparkPath(input.Root)]).CreateTempViewAsync($"images_{suffix}", cancellationToken).ConfigureAwait(false);
        await session.Read("json", [SparkPath(path)], schema: "path STRING, part INT, row INT, route INT")
            .CreateTempViewAsync($"plan_{suffix}", cancellationToken).ConfigureAwait(false);
        return session.Sql(StageQuery.Rows($"images_{suffix}", $"plan_{suffix}", processes, worker));
    }

    // Splits have folders of their own where there are several.
    static string ShardSplit(string folder) => folder[(folder.LastIndexOf('/') + 1)..];

    static string SparkPath(string path) => StageInput.SparkPath(path);

    void WritePlan(IFileStore store, string path, ShardPlan plan, IReadOnlyList<int> missing, int processes)
    {
        var (dealt, routes) = (StageQuery.Deal(missing.Count, processes), StageQuery.Routes(processes));
        store.Write(path, stream =>
        {
            using var json = new Utf8JsonWriter(stream);
            for (var p = 0; p < missing.Count; p++)
            {
                var indices = plan.Parts[missing[p]];
                for (var row = 0; row < indices.Length; row++)
                {
                    json.WriteStartObject();
                    json.WriteString("path", input.RowPath(plan.Items[indices[row]].Name));
                    json.WriteNumber("part", missing[p]);
                    json.WriteNumber("row", row);
                    json.WriteNumber("route", routes[dealt[p]]);
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

/// <summary>Where the parts of a split go.</summary>
sealed record StageTarget(
    IFileStore Store, string Folder, int Classes, IReadOnlyDictionary<string, IReadOnlyList<Uri>> NameNodes, HdfsClientSettings Hdfs);
