using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>One run of <see cref="SparkPrepare"/> on a cluster. Connects only when there is something to do.</summary>
sealed class SparkRun(
    SparkPrepareOptions options, SparkConnection connection, FileStores stores, HdfsAccess access, StageProgress progress) : IAsyncDisposable
{
    readonly IFileStore _source = stores.For(options.Input);
    readonly IFileStore _store = stores.For(options.Output);
    readonly WorkerTokens _tokens = new(access);
    BlockPlaces? _places;
    SparkSession? _session;
    string? _command;

    public async Task<ShardReport> RunAsync(CancellationToken cancellationToken)
    {
        using var input = await OpenAsync(cancellationToken).ConfigureAwait(false);
        if (input is null)
            return SparkPrepare.Local(options, Environment.ProcessorCount, stores, progress, cancellationToken);
        var worker = WorkerProgram.Require(options.WorkerPath, options.ShipWorker, connection.Host, native: true);
        var shards = options.Shards with { Store = _store };
        shards.Validate();
        progress.Total(input.Catalog.Images.Count);
        // The run over a folder is synchronous; it is given a thread of its own.
        var report = await Task.Run(
            () => ShardWriter.Write(input.Catalog, options.Output, shards, (folder, work) => Make(input, worker, folder, work, cancellationToken), cancellationToken),
            cancellationToken).ConfigureAwait(false);
        progress.Phase("done");
        return progress.Restarts == 0 ? report : report with { Warnings = [.. report.Warnings, StageErrors.Restarted(progress.Restarts)] };
    }

    // Null where the input is arrays: they hold no image to decode, so there is nothing for executors to do.
    async Task<StageInput?> OpenAsync(CancellationToken cancellationToken)
    {
        if (!StageInput.IsParquetFolder(options.Input, _source))
        {
            if (_source is HdfsFileStore hdfs)
                hdfs.Places = _places = new();
            return StageInput.OpenFiles(options.Input, options.Files with { Store = _source }, cancellationToken);
        }

        var session = await SessionAsync(cancellationToken).ConfigureAwait(false);
        return await StageInput.OpenParquetAsync(options.Input, options.Files, session, cancellationToken).ConfigureAwait(false);
    }

    IEnumerable<(int, ShardPartInfo)> Make(StageInput input, WorkerProgram worker, string folder, IReadOnlyList<ShardWork> work, CancellationToken cancellationToken)
    {
        var session = SessionAsync(cancellationToken).GetAwaiter().GetResult();
        if (_command is null)
        {
            progress.Phase("ship");
            _tokens.InstallAsync(session, cancellationToken).GetAwaiter().GetResult();
            _command = _tokens.Prefix + worker.InstallAsync(session, cancellationToken).GetAwaiter().GetResult();
        }

        progress.Phase(work[0].Plan.MeasureOnly ? "measure" : "run");
        var maker = new SparkPartMaker(session, _command, options, input, _places, progress);
        var destination = new StageTarget(_store, folder, input.Catalog.Classes.Count, access);
        return maker.RunAsync(destination, work, cancellationToken).ToBlockingEnumerable(cancellationToken);
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

    public async ValueTask DisposeAsync()
    {
        await _tokens.DisposeAsync().ConfigureAwait(false);
        if (_session is not null)
            await _session.DisposeAsync().ConfigureAwait(false);
    }
}
