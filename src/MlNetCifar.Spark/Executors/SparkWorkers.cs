using System.Net;
using MlNetCifar.Distributed;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>
/// Workers of a run as tasks of Spark's executors, each a job of its own: one that is lost is a new job with a new token, and what Spark itself starts again of the old one is refused. The invitation goes to the
/// program as a row, which no list of processes shows.
/// </summary>
public sealed class SparkWorkers : IWorkerLauncher
{
    static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    /// <summary>What Spark shows of queries is without tokens.</summary>
    static readonly IReadOnlyDictionary<string, string> s_settings =
        new Dictionary<string, string>(StageQuery.FilesSettings) { ["spark.sql.redaction.string.regex"] = "[0-9a-f]{64}" };

    readonly SparkExecutorOptions _options;
    readonly SparkConnection _connection;
    readonly HdfsAccess _access;
    readonly WorkerTokens _tokens;
    readonly Dictionary<int, Job> _jobs = [];
    readonly List<Job> _all = [];
    SparkSession? _session;
    string _command = "";

    /// <summary>Nothing is started or asked yet.</summary>
    /// <param name="options">Where and how.</param>
    /// <exception cref="MlNetCifarException">The server's address (MNC6020) or the one to listen on (MNC6092) is none.</exception>
    public SparkWorkers(SparkExecutorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _connection = SparkConnection.Parse(options.Master);
        _access = HdfsAccess.To(options.Paths, options.Hadoop, options.User);
        _tokens = new WorkerTokens(_access);
        Listen = ListenAddress.Find(options.Listen, _connection.Host, _connection.Port);
    }

    /// <summary>Whether each is for a trial of a sweep (<see cref="Sweep.Launcher"/>), whose end is the last row of its task. The default is false: for a run (<see cref="Experiment.Launcher"/>).</summary>
    public bool RunTrials { get; init; }

    /// <inheritdoc/>
    public string Where => $" on Spark, {_options}";

    /// <inheritdoc/>
    public IPEndPoint Listen { get; }

    /// <summary>A task has one core, unless Spark was told otherwise.</summary>
    public int? Threads => 1;

    /// <summary>Whether a master is a cluster, rather than threads of this process.</summary>
    /// <param name="master"><c>sc://host:port</c>, <c>local</c>, <c>local[n]</c> or <c>local[*]</c>; null for none.</param>
    /// <exception cref="MlNetCifarException">It is none (MNC6041).</exception>
    public static bool IsCluster(string? master) => master is not null && StageMaster.Parse(master).Address is not null;

    /// <inheritdoc/>
    /// <exception cref="MlNetCifarException">Spark does not answer (MNC60xx), there is no worker program (MNC6040), or the executors have too few cores (MNC6090).</exception>
    public void Prepare(int workers, TimeSpan limit, Action<string> say, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(say);
        var program = WorkerProgram.Require(_options.WorkerPath, _options.ShipWorker, _connection.Host, native: false);
        PrepareAsync(program, workers, limit, say, cancellation).GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public int? FindRoom()
    {
        // Where executors come as tasks wait for them, nobody knows for how many there would be room.
        if (SparkCores.SlotsAsync(_session!, CancellationToken.None).GetAwaiter().GetResult() is not { } slots)
            return null;
        lock (_jobs)
            return Math.Max(0, slots - _jobs.Values.Count(job => !job.Task.IsCompleted));
    }

    /// <inheritdoc/>
    public void Start(int worker, IPEndPoint address, string token)
    {
        var stop = new CancellationTokenSource();
        var frame = Invite(address, token);
        var job = new Job(Task.Run(() => RunAsync(frame, stop.Token), CancellationToken.None), stop, address);
        lock (_jobs)
        {
            _jobs[worker] = job;
            _all.Add(job);
        }
    }

    /// <inheritdoc/>
    public string? Said(int worker)
    {
        lock (_jobs)
            return _jobs.TryGetValue(worker, out var job) && job.Task.IsCompletedSuccessfully ? job.Task.Result : null;
    }

    /// <inheritdoc/>
    public Exception? Ended(int worker)
    {
        lock (_jobs)
            return _jobs.TryGetValue(worker, out var job) && job.Task.IsCompleted ? job.Cause() : null;
    }

    /// <inheritdoc/>
    public void End(int worker)
    {
        lock (_jobs)
        {
            if (_jobs.Remove(worker, out var job))
                job.Stop.Cancel();
        }
    }

    /// <summary>Waits for the tasks, whose workers end with the run, and then ends them and the session.</summary>
    public void Dispose()
    {
        Wait();
        foreach (var job in _all)
            job.Stop.Cancel();
        Wait();
        foreach (var job in _all)
            job.Stop.Dispose();
        _all.Clear();
        _tokens.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _session?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _session = null;
    }

    /// <summary>What Spark shows of a worker's query.</summary>
    internal Task<string> ExplainAsync(IPEndPoint address, string token) => Invite(address, token).ExplainAsync();

    SparkDataFrame Invite(IPEndPoint address, string token) => _session!.Sql(StageQuery.Line($"{address} {token}", _command));

    /// <summary>What became of them was told where it mattered.</summary>
    void Wait() => Task.WhenAny(Task.WhenAll(_all.Select(job => job.Task)), Task.Delay(s_farewell)).GetAwaiter().GetResult();

    async Task PrepareAsync(WorkerProgram program, int workers, TimeSpan limit, Action<string> say, CancellationToken cancellation)
    {
        _session = await SparkSession.ConnectAsync(_connection, cancellation).ConfigureAwait(false);
        await _session.SetAsync(s_settings, cancellation).ConfigureAwait(false);
        var start = await program.InstallAsync(_session, cancellation).ConfigureAwait(false);
        await _tokens.InstallAsync(_session, cancellation).ConfigureAwait(false);
        _command = $"{_tokens.Prefix}{start} {(RunTrials ? TrialHost.Name : TrainHost.Name)} {new ExecutorJob(_access).ToArgument()}";
        var started = TimeProvider.System.GetTimestamp();
        for (var told = false; await SparkCores.SlotsAsync(_session, cancellation).ConfigureAwait(false) is { } slots && slots < workers; told = true)
        {
            if (!told)
                say(ExecutorErrors.Waiting(slots, workers, RunTrials));
            if (TimeProvider.System.GetElapsedTime(started) > limit)
                throw ExecutorErrors.TooFewSlots(slots, workers, limit, RunTrials);
            await Task.Delay(s_look, cancellation).ConfigureAwait(false);
        }
    }

    /// <returns>The last row; null where all only showed whether somebody reads them.</returns>
    static async Task<string?> RunAsync(SparkDataFrame frame, CancellationToken cancellation)
    {
        string? said = null;
        await foreach (var row in frame.StreamAsync(null, cancellation).ConfigureAwait(false))
            said = row.Text(0) is { } text and not Pulse.Row ? text : said;
        return said;
    }

    /// <summary>A worker's job.</summary>
    /// <param name="Task">Done when the job is.</param>
    /// <param name="Stop">Interrupts it.</param>
    /// <param name="Address">Where the worker was to dial.</param>
    sealed record Job(Task<string?> Task, CancellationTokenSource Stop, IPEndPoint Address)
    {
        /// <summary>Why it has ended.</summary>
        public Exception Cause() => Task.Exception?.GetBaseException() switch
        {
            null => ExecutorErrors.EndedEarly(),
            var e when e.Message.Contains(TrainHost.NoRun, StringComparison.Ordinal) => ExecutorErrors.Unreachable(Address, e),
            var e => e,
        };
    }
}
