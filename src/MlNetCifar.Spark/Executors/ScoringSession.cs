using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>A session in which executors score pictures by a model that was sent to them.</summary>
sealed class ScoringSession : IAsyncDisposable
{
    readonly string _model = Path.Combine(Path.GetTempPath(), $"mlnetcifar-model-{Guid.NewGuid():N}.safetensors");
    readonly string _program;
    readonly string _modelThere;
    readonly WorkerTokens _tokens;
    readonly int _cores;

    ScoringSession(SparkSession session, string program, WorkerTokens tokens, bool isSent, int cores)
    {
        (Session, _program, _tokens, _cores) = (session, tokens.Prefix + program, tokens, cores);
        _modelThere = isSent ? $"./*/{Path.GetFileName(_model)}" : _model;
    }

    public SparkSession Session { get; }

    /// <summary>Connects, and sends program and model.</summary>
    public static async Task<ScoringSession> OpenAsync(SparkExecutorOptions options, HdfsAccess access, ImageClassifier model, CancellationToken cancellation)
    {
        var connection = SparkConnection.Parse(options.Master);
        var worker = WorkerProgram.Require(options.WorkerPath, options.ShipWorker, connection.Host, native: false);
        var session = await SparkSession.ConnectAsync(connection, cancellation).ConfigureAwait(false);
        var tokens = new WorkerTokens(access);
        try
        {
            await session.SetAsync(StageQuery.FilesSettings, cancellation).ConfigureAwait(false);
            var program = await worker.InstallAsync(session, cancellation).ConfigureAwait(false);
            await tokens.InstallAsync(session, cancellation).ConfigureAwait(false);
            var opened = new ScoringSession(session, program, tokens, worker.IsSent, await SparkCores.NowAsync(session, cancellation).ConfigureAwait(false));
            model.Save(opened._model);
            if (worker.IsSent)
                await session.AddFileAsync(Path.GetFileName(opened._model), opened._model, cancellation).ConfigureAwait(false);
            return opened;
        }
        catch
        {
            await tokens.DisposeAsync().ConfigureAwait(false);
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>How long runs of so many pictures are.</summary>
    public int LengthFor(IEnumerable<ScoredSource> sources) => PictureRuns.LengthFor(sources.Sum(s => (long)s.Count), _cores);

    /// <summary>A query that has all pictures of a job looked at: one column of rows.</summary>
    /// <param name="kind">What the worker does.</param>
    /// <param name="job">With which pictures.</param>
    public string Query(string kind, ScoreJob job)
    {
        // Neighbours go to one process: they lie in the same part.
        var (tasks, processes) = (job.Runs.Count, Math.Min(job.Runs.Count, _cores));
        return StageQuery.Tasks([.. Enumerable.Range(0, tasks).Select(task => (int)((long)task * processes / tasks))], processes, $"{_program} {kind} {_modelThere} {job.ToArgument()}", "row STRING");
    }

    public async ValueTask DisposeAsync()
    {
        await _tokens.DisposeAsync().ConfigureAwait(false);
        await Session.DisposeAsync().ConfigureAwait(false);
        File.Delete(_model);
    }
}
