using MlNetCifar.Data;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>The epochs of one run.</summary>
internal sealed class TrainingLoop(
    Trainer trainer, TrainingSession session, BatchLoader loader, BatchLoader? validation, NetworkWeights best, Pacer pacer, Checkpointer? checkpoints)
{
    readonly TrainingOptions _options = trainer.Options;
    readonly Schedule _schedule = Schedules.Create(trainer.Options);
    readonly BestScore _best = new(trainer.Options.MinimumDelta);
    double _lossSum;
    long _images;
    long _correct;
    long _imagesBefore;
    double _secondsBefore;
    long _epochStarted;
    long _stepStarted;

    /// <summary>Whether weights and counters belong to the same step.</summary>
    bool _consistent;

    public TrainingRun State { get; } = new(trainer.Network, trainer.Options, loader.BatchesPerEpoch) { Weights = session.Weights, BestWeights = session.Result };

    /// <summary>Binds the checkpoints, and goes back to where the run stood when the newest was written.</summary>
    public void Attach(DataStamp data)
    {
        if (checkpoints!.Attach(State, session, best, data, State.Warn) is not { State: var then } header)
            return;
        (State.Step, State.Epoch, State.StepInEpoch, State.LearningRate) = (then.Step, then.Epoch, then.StepInEpoch, then.LearningRate);
        (_lossSum, _images, _correct, _secondsBefore) = (then.LossSum, then.Images, then.Correct, then.EpochSeconds);
        (_best.Best, _best.Counted, _best.Since, State.BestEpoch) = (then.BestScore, then.PatienceScore ?? then.BestScore, then.SinceBest, then.BestEpoch);
        (pacer.Before, pacer.ValidationSeconds) = (then.ElapsedSeconds, then.ValidationSeconds);
        foreach (var record in then.History)
            State.Add(record);
        if (State.BestEpoch > 0)
            State.BestWeights = best;
        State.Progress = pacer.Progress(State.Step);
        (State.ResumedFrom, State.ResumeNote) = (then.Step, Note(header));
    }

    /// <summary>Trains to the end.</summary>
    public void Run(IProgress<EpochRecord>? progress, CancellationToken cancellation)
    {
        Notify(o => o.OnFitStart(State));
        foreach (var warning in State.Warnings.ToArray())
            Notify(o => o.OnWarning(State, warning));
        State.Warned = text => Notify(o => o.OnWarning(State, text));
        _consistent = true;
        State.StopReason = State.ResumedFrom is null ? null : Finished();
        try
        {
            while (State.StopReason is null)
                Epoch(progress, cancellation);
            checkpoints?.Finish(Snapshot());
        }
        catch (MlNetCifarException e) when (e.Code == TrainingErrors.NotFiniteCode && checkpoints is not null)
        {
            checkpoints.Flush();
            throw TrainingErrors.NotFinite(e, checkpoints.Folder, checkpoints.Written);
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

        Notify(o => o.OnFitEnd(State));
    }

    void Epoch(IProgress<EpochRecord>? progress, CancellationToken cancellation)
    {
        _epochStarted = _stepStarted = trainer.Time.GetTimestamp();
        _imagesBefore = _images;
        Notify(o => o.OnEpochStart(State));
        loader.Start(State.Epoch, State.StepInEpoch);
        while (State.StopReason is null && loader.Next() is { } batch)
            Step(batch, cancellation);
        if (State.StopReason is null && validation is not null && !pacer.HasTimeToValidate)
        {
            // What is left of the budget pays for one validation, which belongs at the end: this epoch and the next make one record.
            _secondsBefore = EpochSeconds();
            State.Epoch++;
            State.StepInEpoch = 0;
            return;
        }

        // A run that ran out of time has a last, partial epoch that is worth as much as the others.
        if (State.StopReason is not (null or StopReason.TimeBudget) || _images == 0 || Finish(cancellation) is not { } record)
            return;
        State.Add(record);
        if (Improved(record))
        {
            checkpoints?.BestChanges();
            best.CopyFrom(session.Result);
            checkpoints?.BestChanged();
        }

        State.BestWeights = best;
        State.Epoch++;
        State.StepInEpoch = 0;
        (_lossSum, _images, _correct, _secondsBefore) = (0, 0, 0, 0);
        checkpoints?.Begin(Snapshot());
        State.StopReason ??= Finished();
        progress?.Report(record);
        Notify(o => o.OnEpochEnd(State, record));
    }

    void Step(Batch batch, CancellationToken cancellation)
    {
        State.Progress = pacer.Progress(State.Step);
        var factor = (float)_schedule(State.Progress);
        int right;
        try
        {
            _consistent = false;
            State.Loss = session.Step(batch, factor, State.Progress, out right, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _consistent = true;
            State.StopReason ??= StopReason.Cancelled;
            return;
        }

        State.LearningRate = _options.LearningRate * factor;
        _lossSum += State.Loss * batch.Count;
        _images += batch.Count;
        _correct += right;
        State.BatchImages = batch.Count;
        State.Step++;
        State.StepInEpoch++;
        _consistent = true;
        var now = trainer.Time.GetTimestamp();
        pacer.Stepped(trainer.Time.GetElapsedTime(_stepStarted, now).TotalSeconds, batch.Count);
        _stepStarted = now;
        State.Progress = pacer.Progress(State.Step);
        (State.EpochLoss, State.EpochAccuracy) = (_lossSum / _images, (double)_correct / _images);
        State.ImagesPerSecond = (_images - _imagesBefore) / trainer.Time.GetElapsedTime(_epochStarted, now).TotalSeconds;
        foreach (var observer in trainer.Observers)
            observer.OnStep(State);
        if (cancellation.IsCancellationRequested)
            State.StopReason ??= StopReason.Cancelled;
        else if (pacer.IsTimeUp)
            State.StopReason ??= StopReason.TimeBudget;
        if (checkpoints is not null && checkpoints.IsDue(State.Step))
            checkpoints.Begin(Snapshot());
    }

    /// <summary>Validates; null where that was cancelled.</summary>
    EpochRecord? Finish(CancellationToken cancellation)
    {
        (double? loss, double? accuracy) = (null, null);
        if (validation is not null)
        {
            var begun = trainer.Time.GetTimestamp();
            try
            {
                (loss, accuracy) = session.Validate(validation, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                State.StopReason = StopReason.Cancelled;
                return null;
            }

            pacer.ValidationSeconds = trainer.Time.GetElapsedTime(begun).TotalSeconds;
        }

        return new EpochRecord(State.Epoch + 1, _lossSum / _images, (double)_correct / _images, loss, accuracy, State.LearningRate, State.ImagesPerSecond, EpochSeconds());
    }

    bool Improved(EpochRecord record)
    {
        // Without validation the last weights are the best guess.
        if (!_best.Add(record.ValidationAccuracy ?? record.Epoch))
            return false;
        State.BestEpoch = record.Epoch;
        return true;
    }

    StopReason? Finished()
    {
        if (_options.TimeBudget is null && State.Epoch >= _options.Epochs)
            return StopReason.Completed;
        if (pacer.IsTimeUp)
            return StopReason.TimeBudget;
        return _options.Patience is { } patience && validation is not null && _best.Since >= patience ? StopReason.EarlyStopping : null;
    }

    RunState Snapshot() => new()
    {
        Step = State.Step, Epoch = State.Epoch, StepInEpoch = State.StepInEpoch, LossSum = _lossSum, Images = _images, Correct = _correct,
        EpochSeconds = _images == 0 ? 0 : EpochSeconds(), ElapsedSeconds = pacer.Elapsed, ValidationSeconds = pacer.ValidationSeconds, LearningRate = State.LearningRate,
        History = [.. State.History], BestEpoch = State.BestEpoch, BestScore = _best.Best, PatienceScore = _best.Counted, SinceBest = _best.Since,
    };

    double EpochSeconds() => _secondsBefore + trainer.Time.GetElapsedTime(_epochStarted).TotalSeconds;

    /// <summary>Says where the run goes on, and by which schedule: progress is (steps done) / (steps of the epochs asked for now), also where that was another number before.</summary>
    string Note(CheckpointHeader header)
    {
        var epochs = header.ReadOptions(checkpoints!.Folder).Epochs;
        var place = FormattableString.Invariant($"Going on from step {State.Step:N0} (epoch {State.Epoch + 1}, {State.StepInEpoch:N0} of {State.StepsPerEpoch:N0} steps done).");
        var schedule = $"Schedule: {_options.Schedule}";
        if (_options.TimeBudget is { } budget)
            return FormattableString.Invariant($"{place} {schedule} over {budget.TotalMinutes:G4} minutes, of which {pacer.Before / 60:G4} are spent.");
        if (epochs == _options.Epochs)
            return FormattableString.Invariant($"{place} {schedule} over {epochs} epochs, as before.");
        var next = _options.LearningRate * _schedule(State.Progress);
        return FormattableString.Invariant(
            $"{place} {schedule} over {_options.Epochs} epochs instead of {epochs}: from here on the rates are those of a run of {_options.Epochs} epochs, {State.Progress:P0} of which are done; the next rate is {next:G4}, the last was {State.LearningRate:G4}.");
    }

    void Notify(Action<ITrainingObserver> call)
    {
        foreach (var observer in trainer.Observers)
            call(observer);
    }
}
