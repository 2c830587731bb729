using MlNetCifar.Data;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Experiments;

// Runs that begin with what others trained: a backbone, and the training of a head in place of a network; a teacher, whose answers a network learns.
internal sealed partial class ExperimentRun
{
    /// <summary>Options of training that a head has, too.</summary>
    static readonly string[] s_ofHeads = ["class-weights", "flip", "label-smoothing", "seed", "threads", "time-budget"];

    // Training pictures whose mirror images take seconds.
    const int MostMirrored = 250;

    FeatureExtractor? _backbone;
    ImageClassifier? _teacher;

    // Why the figures of a split may promise too much.
    readonly Dictionary<DatasetSplit, string> _doubts = [];

    /// <summary>The options with what was chosen by the pictures, once the data are open.</summary>
    public ExperimentOptions Chosen => _options;

    /// <summary>The backbone, once the data are open; null where none was asked for or chosen. It ends with this run.</summary>
    public FeatureExtractor? OpenedBackbone => _backbone;

    bool IsAuto => _options is { Network: null, Backbone: null, Preset: ExperimentOptions.Auto };

    bool HasSizes => _options is not { Filters: null, DenseUnits: null, Dropout: null };

    /// <summary>Opens the backbone that was asked for.</summary>
    void OpenBackbone()
    {
        if (_options.Backbone is not { } name)
            return;
        if (_options.Network is not null || _options.Preset != ExperimentOptions.Auto)
            throw ExperimentErrors.BackboneAnd(name, $"the network '{_options.Network?.Name ?? _options.Preset}'", "Choose one of the two.");
        if (_options.Preprocess is not null)
            throw ExperimentErrors.BackboneAnd(name, "how pictures become inputs, which it decides itself", "Leave out size, grey, resize, filter, median and blur.");
        if (HasSizes)
            throw ExperimentErrors.BackboneAnd(name, "sizes of a network, which it has itself", "Leave out filters, dense units and dropout.");
        _backbone = AsAsked(IBackboneCatalog.Find(name, experiment.Backbones));
        Tidy();
    }

    /// <summary>The backbone for pictures of the size that was asked for, in place of the one given.</summary>
    FeatureExtractor AsAsked(FeatureExtractor backbone)
    {
        if (_options.BackboneSize is not { } size)
            return backbone;
        using (backbone)
            return backbone.Resized(size);
    }

    Distillation? Distillation =>
        _teacher is null ? null : new() { Teacher = _teacher, Temperature = _options.DistillTemperature, Weight = _options.DistillWeight };

    /// <summary>Opens the teacher that was asked for.</summary>
    void OpenTeacher()
    {
        if (_options.Teacher is not { } path)
            return;
        if (_options.Backbone is { } backbone)
            throw ExperimentErrors.BackboneAnd(backbone, "a teacher, which heads do not have", "Choose one of the two, or a network from scratch with --preset.");
        _teacher = RunFolder.LoadModel(path, experiment.Storage);
    }

    void Announce(Distillation distillation, ImageDataset dataset)
    {
        _log.Say("teacher", FormattableString.Invariant($"{distillation.Teacher.Network.Name} of {_options.Teacher}: temperature {distillation.Temperature}, {distillation.Weight:P0} of the loss"));
        if (distillation.Teacher.Preprocess.DifferencesTo(ExperimentData.Spec(dataset)) is { Length: > 0 } differences)
            _log.Warn($"the teacher was trained on pictures made otherwise than these ({differences}): its answers may be worse than they could be");
    }

    /// <summary>Tells which of the images that judge the network its teacher was trained on: they are less new to it than they seem.</summary>
    void CheckTeacher(SplitRecord own)
    {
        if (_teacher is null)
            return;
        if (SplitRecord.Find(_options.Teacher!, _teacher.WeightsSha256, experiment.Storage) is not { } teachers)
        {
            _log.Say(null, $"whether {UnseenImages.NoRecord("the teacher")}");
            return;
        }

        foreach (var split in new[] { DatasetSplit.Validation, DatasetSplit.Test })
        {
            var images = own.Of(split);
            var known = images.Count(hash => teachers.Has(DatasetSplit.Train, hash));
            if (known == 0)
                continue;
            var doubt = UnseenImages.TooMuch(images.Count, split.ToString().ToLowerInvariant(), "teacher", UnseenImages.Part(known, "trained on"))
                + "; it knows none where both runs are cut alike, by one seed and the same shares";
            _doubts.Add(split, doubt);
            _log.Warn(doubt);
        }
    }

    /// <summary>
    /// Reading a backbone's file leaves garbage of several times its size, and the pass over pictures makes so little that nothing would collect it: what the run takes at most
    /// would be the sum of both.
    /// </summary>
    static void Tidy() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    /// <summary>Chooses by the image files that were found.</summary>
    ImageDatasetOptions Decide(ImageCatalog catalog, ImageDatasetOptions options)
    {
        if (!IsAuto)
            return options;
        var sizes = PictureSizes.Of(catalog);
        var seen = FormattableString.Invariant($"{sizes.Images:N0} pictures of about {sizes.Width}×{sizes.Height} in {sizes.Classes} classes");
        if (!sizes.ArePhotographs)
            ChooseSmall(seen);
        else if (_teacher is not null)
            ChooseSmall($"{seen}, with a teacher");
        else if (_options.Preprocess is not null)
            ChooseSmall($"{seen}, with inputs as they were asked for");
        else if (HasSizes)
            ChooseSmall($"{seen}, in the sizes that were asked for");
        else if (experiment.Backbones.Names.FirstOrDefault(experiment.Backbones.IsHere) is { } name)
            ChooseBackbone(name, AsAsked(experiment.Backbones.Open(name)), seen, sizes.Images);
        else
            ChooseSmall($"{seen}, and no backbone is here");
        return _backbone is null ? options : options with { Spec = _backbone.Preprocess, DecodeOnDemand = true };
    }

    /// <summary>Chooses by arrays and shards, whose size is given.</summary>
    void DecideLate(ImageDataset dataset)
    {
        if (!IsAuto)
            return;
        var train = dataset.Train;
        var seen = FormattableString.Invariant($"{train.Count:N0} training pictures of {train.Width}×{train.Height}×{train.Channels} in {train.Classes.Count} classes");
        foreach (var name in experiment.Backbones.Names.Where(name => !HasSizes && _teacher is null && experiment.Backbones.IsHere(name)))
        {
            if (experiment.Backbones.PreprocessOf(name) is { } known && _options.BackboneSize is null && !Fits(known))
                continue;
            var backbone = AsAsked(experiment.Backbones.Open(name));
            if (Fits(backbone.Preprocess))
            {
                ChooseBackbone(name, backbone, seen, train.Count);
                return;
            }

            backbone.Dispose();
        }

        ChooseSmall(seen);

        bool Fits(PreprocessSpec spec) => (spec.Width, spec.Height, spec.Channels) == (train.Width, train.Height, train.Channels);
    }

    void ChooseSmall(string seen)
    {
        _options = _options with { Preset = "seed-cnn" };
        _log.Say("auto", $"{_options.Preset}, trained from scratch, for {seen}");
        _log.Say(null, $"another choice: {Way(ExperimentTable.Preset, nameof(ExperimentOptions.Preset))} {string.Join(", ", Architectures.Names.Where(name => name != _options.Preset))}");
    }

    void ChooseBackbone(string name, FeatureExtractor backbone, string seen, int pictures)
    {
        _options = _options with { Backbone = name };
        _backbone = backbone;
        Tidy();
        var training = _options.TrainingFor(backbone.Preprocess.Height);
        var time = TimeSpan.FromSeconds((IsMirrored(training.Augmentation.Flip, pictures) ? 2 : 1) * pictures / FeatureTime.PerSecond(backbone, training.Threads));
        var kept = Directory.Exists(_options.FeatureFolder) ? ", less for those that are kept of earlier runs" : "";
        _log.Say("auto", $"a head on the frozen backbone {name}, for {seen}: about {OptionText.Of(Rounded(time))} for features{kept}, seconds for the head{Further()}");
        _log.Say(null, $"another choice: {Way(ExperimentTable.Backbone, nameof(ExperimentOptions.Backbone))} FILE, or a network from scratch with {Way(ExperimentTable.Preset, nameof(ExperimentOptions.Preset))} {string.Join(", ", Architectures.Names)}");
    }

    /// <summary>What is done with the time that a budget leaves.</summary>
    string Further() => _options.FineTune switch
    {
        FineTuning.None => "",
        FineTuning.Auto => _options.TrainingFor(_backbone!.Preprocess.Height).TimeBudget is { } budget ? $"; then the backbone is trained further as far as {OptionText.Of(budget)} goes" : "",
        var depth => $"; then the backbone is trained further: {OptionText.Of(depth)}",
    };

    string Way(OptionDescription option, string property) => _asOptions ? option.Option : property;

    /// <summary>Whether it is worth while to hold out validation images: on a backbone they serve calibration alone, which takes so many.</summary>
    bool IsValidationOfUse(ImageDataset dataset)
    {
        // Whether a default was given cannot be asked: a run's own args.json gives it.
        var isAsked = _options.ValidationSplit != new ExperimentOptions().ValidationSplit;
        if (_backbone is null || isAsked || _options.FineTune is FineTuning.LastStage or FineTuning.All || dataset.Has(DatasetSplit.Validation) || dataset.Train.Count * _options.ValidationSplit >= Calibrating.Fewest)
            return true;
        _log.Say(null, FormattableString.Invariant(
            $"no validation split: of {dataset.Train.Count:N0} training images it would have fewer than the {Calibrating.Fewest} that a calibration takes, so all are learnt"));
        return false;
    }

    ExperimentResult Transfer(ImageDataset dataset, FeatureExtractor backbone)
    {
        var training = TrainingFor(dataset.Train);
        var options = new TransferOptions
        {
            ClassWeights = training.ClassWeights, LabelSmoothing = training.LabelSmoothing, Seed = training.Seed, Threads = training.Threads,
            Flip = IsMirrored(training.Augmentation.Flip, dataset.Train.Count), CacheFolder = _options.FeatureFolder,
        };
        var folder = Folder();
        Announce(dataset, backbone, folder);
        if (!options.Flip && training.Augmentation.Flip == FlipMode.Random)
        {
            _log.Say(null, FormattableString.Invariant(
                $"mirrored pictures are not learnt: their features would take as long again, and {dataset.Train.Count:N0} pictures do almost as well without; {Way(TrainingTable.All["flip"], "Flip")} {OptionText.Of(FlipMode.Alternate)} learns them"));
        }

        RunRecord.Arguments(folder, Arguments(training));
        RunRecord.Machine(folder, new MachineInfo());
        folder.Write("labels.txt", writer => dataset.Train.Classes.ToList().ForEach(writer.WriteLine));
        SplitRecord.Of(dataset, training.Threads, cancellation).Write(folder);
        (options, var train) = WithinBudget(dataset, backbone, options, training.TimeBudget);
        var trainer = new TransferTrainer(backbone, options);
        var since = DateTime.UtcNow;
        using var result = Fit(dataset, train, trainer);
        PruneFeatures(options.CacheFolder, since);
        _log.Say(null, FormattableString.Invariant(
            $"features after {result.FeatureTime.TotalSeconds:0.0} s; head with L2 penalty {result.Penalty}{ChosenBy(result)}"));
        if (ChooseDepth(dataset, result, training) is not { } further)
        {
            WarnOfUnused(training);
            return Finished(Frozen());
        }

        RunRecord.Arguments(folder, Arguments(further));
        var frozen = Frozen();

        // The frozen model has a copy of the weights, and begins the training.
        result.Dispose();
        try
        {
            var tuned = FineTune(folder, dataset, result.Elapsed, frozen.Model, further);
            if (tuned is null)
                return Finished(frozen);
            frozen.Model.Dispose();
            return Finished(tuned);
        }
        catch
        {
            frozen.Model.Dispose();
            throw;
        }

        Trained Frozen() => new()
        {
            Model = result.ToClassifier(trainer),
            Summary = FormattableString.Invariant($"finished after {result.Elapsed.TotalSeconds:0.0} s"),
            ChosenByValidation = "the penalty",
            Settings =
            [
                .. OfBackbone(backbone), new("L2 penalty", FormattableString.Invariant($"{result.Penalty}")), new("chosen on", result.HeldOut), new("flip", OptionText.Of(options.Flip)),
                new("class-weights", OptionText.Of(options.ClassWeights)), new("label-smoothing", OptionText.Of(options.LabelSmoothing)), new("seed", OptionText.Of(options.Seed)),
            ],
            ScoringSpeed = 2 * dataset.Train.Count / Math.Max(result.FeatureTime.TotalSeconds, 1),
            Elapsed = result.Elapsed,
            StopReason = StopReason.Completed,
            LastWeightsSha256 = result.WeightsSha256,
            Threads = options.Threads,
            Seed = options.Seed,
        };

        ExperimentResult Finished(Trained trained)
        {
            var finished = Finish(folder, dataset, trained);

            // The backbone ends with the run; the model does not.
            finished.Model.FeaturesOf = null;
            return finished;
        }
    }

    /// <summary>
    /// Whether a head learns mirrored pictures too, for twice the time. A measure of what that is worth: of cats and dogs, 40 pictures to learn from gave 0.971 with and 0.969 without, 200
    /// gave 0.975 and 0.974, 1,400 gave 0.984 and 0.983. A rule of recorded options alone, so that a run that goes on does as it did.
    /// </summary>
    internal static bool IsMirrored(FlipMode flip, int pictures) => flip == FlipMode.Alternate || (flip == FlipMode.Random && pictures <= MostMirrored);

    /// <summary>Features that were not used for longest go where the folder has more than it may.</summary>
    void PruneFeatures(string? folder, DateTime inUse)
    {
        if (folder is null || _options.CacheLimit is not { } limit)
            return;
        var (parts, bytes) = FeatureStore.Prune(folder, limit, inUse);
        if (parts > 0)
            _log.Say("cache", FormattableString.Invariant(
                $"{parts:N0} files of features, {bytes / 1e6:0.0} MB, not used for longest, were deleted: {Way(ExperimentTable.CacheLimit, nameof(ExperimentOptions.CacheLimit))} is {OptionText.OfBytes(limit)}"));
    }

    /// <summary>How a backbone sees the pictures: a frozen one as they are, and mirrored where that is learnt.</summary>
    TrainingOptions SeenByBackbone(ImageSource train)
    {
        var training = TrainingFor(train);
        var flip = training.Augmentation.Flip;
        return _options.FineTune is FineTuning.LastStage or FineTuning.All
            ? training
            : training with { Augmentation = new() { Flip = IsMirrored(flip, train.Count) ? flip : FlipMode.None } };
    }

    IEnumerable<KeyValuePair<string, string>> OfBackbone(FeatureExtractor backbone) =>
    [
        new("backbone", _options.Backbone!), new("backbone licence", experiment.Backbones.LicenceOf(_options.Backbone!) ?? "not known"), new("backbone SHA-256", backbone.WeightsSha256),
    ];

    /// <summary>Features of mirrored pictures are left out where the budget has no room for them, then of as many training pictures as it takes; both are told.</summary>
    (TransferOptions Options, ImageSource Train) WithinBudget(ImageDataset dataset, FeatureExtractor backbone, TransferOptions options, TimeSpan? budget)
    {
        var train = dataset.Train;
        if (budget is not { } time)
            return (options, train);
        var held = (dataset.Validation?.Count ?? 0) + (Judging(dataset) == DatasetSplit.Test ? dataset.Get(DatasetSplit.Test).Count : 0);
        var room = ((time - TimeProvider.System.GetElapsedTime(_started) - s_reportTime).TotalSeconds * FeatureTime.PerSecond(backbone, options.Threads)) - held;
        if (options.Flip && 2 * train.Count > room)
        {
            options = options with { Flip = false };
            _log.Say("budget", $"mirrored pictures are not learnt: {OptionText.Of(time)} has no room for their features");
        }

        var most = (int)Math.Min(Math.Max(room, 2 * train.Classes.Count), train.Count);
        if (most < train.Count)
        {
            train = train.Sample(most, options.Seed);
            _log.Warn(FormattableString.Invariant($"{train.Count:N0} of the {dataset.Train.Count:N0} training images are learnt: {OptionText.Of(time)} has no room for the features of more"));
        }

        return (options, train);
    }

    TransferResult Fit(ImageDataset dataset, ImageSource train, TransferTrainer trainer) => _log.During(ExperimentStage.Training, "computing features", advance =>
    {
        var started = TimeProvider.System.GetTimestamp();
        var report = new Report<LoadProgress>(p =>
        {
            var speed = p.Done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            var left = TimeSpan.FromSeconds((p.Total - p.Done) / Math.Max(speed, 1e-3));
            advance(
                (double)p.Done / Math.Max(p.Total, 1),
                p.Done == p.Total ? "training the head" : FormattableString.Invariant($"features {p.Done:N0}/{p.Total:N0}  {speed:N0} a second  {OptionText.Of(Rounded(left))} left"));
        });
        return trainer.Fit(train, dataset.Validation, report, cancellation);
    });

    void Announce(ImageDataset dataset, FeatureExtractor backbone, RunFolder folder)
    {
        _log.Say("data", $"{dataset.Path}: {Counts(dataset)}; {dataset.Classes.Count} classes; {dataset.Train.Width}×{dataset.Train.Height}×{dataset.Train.Channels}");
        var licence = experiment.Backbones.LicenceOf(_options.Backbone!) is { } text ? $", licence {text}" : "";
        _log.Say("network", FormattableString.Invariant(
            $"{_options.NetworkName}, frozen{licence}: {backbone.Network.WithHead(dataset.Classes.Count).Flops / 1e6:0} MFLOP an image, {backbone.Count} features; a linear head"));
        _log.Say("run", folder.Path);
    }

    /// <summary>Nothing that was asked for is passed over in silence.</summary>
    void WarnOfUnused(TrainingOptions training)
    {
        var usual = _options.Training ?? _options.Recipe(_backbone!.Preprocess.Height);
        var names = TrainingTable.All.All.Where(b => !s_ofHeads.Contains(b.Description.Name) && !Equals(b.Get(training), b.Get(usual)))
            .Select(b => Way(b.Description, b.Property)).ToArray();
        if (names.Length > 0)
            _log.Warn($"a head on a frozen backbone is fitted without steps; this has no meaning for it: {string.Join(", ", names)}");
    }

    static string ChosenBy(TransferResult result) => result.History[0] is { ValidationAccuracy: { } accuracy, ValidationLoss: var loss }
        ? FormattableString.Invariant($" chosen on {result.HeldOut}: loss {loss:0.000}, accuracy {accuracy:0.000} there")
        : ": no class has two training images, one to learn and one to choose by";

    static TimeSpan Rounded(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));
}
