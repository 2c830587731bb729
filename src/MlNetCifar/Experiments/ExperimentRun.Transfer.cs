using MlNetCifar.Data;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Experiments;

// Runs that begin with what others trained: a backbone, and the training of a head in place of a network; a teacher, whose answers a network learns.
internal sealed partial class ExperimentRun
{
    /// <summary>Options of training that a head has, too.</summary>
    static readonly string[] s_ofHeads = ["class-weights", "flip", "label-smoothing", "seed", "threads", "time-budget"];

    /// <summary>Epochs that training the last stage further is worth, at least, and all stages.</summary>
    const int LeastEpochs = 2;

    const int EpochsOfAll = 6;

    // Training pictures whose mirror images take seconds.
    const int MostMirrored = 250;

    /// <summary>A forward pass as a share of a training step.</summary>
    const double ForwardShare = 0.5;

    /// <summary>Pixels of a slice where a backbone is trained further: eight pictures of 224×224, whose activations take some 280 MiB in a ResNet-18.</summary>
    const int SlicePixels = 8 * 224 * 224;

    FeatureExtractor? _backbone;
    ImageClassifier? _teacher;

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
            $"features after {result.FeatureTime.TotalSeconds:0.0} s; head with L2 penalty {result.Penalty} chosen on {result.HeldOut}{HeldOut(result.History[0])}"));
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

        var most = (int)Math.Clamp(room, 2 * train.Classes.Count, train.Count);
        if (most < train.Count)
        {
            train = train.Sample(most, options.Seed);
            _log.Warn(FormattableString.Invariant($"{train.Count:N0} of the {dataset.Train.Count:N0} training images are learnt: {OptionText.Of(time)} has no room for the features of more"));
        }

        return (options, train);
    }

    /// <summary>How the backbone is trained further; null where it is not.</summary>
    TrainingOptions? ChooseDepth(ImageDataset dataset, TransferResult result, TrainingOptions training)
    {
        var network = result.Weights.Spec;
        if (_options.FineTune == FineTuning.None || (_options.FineTune == FineTuning.Auto && (training.TimeBudget is null || !dataset.Has(DatasetSplit.Validation))))
            return null;

        // A run that goes on has its groups.
        if (training.Groups.Count > 0)
            return training;
        if (_options.FineTune != FineTuning.Auto && training.TimeBudget is null)
            return Deeper(_options.FineTune, training.Epochs);
        var left = Remaining(dataset, training);
        if (_options.FineTune != FineTuning.Auto)
            return Deeper(_options.FineTune, left / EpochSeconds(_options.FineTune));
        var last = EpochSeconds(FineTuning.LastStage);
        if (left < LeastEpochs * last)
        {
            _log.Say("fine-tune", $"none: an epoch of the last stage takes about {Time(last)}, and {Time(Math.Max(left, 0))} are left");
            return null;
        }

        var all = left < EpochsOfAll * last ? double.PositiveInfinity : EpochSeconds(FineTuning.All);
        return left < EpochsOfAll * all ? Deeper(FineTuning.LastStage, left / last) : Deeper(FineTuning.All, left / all);

        TrainingOptions Deeper(FineTuning depth, double epochs)
        {
            _options = _options with { FineTune = depth };
            _log.Say("fine-tune", FormattableString.Invariant(
                $"{OptionText.Of(depth)}, for {(training.TimeBudget is null ? "" : "about ")}{Math.Max(1, Math.Floor(epochs)):0} epochs; rate {training.LearningRate} at the head, half of it at each stage towards the stem"));
            // Under a budget the recipe's epochs were not asked for, and are not to be told to have no effect.
            if (training.TimeBudget is not null && training.Epochs == _options.Recipe(network.Height).Epochs)
                training = training with { Epochs = new TrainingOptions().Epochs };

            // Nor was the recipe's patience, where nothing is validated.
            if (!dataset.Has(DatasetSplit.Validation) && training.Patience == _options.Recipe(network.Height).Patience)
                training = training with { Patience = null };
            return training with { Slices = Slices(), Groups = FineTunePlan.Groups(network, depth, Math.Max(1, epochs), _options.FreezeStatistics) };
        }

        // Where statistics are frozen the slices of a batch change nothing but the memory it takes, and rounding.
        int Slices() => !_options.FreezeStatistics || training.Slices > 1 || experiment.Arguments?.IsGiven(TrainingTable.All["slices"]) == true
            ? training.Slices
            : (int)Math.Clamp((((long)training.BatchSize * network.Height * network.Width) + SlicePixels - 1) / SlicePixels, 1, Math.Max(1, training.BatchSize / 2));

        double EpochSeconds(FineTuning depth) =>
            SecondsOfFurther(network, depth, training, _options.FreezeStatistics) * (dataset.Train.Count + ((dataset.Validation?.Count ?? 0) * ForwardShare));
    }

    /// <summary>Seconds of an image where a backbone is trained further: all stages of the depth at once, as in the longest epochs.</summary>
    internal static double SecondsOfFurther(NetworkSpec network, FineTuning depth, TrainingOptions training, bool freezeStatistics)
    {
        var groups = FineTunePlan.Groups(network, depth, 0, freezeStatistics);
        return NetworkBenchmark.SecondsOfStep(network, training with { Groups = [.. groups.Select(g => g.ThawAfterEpochs is null ? g : g with { Frozen = false, ThawAfterEpochs = null })] });
    }

    static string Time(double seconds) => OptionText.Of(Rounded(TimeSpan.FromSeconds(seconds)));

    /// <summary>Seconds that the budget leaves for training further.</summary>
    double Remaining(ImageDataset dataset, TrainingOptions training) =>
        (training.TimeBudget!.Value - TimeProvider.System.GetElapsedTime(_started) - s_reportTime).TotalSeconds
        - (dataset.Get(Judging(dataset)).Count / FeatureTime.PerSecond(_backbone!, training.Threads));

    /// <summary>Trains the backbone further.</summary>
    /// <returns>What was learnt; null where it does no better on the validation images than the frozen one.</returns>
    Trained? FineTune(RunFolder folder, ImageDataset dataset, TimeSpan elapsed, ImageClassifier frozen, TrainingOptions training)
    {
        if (training.TimeBudget is not null && Remaining(dataset, training) <= 0)
        {
            _log.Warn("the time budget is spent: the backbone stays frozen");
            return null;
        }

        Directory.CreateDirectory(folder.Weights);
        frozen.Save(folder.Best);
        if (_options.MemoryLimit is { } limit)
        {
            var plan = MemoryPlan.Fit(frozen.Network, training, dataset.Train, dataset.Validation, limit);
            training = plan.Options;
            _log.Say("memory", plan.Summary);
        }

        var start = new TrainingStart { Weights = frozen.Weights, Normalization = _backbone!.Normalization, Preprocess = _backbone.Preprocess, Name = _options.NetworkName };
        using var tuned = TryFit();
        if (tuned is null)
            return null;
        if (tuned.BestEpoch == 0)
        {
            _log.Say("fine-tune", "no epoch was finished: the backbone stays frozen");
            return null;
        }

        var trained = Trained.Of(tuned, _backbone.Preprocess, elapsed);
        var share = 1f;
        if (dataset.Validation is { } validation && ChooseMix(frozen, trained.Model, validation, training.Threads) is var mix)
        {
            if (mix.Share == 0)
            {
                trained.Model.Dispose();
                return null;
            }

            trained = trained with { Model = Mixed(frozen, trained.Model, share = mix.Share) };
        }

        return trained with
        {
            Settings =
            [
                .. OfBackbone(_backbone), new("fine-tune", OptionText.Of(_options.FineTune)), new("weights", FormattableString.Invariant($"{share:P0} of the way from the frozen ones to those trained further")),
                .. trained.Settings,
            ],
        };

        // At too high a rate the frozen backbone is still there.
        TrainingResult? TryFit()
        {
            try
            {
                return Fit(folder, dataset, frozen.Network, training, () => { }, start);
            }
            catch (MlNetCifarException e) when (e.Code == "MNC3002")
            {
                _log.Warn($"the backbone stays frozen: {e.Message}");
                return null;
            }
        }
    }

    /// <summary>How much of what was learnt further is taken: as much as does best on the validation images.</summary>
    MixFigures ChooseMix(ImageClassifier frozen, ImageClassifier tuned, ImageSource validation, int? threads)
    {
        var figures = new List<MixFigures> { WeightMix.Measure(0, frozen.Logits(validation, threads), validation) };
        foreach (var share in WeightMix.Shares)
        {
            using var model = tuned.WithWeights(WeightMix.Between(frozen.Weights, tuned.Weights, share));
            figures.Add(WeightMix.Measure(share, model.Logits(validation, threads, cancellation: CancellationToken.None), validation));
        }

        var best = WeightMix.Best(figures);
        foreach (var mix in figures)
            _log.Say(null, FormattableString.Invariant(
                $"{mix.Share,4:P0} of the way from the frozen weights to those trained further: validation accuracy {mix.Accuracy:0.0000}, calibrated loss {mix.Loss:0.0000}{(mix == best ? mix.Share == 0 ? ": the frozen backbone is kept" : ": kept" : "")}"));
        return best;
    }

    static ImageClassifier Mixed(ImageClassifier frozen, ImageClassifier tuned, float share)
    {
        using (tuned)
            return tuned.WithWeights(WeightMix.Between(frozen.Weights, tuned.Weights, share));
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

    static string HeldOut(EpochRecord record) => record.ValidationAccuracy is { } accuracy
        ? FormattableString.Invariant($": loss {record.ValidationLoss:0.000}, accuracy {accuracy:0.000} there")
        : "";

    static TimeSpan Rounded(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));
}
