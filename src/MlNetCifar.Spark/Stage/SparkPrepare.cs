using MlNetCifar.Data.Catalog;
using MlNetCifar.Data.Files;
using MlNetCifar.Data.Loading;
using MlNetCifar.Data.Shards;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// <c>prepare</c>: images → shards, in this process or on a Spark cluster, from and to the local disk or HDFS.
/// The bytes written depend on the input and the shard options alone, not on where they are made.
/// </summary>
public static class SparkPrepare
{
    /// <summary>Prepares a data set. A second run builds only parts that are missing or damaged.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Told as parts are committed and tasks end.</param>
    /// <param name="cancellationToken">Stops the Spark job and removes what is unfinished; committed parts are kept.</param>
    /// <exception cref="MlNetCifarException">The input is wrong (MNC10xx), HDFS or Spark failed (MNC60xx).</exception>
    public static async Task<ShardReport> RunAsync(
        SparkPrepareOptions options, IProgress<SparkPrepareProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var master = StageMaster.Parse(options.Master);
        var state = new StageProgress(progress);
        var nameNodes = NameNodes(options);
        using var stores = new StageStores(nameNodes, options.User);
        options = options with { Input = Normalize(options.Input), Output = Normalize(options.Output) };
        if (master.Address is null)
        {
            var report = await Task.Run(() => Local(options, master.Threads, stores, state, cancellationToken), cancellationToken).ConfigureAwait(false);
            state.Phase("done");
            return report;
        }

        var run = new SparkRun(options, SparkConnection.Parse(master.Address), stores, nameNodes, state);
        await using (run.ConfigureAwait(false))
            return await run.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    static string Normalize(string path)
    {
        path = HdfsPath.ToLocal(path);
        return HdfsPath.IsHdfs(path) ? path.TrimEnd('/') : Path.GetFullPath(path);
    }

    internal static ShardReport Local(
        SparkPrepareOptions options, int threads, StageStores stores, StageProgress progress, CancellationToken cancellationToken)
    {
        var shards = options.Shards with { Threads = threads, Store = stores.For(options.Output) };
        var files = new ImageCatalogOptions { Store = stores.For(options.Input) };
        return ShardWriter.Write(options.Input, options.Output, shards, files, new Relay(progress), cancellationToken);
    }

    static Dictionary<string, IReadOnlyList<Uri>> NameNodes(SparkPrepareOptions options)
    {
        var found = new Dictionary<string, IReadOnlyList<Uri>>();
        foreach (var path in new[] { options.Input, options.Output }.Where(HdfsPath.IsHdfs))
        {
            var (fileSystem, _) = HdfsPath.Split(path);
            found[fileSystem.Authority] = (options.Hadoop ?? HadoopConfiguration.FromEnvironment()).NameNodes(fileSystem);
        }

        return found;
    }

    sealed class Relay(StageProgress progress) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => progress.Local(value.Done, value.Total, value.Bad);
    }
}

/// <summary>One run on a cluster. Connects only when there is something to do.</summary>
sealed class SparkRun(
    SparkPrepareOptions options, SparkConnection connection, StageStores stores, IReadOnlyDictionary<string, IReadOnlyList<Uri>> nameNodes, StageProgress progress)
    : IAsyncDisposable
{
    readonly IFileStore _source = stores.For(options.Input);
    readonly IFileStore _store = stores.For(options.Output);
    SparkSession? _session;
    string? _command;

    public async Task<ShardReport> RunAsync(CancellationToken cancellationToken)
    {
        if (IsArrays(cancellationToken))
            return SparkPrepare.Local(options, Environment.ProcessorCount, stores, progress, cancellationToken);
        using var input = StageInput.IsParquetFolder(options.Input, _source)
            ? await StageInput.OpenParquetAsync(options.Input, await SessionAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false)
            : StageInput.OpenFiles(options.Input, _source, cancellationToken);
        var shards = options.Shards with { Store = _store };
        shards.Validate();
        var images = CatalogSplits.Assign(input.Catalog.Images, shards);
        progress.Total(images.Count);
        var run = new ShardRun(options.Output, shards, input.Catalog.Classes, new ProgressCounter(images.Count, null), cancellationToken);
        run.Begin(images.Select(i => i.Split).Distinct().Count() > 1);
        foreach (var group in images.GroupBy(i => i.Split).OrderBy(g => g.Key))
        {
            var items = group.Select(r => new ShardItem(r.Path, r.Label, input.Catalog.Tree.Files[r.File].Length)).ToArray();
            // The run over a folder is synchronous; it is given a thread of its own.
            await Task.Run(() => run.Split(group.Key, items, (target, plan, missing) => Make(input, target, plan, missing, cancellationToken)), cancellationToken)
                .ConfigureAwait(false);
        }

        var report = run.Finish(input.Catalog.BadFiles, input.Catalog.Warnings);
        progress.Phase("done");
        return report;
    }

    IEnumerable<ShardPartInfo> Make(StageInput input, string target, ShardPlan plan, IReadOnlyList<int> missing, CancellationToken cancellationToken)
    {
        var session = SessionAsync(cancellationToken).GetAwaiter().GetResult();
        if (_command is null)
        {
            progress.Phase("ship");
            _command = WorkerProgram.InstallAsync(session, options, cancellationToken).GetAwaiter().GetResult();
        }

        progress.Phase("run");
        var maker = new SparkPartMaker(session, _command, options, input, progress);
        var destination = new StageTarget(_store, target, input.Catalog.Classes.Count, nameNodes);
        return maker.RunAsync(destination, plan, missing, cancellationToken).ToBlockingEnumerable(cancellationToken);
    }

    // Arrays hold no image to decode: there is nothing for executors to do.
    bool IsArrays(CancellationToken cancellationToken)
    {
        var opener = new DatasetOpener(new() { Spec = options.Shards.Spec, Files = new() { Store = _source } }, null, cancellationToken);
        using var arrays = opener.OpenArrays(options.Input);
        return arrays is not null;
    }

    async Task<SparkSession> SessionAsync(CancellationToken cancellationToken)
    {
        if (_session is null)
        {
            progress.Phase("connect");
            _session = await SparkSession.ConnectAsync(connection, cancellationToken).ConfigureAwait(false);
        }

        return _session;
    }

    public ValueTask DisposeAsync() => _session?.DisposeAsync() ?? ValueTask.CompletedTask;
}
