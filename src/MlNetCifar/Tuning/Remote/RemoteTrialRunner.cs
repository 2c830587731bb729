using System.Net.Sockets;
using MlNetCifar.Distributed;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>
/// Runs each trial by a worker elsewhere, which dials: its epochs come over the connection while it runs, so that pruning judges them, and its end is what the launcher says that it left. A trial whose worker is
/// lost is begun again by another.
/// </summary>
/// <param name="launcher">Starts workers; owned.</param>
/// <param name="options">What holds for all trials.</param>
/// <param name="dataset">With training and validation images.</param>
/// <param name="sweep">Trials side by side, and what networks may take.</param>
/// <param name="log">Told what is waited for, and of workers that were lost.</param>
internal sealed class RemoteTrialRunner(IWorkerLauncher launcher, ExperimentOptions options, ImageDataset dataset, SweepOptions sweep, ExperimentLog log) : ITrialRunner, IDisposable
{
    /// <summary>How often a trial is begun.</summary>
    const int MostAttempts = 3;

    readonly Lock _gate = new();
    readonly SortedSet<int> _places = [.. Enumerable.Range(0, sweep.ParallelTrials)];
    readonly string _data = TrialJob.Describe(dataset);
    TrialDoor? _door;

    /// <summary>Waits until there is room for all trials that run side by side, and listens.</summary>
    /// <exception cref="MlNetCifarException">There is none, or the port is taken (MNC3304).</exception>
    public void Prepare(CancellationToken cancellation)
    {
        log.Say("trials", FormattableString.Invariant($"{sweep.ParallelTrials} side by side{launcher.Where}"));
        launcher.Prepare(sweep.ParallelTrials, options.JoinTimeout, text => log.Say("trials", text), cancellation);
        _door = new(launcher.Listen);
    }

    public async Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
    {
        var training = await Task.Run(() => TrialTraining.Of(options, dataset, sweep, settings, Threads, options.MemoryLimit), cancellation).ConfigureAwait(false);
        var job = new TrialJob(training.Network, training.Options, _data, Arguments(training.Options.Threads));
        var place = TakePlace();
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var worker = new RemoteTrial(launcher, _door!, place, options.JoinTimeout);
                if (await worker.RunAsync(settings, job, cancellation).ConfigureAwait(false) is { } result)
                    return result with { Cost = training.Cost };
                cancellation.ThrowIfCancellationRequested();
                if (attempt == MostAttempts || worker.IsHopeless)
                    throw worker.HasCome ? TuningErrors.WorkersLost(attempt, worker.Lost!) : TuningErrors.NoWorker(settings.TrialId, worker.Lost!);
                lock (_gate)
                    log.Warn(FormattableString.Invariant($"trial {settings.TrialId} was lost with its worker ({worker.Lost!.Message.TrimEnd('.')}), and is begun again"));
            }
        }
        finally
        {
            lock (_gate)
                _places.Add(place);
        }
    }

    public void Dispose()
    {
        _door?.Dispose();
        launcher.Dispose();
    }

    int? Threads(int? all) => ExperimentWorkers.ThreadsOf(launcher, sweep.ParallelTrials, all);

    /// <summary>How workers open the data; how they train is said trial by trial.</summary>
    Dictionary<string, string> Arguments(int? threads)
    {
        var training = options.TrainingFor(Math.Min(dataset.Train.Width, dataset.Train.Height)) with { Threads = threads };
        return ExperimentWorkers.Arguments(RunRecord.Of(ExperimentTable.All, options).Concat(RunRecord.Of(TrainingTable.All, training)));
    }

    int TakePlace()
    {
        lock (_gate)
        {
            var place = _places.Min;
            _places.Remove(place);
            return place;
        }
    }
}

/// <summary>One attempt at a trial.</summary>
/// <param name="launcher">Starts its worker.</param>
/// <param name="door">Where that dials.</param>
/// <param name="place">Number of the worker.</param>
/// <param name="patience">Longest that it may take to come.</param>
internal sealed class RemoteTrial(IWorkerLauncher launcher, TrialDoor door, int place, TimeSpan patience)
{
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a worker that has closed its connection may take to leave its result.</summary>
    static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(30);

    /// <summary>Why there is no result.</summary>
    public Exception? Lost { get; private set; }

    /// <summary>Whether the worker came.</summary>
    public bool HasCome { get; private set; }

    /// <summary>Whether another worker would do no better.</summary>
    public bool IsHopeless => Lost is MlNetCifarException { Code: "MNC3306" or "MNC3307" };

    /// <summary>Runs it.</summary>
    /// <returns>What it gave; null where the worker was lost.</returns>
    public async Task<TrialResult?> RunAsync(TrialSettings settings, TrialJob job, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var (token, coming) = door.Expect();
        lock (launcher)
            launcher.Start(place, door.Address, token);
        try
        {
            if (!await Until(() => coming.IsCompleted, patience, cancellation).ConfigureAwait(false))
                return LostBy(Ended ?? new TimeoutException(FormattableString.Invariant($"its worker did not come within {patience.TotalSeconds:0.#} s")));
            using (var stream = await coming.ConfigureAwait(false))
            {
                HasCome = true;
                await Talk(stream, settings, job, cancellation).ConfigureAwait(false);
            }

            // However the connection ended, what was left counts.
            await Until(() => false, s_farewell, cancellation).ConfigureAwait(false);
            return Result(settings);
        }
        catch (MlNetCifarException e) when (e.Code is "MNC3306" or "MNC3307")
        {
            return LostBy(e);
        }
        finally
        {
            door.Forget(token);
            lock (launcher)
                launcher.End(place);
        }
    }

    Exception? Ended
    {
        get
        {
            lock (launcher)
                return launcher.Ended(place);
        }
    }

    /// <summary>Waits for something, or until the worker has ended.</summary>
    /// <returns>Whether it has come.</returns>
    async Task<bool> Until(Func<bool> come, TimeSpan limit, CancellationToken cancellation)
    {
        for (var started = TimeProvider.System.GetTimestamp(); !come(); await Task.Delay(s_look, cancellation).ConfigureAwait(false))
        {
            if (TimeProvider.System.GetElapsedTime(started) > limit || Ended is not null)
                return come();
        }

        return true;
    }

    /// <summary>Sends the trial, and judges its epochs until the worker has no more to tell.</summary>
    async Task Talk(NetworkStream stream, TrialSettings settings, TrialJob job, CancellationToken cancellation)
    {
        // A worker that has ended, or was cut off from its executor, says nothing any more; and where somebody asked to end nothing is waited for.
        using var hangUp = cancellation.Register(stream.Dispose);
        using var watch = new Timer(_ => HangUp(stream), null, s_look, s_look);
        try
        {
            Frame.Write(stream, FrameKind.Welcome, job.ToJson());
            using var reader = new StreamReader(stream, leaveOpen: true);
            using var writer = new StreamWriter(stream, leaveOpen: true) { AutoFlush = true };
            await writer.WriteLineAsync(TrialWire.Request(settings)).ConfigureAwait(false);
            while (await reader.ReadLineAsync(CancellationToken.None).ConfigureAwait(false) is { } line)
            {
                var (step, metric) = TrialWire.ToStep(line);
                await writer.WriteLineAsync(settings.Report(step, metric) ? TrialWire.Go : TrialWire.Stop).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It is gone.
        }
    }

    void HangUp(NetworkStream stream)
    {
        if (Ended is not null)
            stream.Dispose();
    }

    TrialResult? Result(TrialSettings settings)
    {
        string? said;
        lock (launcher)
            said = launcher.Said(place);
        return said is null ? LostBy(Ended ?? new TimeoutException("its worker left, and no result came")) : TrialWire.ToResult(said, settings) ?? LostBy(new InvalidDataException($"its worker left with '{said}'"));
    }

    TrialResult? LostBy(Exception cause)
    {
        Lost = cause;
        return null;
    }
}
