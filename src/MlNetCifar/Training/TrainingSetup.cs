using MlNetCifar.Data;

namespace MlNetCifar.Training;

/// <summary>What every kind of run begins with: checked options, network and images; their normalisation, the session, and the loader of its batches.</summary>
internal sealed class TrainingSetup : IDisposable
{
    /// <summary>Reads the images once for their normalisation, and whatever the first weights need of them.</summary>
    /// <param name="trainer">Network and starting point.</param>
    /// <param name="options">The trainer's, or a variant of them.</param>
    /// <param name="train">Checked images.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <param name="workers">Who computes the slices of batches; null for this process.</param>
    public TrainingSetup(Trainer trainer, TrainingOptions options, ImageSource train, CancellationToken cancellation, ISliceWorkers? workers = null)
    {
        Normalization = trainer.Start?.Normalization ?? Normalization.Compute(train, cancellation);
        cancellation.ThrowIfCancellationRequested();
        Session = new TrainingSession(trainer.Network, options, train, Normalization, trainer.Start, trainer.Distillation) { Workers = workers };
        Loader = new BatchLoader(train, Normalization, Steps(options, train.Count) with { WithoutPictures = workers is not null || options.IsAveraged });
        if (options.IsAveraged && workers is null)
            Session.TrainModels(new BatchLoader(train, Normalization, Loading(options.OfBatch)));
    }

    public Normalization Normalization { get; }

    public TrainingSession Session { get; }

    public BatchLoader Loader { get; }

    /// <summary>Batches as the network sees them in training, for the running statistics of an average; null where none are needed.</summary>
    public BatchLoader? StatisticsLoader(TrainingOptions options, ImageSource train) => WeightAverage.ImagesAnEpoch(options, Session.Weights, train.Count) == 0
        ? null
        : new BatchLoader(train, Normalization, Loading(options) with { BatchSize = Session.Network.BatchSize, Slices = 1, DropLast = true });

    /// <summary>How batches are made for training.</summary>
    public static BatchLoaderOptions Loading(TrainingOptions options) => new()
    {
        BatchSize = options.BatchSize, Slices = options.Slices, Shuffle = true, ShuffleWindow = options.ShuffleWindow, Seed = options.Seed,
        Augmentation = options.OverfitBatches is null ? options.Augmentation : Augmentation.None,
    };

    /// <summary>How batches are made of which every one is a step: in all modes but the synchronous one, the pictures of a round.</summary>
    static BatchLoaderOptions Steps(TrainingOptions options, int pictures) =>
        options.DistributedMode != DistributedMode.Synchronous ? Loading(options) with { BatchSize = RoundPlan.Of(options, pictures).RoundSize } : Loading(options);

    /// <summary>Checks all that can be checked without reading pictures, and gives the images to train and validate with.</summary>
    /// <exception cref="MlNetCifarException">Options, network or data are wrong (MNC20xx, MNC30xx).</exception>
    public static (ImageSource Train, ImageSource? Validation) Check(Trainer trainer, ImageSource train, ImageSource? validation = null)
    {
        ArgumentNullException.ThrowIfNull(train);
        var (network, options) = (trainer.Network, trainer.Options);
        options.Validate();
        network.Validate();
        if (train.Count == 0)
            throw TrainingErrors.NoImages("training", "Add images.");
        if (validation is { Count: 0 })
            throw TrainingErrors.NoImages("validation", "Add images, or train without validation: give null.");
        if (network.Loss == LossKind.None)
            throw TrainingErrors.NoLoss(network.Name);
        if (options.OverfitBatches is { } few)
            (train, validation) = (train.Sample((int)Math.Min((long)few * options.BatchSize, train.Count), options.Seed), null);
        foreach (var source in validation is null ? [train] : new[] { train, validation })
        {
            if ((source.Height, source.Width, source.Channels, source.Classes.Count) != (network.Height, network.Width, network.Channels, network.Classes))
                throw TrainingErrors.DataDoesNotFit(Describe(source.Height, source.Width, source.Channels, source.Classes.Count), Describe(network.Height, network.Width, network.Channels, network.Classes));
        }

        if (ClassNames.Twice(train.Classes) is { } name)
            throw TrainingErrors.SameClass(name);
        if (validation is not null && ClassNames.Difference(validation.Classes, train.Classes) is { } difference)
            throw TrainingErrors.SourcesDiffer(difference);
        trainer.Distillation?.Check(network, train.Classes);
        var counts = train.ClassCounts();
        if (counts.Count(c => c > 0) < 2)
            throw TrainingErrors.OneClass(train.Classes[Math.Max(0, Array.FindIndex(counts, c => c > 0))]);
        return (train, validation);
    }

    public void Dispose()
    {
        Loader.Dispose();
        Session.Dispose();
    }

    static string Describe(int height, int width, int channels, int classes) => $"images of {height}×{width}×{channels} in {classes} classes";
}
