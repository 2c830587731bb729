namespace MlNetCifar.Tuning;

/// <summary>Runs trials until none is left, time is up, or somebody asks to end.</summary>
internal sealed class TrialLoop : IDisposable
{
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    readonly long _started = TimeProvider.System.GetTimestamp();
    readonly TuningExperiment _experiment;
    readonly ITrialRunner _runner;
    readonly TrialBoard _board;
    readonly CancellationTokenSource _end;
    readonly Timer? _clock;
    readonly Lock _monitors = new();
    double _bestLoss = double.PositiveInfinity;

    /// <summary>Prepares to run.</summary>
    /// <param name="experiment">Limits and monitors.</param>
    /// <param name="runner">Runs each trial.</param>
    /// <param name="board">Gives trials.</param>
    /// <param name="cancellation">Ends the loop.</param>
    public TrialLoop(TuningExperiment experiment, ITrialRunner runner, TrialBoard board, CancellationToken cancellation)
    {
        (_experiment, _runner, _board) = (experiment, runner, board);
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (experiment.Budget is { } budget)
            _clock = new Timer(_ => Watch(budget), null, s_look, s_look);
    }

    public Task RunAsync()
    {
        foreach (var result in _board.Results.Where(result => result.State == TrialState.Completed))
            _bestLoss = Math.Min(_bestLoss, result.Loss);
        return Task.WhenAll(Enumerable.Range(0, _experiment.Parallel).Select(_ => Task.Run(WorkAsync)));
    }

    public void Dispose()
    {
        _clock?.Dispose();
        _end.Dispose();
    }

    void Watch(TimeSpan budget)
    {
        try
        {
            if (TimeProvider.System.GetElapsedTime(_started) + _experiment.Reserve(_board.Results) > budget)
                _end.Cancel();
        }
        catch (Exception e) when (e is MlNetCifarException or ObjectDisposedException)
        {
            // The next look may be better; and the trial itself finds out that the journal cannot be read.
        }
    }

    async Task WorkAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var look = _board.Take();
            if (look.Failed is { } failed)
                Tell(monitor => monitor.ReportFailTrial(failed));
            else if (look.Claim is { } claim)
                await RunAsync(claim).ConfigureAwait(false);
            else if (look.IsOver)
                return;
            else
                await Wait().ConfigureAwait(false);
        }
    }

    /// <summary>Others are still at theirs: should they die, their trials are left.</summary>
    async Task Wait()
    {
        try
        {
            await Task.Delay(s_look, _end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }

    async Task RunAsync(TrialClaim claim)
    {
        TrialSettings settings = null!;
        settings = new TrialSettings(claim.Trial.Id, claim.Trial.Parameters, (step, metric) =>
        {
            Tell(monitor => monitor.ReportStep(settings, step, metric));
            return _board.Step(claim, step, metric, _experiment.Pruning);
        });
        Tell(monitor => monitor.ReportRunningTrial(settings));
        try
        {
            if (await TryAsync(settings).ConfigureAwait(false) is not { } result)
                _board.Release(claim);
            else if (_board.End(claim, result) is { } written)
                Tell(written);
        }
        catch (MlNetCifarException e) when (e.Code == TuningErrors.NoWorkerCode)
        {
            // No other trial would fare better, and none is to count as failed for it.
            _board.Release(claim);
            await _end.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Runs a trial; null where it was cancelled before it had a result.</summary>
    async Task<TrialResult?> TryAsync(TrialSettings settings)
    {
        var started = TimeProvider.System.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        if (_experiment.TrialLimit is { } time)
            limit.CancelAfter(time);
        try
        {
            var run = _runner.RunAsync(settings, limit.Token);
            await Task.WhenAny(run, EndedAsync(limit.Token)).ConfigureAwait(false);
            if (!run.IsCompleted)
                return _end.IsCancellationRequested ? null : Failed(TuningErrors.TimedOut(_experiment.TrialLimit!.Value, ended: false));
            var result = await run.ConfigureAwait(false) with { DurationInMilliseconds = TimeProvider.System.GetElapsedTime(started).TotalMilliseconds };
            if (double.IsNaN(result.Loss))
                result = result with { Loss = -result.Metric };
            return double.IsFinite(result.Metric) && double.IsFinite(result.Loss) || result.State == TrialState.Failed ? result : Failed(TuningErrors.NotFinite(result.Metric));
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return _end.IsCancellationRequested ? null : Failed(TuningErrors.TimedOut(_experiment.TrialLimit!.Value, ended: true));
        }
        catch (Exception e) when (!TuningErrors.IsOfSweep(e))
        {
            // Whatever a trial throws is its own fault, and no end of the sweep.
            return Failed(e);
        }

        TrialResult Failed(Exception e) => new()
        {
            TrialSettings = settings, Metric = double.NaN, State = TrialState.Failed, DurationInMilliseconds = TimeProvider.System.GetElapsedTime(started).TotalMilliseconds,
            Error = e is MlNetCifarException known ? $"{known.Code} {known.Message}" : $"{e.GetType().Name}: {e.Message}",
        };
    }

    async Task EndedAsync(CancellationToken cancellation)
    {
        var asked = new TaskCompletionSource();
        using var registration = cancellation.Register(asked.SetResult);
        await asked.Task.ConfigureAwait(false);
        await Task.Delay(_experiment.Grace, CancellationToken.None).ConfigureAwait(false);
    }

    void Tell(TrialResult result)
    {
        if (result.State == TrialState.Failed)
        {
            Tell(monitor => monitor.ReportFailTrial(result));
            return;
        }

        Tell(monitor => monitor.ReportCompletedTrial(result));
        lock (_monitors)
        {
            if (result.State != TrialState.Completed || result.Loss >= _bestLoss)
                return;
            _bestLoss = result.Loss;
        }

        Tell(monitor => monitor.ReportBestTrial(result));
    }

    void Tell(Action<IMonitor> tell)
    {
        lock (_monitors)
        {
            foreach (var monitor in _experiment.Monitors)
                tell(monitor);
        }
    }
}
