using MlNetCifar.Files;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>Where and how often a run is saved. Saving happens beside training, at every epoch's end, when the run ends, and as often as asked in between.</summary>
public sealed record CheckpointOptions
{
    /// <summary>Folder of the checkpoints, made where missing: <c>last.ckpt</c>, <c>previous.ckpt</c> and <c>best-NNNNN.ckpt</c>. One run at a time may use it.</summary>
    public required string Folder { get; init; }

    /// <summary>Steps between two checkpoints, ≥ 1. The default is null: by time alone.</summary>
    public int? EverySteps { get; init; }

    /// <summary>Time between two checkpoints, &gt; 0; null for none. The default is one minute.</summary>
    public TimeSpan? Every { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Whether to go on from the newest whole checkpoint of the folder (from the first step where there is none); otherwise the folder must not hold another run's.
    /// Options may then differ from the checkpoint's in epochs, time budget, patience, minimum delta and threads; every other change is an error.
    /// </summary>
    public bool Resume { get; init; }

    /// <summary>Whether the checkpoints of an earlier run in the folder may be deleted. The default is false: they are an error.</summary>
    public bool Replace { get; init; }

    /// <summary>The model of the best epoch that a run has saved in <see cref="Folder"/>, whether or not the run ever ended: it may have been killed or have failed.</summary>
    /// <param name="preprocess">How the training images were made from pictures.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">There are no whole best weights (MNC3018).</exception>
    public ImageClassifier LoadBest(PreprocessSpec preprocess)
    {
        ArgumentNullException.ThrowIfNull(preprocess);
        return SavedRun.LoadBest(Folder, preprocess);
    }

    /// <summary>Where the files go, for tests.</summary>
    internal IFileStore Files { get; init; } = LocalFileStore.Instance;

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Folder);
        if (EverySteps is < 1)
            throw TrainingErrors.Options([$"{nameof(EverySteps)} is {EverySteps}, expected at least 1"]);
        if (Every is { } time && time <= TimeSpan.Zero)
            throw TrainingErrors.Options([$"{nameof(Every)} is {time}, expected above 0"]);
    }
}
