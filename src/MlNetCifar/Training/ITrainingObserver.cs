namespace MlNetCifar;

/// <summary>Follows a run: logs, checkpoints, stops it. Called on the training thread; cannot change the mathematics.</summary>
public interface ITrainingObserver
{
    /// <summary>Before the first step.</summary>
    /// <param name="run">The run.</param>
    void OnFitStart(TrainingRun run)
    {
    }

    /// <summary>Before each epoch's first step.</summary>
    /// <param name="run">The run.</param>
    void OnEpochStart(TrainingRun run)
    {
    }

    /// <summary>After each step.</summary>
    /// <param name="run">The run.</param>
    void OnStep(TrainingRun run)
    {
    }

    /// <summary>After each epoch and its validation.</summary>
    /// <param name="run">The run.</param>
    /// <param name="epoch">What the epoch left behind.</param>
    void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
    }

    /// <summary>When something went wrong that does not end the run, such as a checkpoint that could not be written.</summary>
    /// <param name="run">The run.</param>
    /// <param name="warning">What went wrong, and what to do.</param>
    void OnWarning(TrainingRun run, string warning)
    {
    }

    /// <summary>After the last step, however the run ended, before the best weights are restored.</summary>
    /// <param name="run">The run.</param>
    void OnFitEnd(TrainingRun run)
    {
    }
}
