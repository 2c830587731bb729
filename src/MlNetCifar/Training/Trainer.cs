using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>
/// Trains a network. The result is a function of network, options and data alone, whatever the number of threads.
/// Prints nothing, and writes no file but <see cref="Checkpoints"/>; observers may. A trainer may be used again; one <see cref="Fit"/> at a time.
/// </summary>
/// <param name="network">What to train.</param>
/// <param name="options">How; null for the defaults.</param>
public sealed class Trainer(NetworkSpec network, TrainingOptions? options = null)
{
    /// <summary>What is trained.</summary>
    public NetworkSpec Network { get; } = network;

    /// <summary>How.</summary>
    public TrainingOptions Options { get; } = options ?? new();

    /// <summary>Called at every stage of a run, in this order.</summary>
    public IList<ITrainingObserver> Observers { get; } = [];

    /// <summary>Where the run is saved, and whether it goes on from what is there; null (the default) for neither.</summary>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>What else the time budget has to pay for.</summary>
    internal BudgetReserve Reserve { get; init; }

    /// <summary>The clock, for tests. The default is the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Trains. Cancelling is no error: the best weights so far come back, and the run can be resumed where it stopped.</summary>
    /// <param name="train">Training images; they fix classes and normalisation.</param>
    /// <param name="validation">Images to choose the best epoch by; null for none (then the last epoch is the best).</param>
    /// <param name="progress">Told each finished epoch.</param>
    /// <param name="cancellation">Ends the run within a step; a step cut short is as if it had not begun.</param>
    /// <exception cref="MlNetCifarException">Options, network or data are wrong, or not those of the run to be resumed (MNC20xx, MNC30xx), or the loss is no longer finite (MNC3002).</exception>
    public TrainingResult Fit(ImageSource train, ImageSource? validation = null, IProgress<EpochRecord>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(train);
        var started = Time.GetTimestamp();
        Options.Validate();
        Network.Validate();
        if (Options.OverfitBatches is { } few)
            (train, validation) = (train.Sample(few * Options.BatchSize, Options.Seed), null);
        Check(train, validation);
        using var checkpointer = Checkpoints is null ? null : new Checkpointer(Checkpoints, Time);
        var normalization = Normalization.Compute(train);
        using var session = new TrainingSession(Network, Options, train, normalization);
        using var loader = new BatchLoader(train, normalization, new BatchLoaderOptions
        {
            BatchSize = Options.BatchSize, Shuffle = true, ShuffleWindow = Options.ShuffleWindow, Seed = Options.Seed,
            Augmentation = Options.OverfitBatches is null ? Options.Augmentation : Augmentation.None,
        });
        using var validationLoader = validation is null ? null : new BatchLoader(validation, normalization, new BatchLoaderOptions { BatchSize = session.Network.BatchSize });
        using var best = session.Result.Clone();
        var pacer = new Pacer(Options, Time, started, loader.BatchesPerEpoch, validation?.Count ?? 0, Reserve);
        var loop = new TrainingLoop(this, session, loader, validationLoader, best, pacer, checkpointer);
        loop.State.Normalization = normalization;
        if (checkpointer is not null)
            loop.Attach(ResumeRules.Stamp(train, validation, normalization));
        loop.Run(progress, cancellation);
        var run = loop.State;
        return new TrainingResult(
            run.BestWeights.Clone(), normalization, train.Classes, Options, run.History, run.BestEpoch, run.StopReason!.Value, TimeSpan.FromSeconds(pacer.Elapsed))
        {
            LastWeightsSha256 = run.Weights.Sha256(), Steps = run.Step, ResumedFrom = run.ResumedFrom, ResumeNote = run.ResumeNote, Warnings = run.Warnings,
        };
    }

    void Check(ImageSource train, ImageSource? validation)
    {
        var expected = $"images of {Network.Height}×{Network.Width}×{Network.Channels} in {Network.Classes} classes";
        foreach (var source in validation is null ? [train] : new[] { train, validation })
        {
            if ((source.Height, source.Width, source.Channels, source.Classes.Count) != (Network.Height, Network.Width, Network.Channels, Network.Classes))
                throw TrainingErrors.DataDoesNotFit($"images of {source.Height}×{source.Width}×{source.Channels} in {source.Classes.Count} classes", expected);
        }

        var counts = train.ClassCounts();
        if (counts.Count(c => c > 0) < 2)
            throw TrainingErrors.OneClass(train.Classes[Math.Max(0, Array.FindIndex(counts, c => c > 0))]);
    }
}
