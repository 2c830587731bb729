using MlNetCifar.Data;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>The epochs of one run.</summary>
internal sealed class TrainingLoop(
    Trainer trainer, TrainingRun run, TrainingSession session, BatchLoader loader, BatchLoader? validation, BatchLoader? statistics, NetworkWeights best, Pacer pacer, Checkpointer? checkpoints)
{
    readonly TrainingOptions _options = trainer.Options;
    readonly LoopState _state = run.State;
    long _imagesBefore;
    long _epochStarted;
    long _stepStarted;

    /// <summary>Whether weights and state belong to the same step.</summary>
    bool _consistent;

    /// <summary>Trains to the end.</summary>
    public void Run(IProgress<EpochRecord>? progress, CancellationToken cancellation)
    {
        run.Progress = pacer.Progress(_state.Step);
        Notify(o => o.OnFitStart(run));
        foreach (var warning in run.Warnings.ToArray())
            Notify(o => o.OnWarning(run, warning));
        run.Warned = text => Notify(o => o.OnWarning(run, text));
        _consistent = true;
        run.StopReason = run.ResumedFrom is null ? null : Finished();
        try
        {
            while (run.StopReason is null)
                Epoch(progress, cancellation);
            checkpoints?.Finish(Snapshot());
        }
        catch when (_consistent && checkpoints is not null)
        {
            // A shard that vanished, an observer that failed: what was learned is kept.
            checkpoints.Finish(Snapshot());
            throw;
        }
        finally
        {
            // The writer reads the best weights, which end with this run.
            checkpoints?.Flush();
        }

        Notify(o => o.OnFitEnd(run));
    }

    void Epoch(IProgress<EpochRecord>? progress, CancellationToken cancellation)
    {
        pacer.Mark(inEpoch: false);
        _epochStarted = _stepStarted = trainer.Time.GetTimestamp();
        _imagesBefore = _state.Images;
        if (session.Enter(_state.Epoch, run.StepsPerEpoch))
            checkpoints?.BlocksChanged(session);
        Notify(o => o.OnEpochStart(run));
        loader.Start(_state.Epoch, _state.StepInEpoch);
        while (run.StopReason is null && loader.Next() is { } batch)
            Step(batch, cancellation);
        if (run.StopReason is null && validation is not null && !pacer.HasTimeToValidate)
        {
            // What is left of the budget pays for one validation, which belongs at the end: this epoch and the next make one record.
            pacer.Mark(inEpoch: true);
            _state.NextEpoch();
            return;
        }

        // A run that ran out of time has a last, partial epoch that is worth as much as the others.
        if (run.StopReason is not (null or StopReason.TimeBudget) || _state.Images == 0 || Finish(cancellation) is not { } record)
            return;
        if (_state.Finish(record, _options.MinimumDelta))
        {
            checkpoints?.BestChanges();
            best.CopyFrom(session.Result);
            checkpoints?.BestChanged();
        }

        run.BestWeights = best;
        checkpoints?.Begin(Snapshot());
        run.StopReason ??= Finished();
        progress?.Report(record);
        Notify(o => o.OnEpochEnd(run, record));
    }

    void Step(Batch batch, CancellationToken cancellation)
    {
        int right;
        var progress = pacer.Progress(_state.Step);
        try
        {
            _consistent = false;
            run.Loss = session.Step(batch, progress, out right, cancellation: cancellation, after: pacer.Progress(_state.Step + 1));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _consistent = true;
            run.StopReason ??= StopReason.Cancelled;
            return;
        }

        if (!double.IsFinite(run.Loss))
            throw NotFinite(batch, session.Optimizer.Rate(progress));
        _state.Stepped(run.Loss, right, batch.Whole, session.Optimizer.Rate(progress));
        _consistent = true;
        Report(batch.Whole);
        foreach (var observer in trainer.Observers)
            observer.OnStep(run);
        if (cancellation.IsCancellationRequested)
            run.StopReason ??= StopReason.Cancelled;
        else if (pacer.IsTimeUp)
            run.StopReason ??= StopReason.TimeBudget;
        if (checkpoints is null || !checkpoints.IsDue(_state.Step))
            return;
        Prove(cancellation);
        checkpoints.Begin(Snapshot());
    }

    /// <summary>Where workers hold something else than the run, what they have computed since the last proof is not to be kept.</summary>
    void Prove(CancellationToken cancellation)
    {
        _consistent = false;
        session.ProveCopies(cancellation);
        _consistent = true;
    }

    MlNetCifarException NotFinite(Batch batch, float rate)
    {
        var error = TrainingErrors.NotFinite(run.Loss, _state.Step + 1, session.FindNotFinite(batch), rate);
        if (checkpoints is null)
            return error;
        checkpoints.Flush();
        return TrainingErrors.NotFinite(error, checkpoints.Folder, checkpoints.Written);
    }

    /// <summary>Tells the pacer and the observers' view of the step that was done.</summary>
    void Report(int images)
    {
        var now = trainer.Time.GetTimestamp();
        pacer.Stepped(trainer.Time.GetElapsedTime(_stepStarted, now).TotalSeconds, images);
        _stepStarted = now;
        run.BatchImages = images;
        run.Progress = pacer.Progress(_state.Step);
        (run.EpochLoss, run.EpochAccuracy) = (_state.LossSum / _state.Images, (double)_state.Correct / _state.Images);
        run.ImagesPerSecond = (_state.Images - _imagesBefore) / trainer.Time.GetElapsedTime(_epochStarted, now).TotalSeconds;
    }

    /// <summary>Validates; null where that was cancelled.</summary>
    EpochRecord? Finish(CancellationToken cancellation)
    {
        (double? loss, double? accuracy, var scored) = (null, null, 0);
        var begun = trainer.Time.GetTimestamp();
        Prove(cancellation);
        try
        {
            scored = session.EpochEnded(_state, pacer.Progress(_state.Step), statistics, cancellation);
            if (validation is not null)
            {
                (loss, accuracy) = session.Validate(validation, cancellation);
                scored += validation.SamplesPerEpoch;
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            run.StopReason = StopReason.Cancelled;
            return null;
        }

        if (scored > 0)
            pacer.Validated(trainer.Time.GetElapsedTime(begun).TotalSeconds, scored);
        pacer.Mark(inEpoch: true);
        return new EpochRecord(
            _state.Epoch + 1, _state.LossSum / _state.Images, (double)_state.Correct / _state.Images, loss, accuracy, _state.LearningRate, run.ImagesPerSecond,
            _state.EpochSeconds);
    }

    StopReason? Finished()
    {
        if (_options.TimeBudget is null && _state.Epoch >= _options.Epochs)
            return StopReason.Completed;
        if (pacer.IsTimeUp)
            return StopReason.TimeBudget;
        return _options.Patience is { } patience && validation is not null && _state.SinceBest >= patience ? StopReason.EarlyStopping : null;
    }

    LoopState Snapshot()
    {
        pacer.Mark(inEpoch: _state.Images > 0);
        return _state.Copy();
    }

    void Notify(Action<ITrainingObserver> call)
    {
        foreach (var observer in trainer.Observers)
            call(observer);
    }
}
