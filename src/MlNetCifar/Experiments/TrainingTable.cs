using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>
/// The one table behind the options of training and augmentation: command line, variables, configuration files, args.json, documentation. Ranges are those of
/// the options themselves.
/// </summary>
public static class TrainingTable
{
    const string Training = "Training";
    const string Pictures = "Augmentation";

    /// <summary>What help shows; other presets have recipes of their own.</summary>
    static readonly TrainingOptions s_defaults = Recipes.For("seed-cnn");

    /// <summary>Every option of a training run but its augmentation.</summary>
    public static OptionTable<TrainingOptions> Steps { get; } = new(
        TrainingOptions.Ranges,
        Of(nameof(TrainingOptions.Epochs), "N", "Passes over the training images", OptionText.Int, o => o.Epochs, (o, v) => o with { Epochs = v }),
        Of(nameof(TrainingOptions.BatchSize), "N", "Images a step", OptionText.Int, o => o.BatchSize, (o, v) => o with { BatchSize = v }),
        Of(
            nameof(TrainingOptions.Slices), "N", "Slices of a batch, each computed by itself: less memory, and work for --workers; batch normalisation sees one slice, or all with --sync-batch-norm. With models (--update-frequency): how many",
            OptionText.Int, o => o.Slices, (o, v) => o with { Slices = v }),
        Of(
            nameof(TrainingOptions.SyncBatchNorm), "BOOL", "Whether batch normalisation sees all --slices of a batch, which wait for one another at each such layer", OptionText.Bool,
            o => o.SyncBatchNorm, (o, v) => o with { SyncBatchNorm = v }),
        Of(
            nameof(TrainingOptions.DistributedMode), "NAME", $"How --workers share it: {OptionText.Choices<DistributedMode>()}; averaged trains --slices models side by side, the last two are not reproducible",
            OptionText.Choice<DistributedMode>, o => o.DistributedMode, (o, v) => o with { DistributedMode = v }),
        Of(
            nameof(TrainingOptions.UpdateFrequency), "K", "Batches that a model trains on before it is averaged, or with asynchronous and hogwild added to the weights; batch for 1 (there a gradient), epoch (or 0) for its share of an epoch",
            Frequency, o => o.UpdateFrequency, (o, v) => o with { UpdateFrequency = v }, "batch"),
        Of(
            nameof(TrainingOptions.GradientFormat), "NAME", $"How the gradients of slices are rounded, and sent by workers: {OptionText.Choices<GradientFormat>()}; those of 16 bits take half the bytes, and give the same weights for any number of workers",
            OptionText.Choice<GradientFormat>, o => o.GradientFormat, (o, v) => o with { GradientFormat = v }),
        Of(
            nameof(TrainingOptions.Optimizer), "NAME", $"Update rule: {OptionText.Choices<OptimizerKind>()}", OptionText.Choice<OptimizerKind>,
            o => o.Optimizer, (o, v) => o with { Optimizer = v }),
        Of(
            nameof(TrainingOptions.LearningRate), "RATE", "Largest learning rate of the schedule", OptionText.Number, o => o.LearningRate,
            (o, v) => o with { LearningRate = v }),
        Of(
            nameof(TrainingOptions.Schedule), "NAME", $"How the rate changes: {OptionText.Choices<ScheduleKind>()}", OptionText.Choice<ScheduleKind>,
            o => o.Schedule, (o, v) => o with { Schedule = v }),
        Of(nameof(TrainingOptions.Warmup), "SHARE", "Share of the run in which the rate rises", OptionText.NumberOrNone, o => o.Warmup, (o, v) => o with { Warmup = v }),
        Of(
            nameof(TrainingOptions.StepFactor), "F", "Factor of the step schedule after each third of the run", OptionText.Number, o => o.StepFactor,
            (o, v) => o with { StepFactor = v }),
        Of(
            nameof(TrainingOptions.BiasLearningRate), "RATE", "Learning rate of biases with muon", OptionText.NumberOrNone, o => o.BiasLearningRate,
            (o, v) => o with { BiasLearningRate = v }),
        Of(
            nameof(TrainingOptions.HeadLearningRate), "RATE", "Learning rate of matrices with muon", OptionText.NumberOrNone, o => o.HeadLearningRate,
            (o, v) => o with { HeadLearningRate = v }),
        Of(nameof(TrainingOptions.MuonMomentum), "M", "Momentum of filters with muon", OptionText.Number, o => o.MuonMomentum, (o, v) => o with { MuonMomentum = v }),
        Of(
            nameof(TrainingOptions.FrozenBiasShare), "SHARE", "Share of the run after which the biases of frozen filters stay as they are", OptionText.Number,
            o => o.FrozenBiasShare, (o, v) => o with { FrozenBiasShare = v }),
        Of(nameof(TrainingOptions.Momentum), "M", "Momentum of sgd", OptionText.Number, o => o.Momentum, (o, v) => o with { Momentum = v }),
        Of(nameof(TrainingOptions.Nesterov), "BOOL", "Whether sgd looks ahead", OptionText.Bool, o => o.Nesterov, (o, v) => o with { Nesterov = v }),
        Of(nameof(TrainingOptions.Beta1), "B", "First moment decay of adam and adamw", OptionText.Number, o => o.Beta1, (o, v) => o with { Beta1 = v }),
        Of(nameof(TrainingOptions.Beta2), "B", "Second moment decay of adam and adamw", OptionText.Number, o => o.Beta2, (o, v) => o with { Beta2 = v }),
        Of(nameof(TrainingOptions.Epsilon), "E", "Added to adam's denominator", OptionText.Number, o => o.Epsilon, (o, v) => o with { Epsilon = v }),
        Of(nameof(TrainingOptions.WeightDecay), "D", "Decay of filters and matrices", OptionText.Number, o => o.WeightDecay, (o, v) => o with { WeightDecay = v }),
        Of(
            nameof(TrainingOptions.Groups), "GROUPS", "Tensors that are not trained, or in a way of their own: 'conv*, layer1: frozen; fc1: rate-factor=0.1'",
            ParameterGroups.Parse, o => o.Groups, (o, v) => o with { Groups = v }),
        Of(
            nameof(TrainingOptions.GradientClipNorm), "NORM", "Largest norm of the gradients", OptionText.NumberOrNone, o => o.GradientClipNorm,
            (o, v) => o with { GradientClipNorm = v }),
        Of(
            nameof(TrainingOptions.EmaDecay), "D", "Decay of a moving average of the weights, which is then validated and kept", OptionText.NumberOrNone,
            o => o.EmaDecay, (o, v) => o with { EmaDecay = v }),
        Of(
            nameof(TrainingOptions.LookaheadSteps), "N", "Steps after which training goes on from the average of --ema-decay (lookahead)", OptionText.IntOrNone,
            o => o.LookaheadSteps, (o, v) => o with { LookaheadSteps = v }),
        Of(
            nameof(TrainingOptions.SwaStart), "SHARE", "Share of the run from which on the weights of the epochs are averaged (SWA); the mean is validated and kept", OptionText.NumberOrNone,
            o => o.SwaStart, (o, v) => o with { SwaStart = v }),
        Of(
            nameof(TrainingOptions.SwaLearningRate), "RATE", "Constant learning rate from then on", OptionText.NumberOrNone, o => o.SwaLearningRate,
            (o, v) => o with { SwaLearningRate = v }),
        Of(
            nameof(TrainingOptions.LabelSmoothing), "S", "Share of each label spread over all classes", OptionText.Number, o => o.LabelSmoothing,
            (o, v) => o with { LabelSmoothing = v }),
        Of(
            nameof(TrainingOptions.ClassWeights), "NAME", $"How classes of different size are weighed: {OptionText.Choices<ClassWeighting>()}", OptionText.Choice<ClassWeighting>,
            o => o.ClassWeights, (o, v) => o with { ClassWeights = v }),
        Of(
            nameof(TrainingOptions.Patience), "N", "Epochs without a better validation accuracy after which training stops", OptionText.IntOrNone,
            o => o.Patience, (o, v) => o with { Patience = v }),
        Of(
            nameof(TrainingOptions.MinimumDelta), "D", "Gain of validation accuracy that counts for --patience", t => (double)OptionText.Number(t),
            o => o.MinimumDelta, (o, v) => o with { MinimumDelta = v }),
        Of(
            nameof(TrainingOptions.TimeBudget), "TIME", "End after this time, the schedule with it: 90s, 15m, 1h30m; --epochs is then ignored", OptionText.Duration,
            o => o.TimeBudget, (o, v) => o with { TimeBudget = v }),
        Of(
            nameof(TrainingOptions.OverfitBatches), "N", "Train on the first N batches only, to see whether the network can learn them by heart", OptionText.IntOrNone,
            o => o.OverfitBatches, (o, v) => o with { OverfitBatches = v }),
        Of(
            nameof(TrainingOptions.ShuffleWindow), "N", "Images shuffled together where shards are larger than memory; 0 for all", OptionText.Int,
            o => o.ShuffleWindow, (o, v) => o with { ShuffleWindow = v }),
        Of(nameof(TrainingOptions.Seed), "N", "Decides splits, weights, order, augmentation and dropout", OptionText.Seed, o => o.Seed, (o, v) => o with { Seed = v }),
        Of(
            nameof(TrainingOptions.Threads), "N", "Threads; the result does not depend on it", OptionText.IntOrNone, o => o.Threads,
            (o, v) => o with { Threads = v }, "all cores"));

    /// <summary>Every option of the augmentation.</summary>
    public static OptionTable<TrainingOptions> Changes { get; } = new(
        [.. Augmentation.Ranges.Select(r => new OptionRange<TrainingOptions>(r.Name, o => r.Read(o.Augmentation), r.Minimum, r.Maximum) { Above = r.Above, Below = r.Below })],
        Change(
            nameof(Augmentation.Flip), "NAME", $"Mirroring: {OptionText.Choices<FlipMode>()}", OptionText.Choice<FlipMode>, a => a.Flip,
            (a, v) => a with { Flip = v }),
        Change(nameof(Augmentation.Shift), "PIXELS", "Largest shift in each direction", OptionText.Int, a => a.Shift, (a, v) => a with { Shift = v }),
        Change(
            nameof(Augmentation.Padding), "NAME", $"What fills the gap of a shift or rotation: {OptionText.Choices<EdgePadding>()}", OptionText.Choice<EdgePadding>,
            a => a.Padding, (a, v) => a with { Padding = v }),
        Change(nameof(Augmentation.Rotation), "DEGREES", "Largest rotation to either side", OptionText.Number, a => a.Rotation, (a, v) => a with { Rotation = v }),
        Change(nameof(Augmentation.Cutout), "PIXELS", "Side of a square that is blanked", OptionText.Int, a => a.Cutout, (a, v) => a with { Cutout = v }),
        Change(nameof(Augmentation.Brightness), "SHARE", "Largest change of brightness", OptionText.Number, a => a.Brightness, (a, v) => a with { Brightness = v }),
        Change(nameof(Augmentation.Contrast), "SHARE", "Largest change of contrast", OptionText.Number, a => a.Contrast, (a, v) => a with { Contrast = v }),
        Change(nameof(Augmentation.Saturation), "SHARE", "Largest change of saturation", OptionText.Number, a => a.Saturation, (a, v) => a with { Saturation = v }),
        Change(nameof(Augmentation.Hue), "DEGREES", "Largest turn of the hue", OptionText.Number, a => a.Hue, (a, v) => a with { Hue = v }),
        Change(
            nameof(Augmentation.CropArea), "SHARE", "Least share of the picture that a random crop keeps, before it is resized; 0 for no crop", OptionText.Number,
            a => a.CropArea, (a, v) => a with { CropArea = v }),
        Change(nameof(Augmentation.CropAreaMax), "SHARE", "Largest share that it keeps", OptionText.Number, a => a.CropAreaMax, (a, v) => a with { CropAreaMax = v }),
        Change(nameof(Augmentation.CropAspect), "RATIO", "Largest ratio of its sides", OptionText.Number, a => a.CropAspect, (a, v) => a with { CropAspect = v }),
        Change(nameof(Augmentation.Erasing), "P", "Probability that a rectangle is blanked", OptionText.Number, a => a.Erasing, (a, v) => a with { Erasing = v }),
        Change(
            nameof(Augmentation.TrivialAugment), "BOOL", "Whether each picture gets one of 14 changes at a random strength", OptionText.Bool, a => a.TrivialAugment,
            (a, v) => a with { TrivialAugment = v }),
        Change(nameof(Augmentation.Mixup), "ALPHA", "Average pictures and labels in pairs", OptionText.Number, a => a.Mixup, (a, v) => a with { Mixup = v }),
        Change(nameof(Augmentation.CutMix), "ALPHA", "Put a rectangle of another picture into each", OptionText.Number, a => a.CutMix, (a, v) => a with { CutMix = v }));

    /// <summary>All of both.</summary>
    public static OptionTable<TrainingOptions> All { get; } = new([], [.. Steps.All, .. Changes.All]);

    /// <summary>Decides splits, weights, order, augmentation and dropout.</summary>
    public static OptionDescription<ulong> Seed { get; } = All.Find<ulong>("seed");

    /// <summary>Threads; of many commands.</summary>
    public static OptionDescription<int?> Threads { get; } = All.Find<int?>("threads");

    /// <summary>The option of a property: <c>--batch-size</c>.</summary>
    internal static string OptionOf(string property) => All.All.First(binding => binding.Property == property).Description.Option;

    /// <summary>Options as a report shows them: those that had an effect.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Pairs(TrainingOptions options) =>
        All.All.Where(binding => HasEffect(binding, binding.Get(options), options))
            .Select(binding => new KeyValuePair<string, string>(binding.Description.Name, OptionText.Of(binding.Get(options))));

    static bool HasEffect(OptionBinding<TrainingOptions> binding, object? value, TrainingOptions options) => binding.Property switch
    {
        nameof(TrainingOptions.Slices) => options.Slices > 1,
        nameof(TrainingOptions.GradientFormat) => options.GradientFormat != GradientFormat.F32,
        nameof(TrainingOptions.DistributedMode) or nameof(TrainingOptions.UpdateFrequency) => options.DistributedMode != DistributedMode.Synchronous,
        _ => HasEffect(binding.Property, binding.Description.Default, value, options),
    };

    static bool HasEffect(string property, object? standard, object? value, TrainingOptions options) =>
        value is not (null or 0 or 0f or ClassWeighting.None or FlipMode.None) && (value is not false || standard is true)
        && (value is not ParameterGroups groups || groups.Any()) && !IdleOptions.IsIdle(property, new(options, Validates: true));

    /// <summary>Checks options; faults are told by the names that the caller used.</summary>
    /// <param name="options">The options.</param>
    /// <param name="asOptions">Whether those are the names of options rather than of properties.</param>
    /// <exception cref="MlNetCifarException">A value is out of range (MNC3001, MNC9012).</exception>
    public static void Check(TrainingOptions options, bool asOptions)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (Steps.Faults(options, asOptions).ToArray() is { Length: > 0 } faults)
            throw TrainingErrors.Options(faults);
        if (Changes.Faults(options, asOptions).ToArray() is { Length: > 0 } changes)
            throw ExperimentErrors.Augmentation(changes);
        if (asOptions && options.Contradictions(OptionOf, OptionText.Of).ToArray() is { Length: > 0 } contradictions)
            throw TrainingErrors.Options(contradictions);
        options.Validate();
    }

    static int Frequency(string text) => text.ToLowerInvariant() switch
    {
        "batch" => 1,
        "epoch" => 0,
        _ => int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var batches) ? batches : throw new FormatException("batch, epoch, or a number of batches"),
    };

    static OptionBinding<TrainingOptions> Of<T>(
        string property, string valueName, string help, Func<string, T> read, Func<TrainingOptions, T> get, Func<TrainingOptions, T, TrainingOptions> set,
        string? defaultText = null)
    {
        var option = OptionDescription.Of(OptionText.Kebab(property), valueName, help, read, get(s_defaults), Training, defaultText);
        return new(option, property, o => get(o), (o, v) => set(o, (T)v!));
    }

    static OptionBinding<TrainingOptions> Change<T>(
        string property, string valueName, string help, Func<string, T> read, Func<Augmentation, T> get, Func<Augmentation, T, Augmentation> set)
    {
        var option = OptionDescription.Of(OptionText.Kebab(property), valueName, help, read, get(Augmentation.None), Pictures, "as --augment");
        return new(option, property, o => get(o.Augmentation), (o, v) => o with { Augmentation = set(o.Augmentation, (T)v!) });
    }
}
