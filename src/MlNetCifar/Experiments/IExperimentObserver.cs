namespace MlNetCifar;

/// <summary>A stage of an experiment.</summary>
public enum ExperimentStage
{
    /// <summary>Images are found, read and split.</summary>
    Reading,

    /// <summary>The network is trained.</summary>
    Training,

    /// <summary>The calibration is fitted to the validation images.</summary>
    Calibrating,

    /// <summary>Images are scored.</summary>
    Evaluating,

    /// <summary>The report is written.</summary>
    Reporting,

    /// <summary>The run is copied to where <see cref="ExperimentOptions.Output"/> asks for it.</summary>
    Copying,
}

/// <summary>Follows an experiment and cannot change it. Called on the thread of the experiment, except where said.</summary>
public interface IExperimentObserver
{
    /// <summary>Before a stage.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="title">What is done, for people, for example <c>reading photos</c>.</param>
    void OnStageStart(ExperimentStage stage, string title)
    {
    }

    /// <summary>After a stage, however it ended.</summary>
    /// <param name="stage">Which.</param>
    void OnStageEnd(ExperimentStage stage)
    {
    }

    /// <summary>Now and then within a stage, from any thread.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="share">Share that is done, 0 … 1.</param>
    /// <param name="text">What has been done at what speed, for people.</param>
    void OnProgress(ExperimentStage stage, double share, string text)
    {
    }

    /// <summary>Something worth knowing: a line of a log.</summary>
    /// <param name="subject">What it is about, one word, for example <c>data</c>; null where the text says it.</param>
    /// <param name="text">One line.</param>
    void OnMessage(string? subject, string text)
    {
    }

    /// <summary>When something went wrong that does not end the experiment.</summary>
    /// <param name="warning">What went wrong, and what to do.</param>
    void OnWarning(string warning)
    {
    }
}
