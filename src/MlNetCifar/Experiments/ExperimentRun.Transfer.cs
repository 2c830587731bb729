using MlNetCifar.Data;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Experiments;

// Runs on a backbone: which one, and the training of a head in place of a network.
internal sealed partial class ExperimentRun
{
    /// <summary>Options of training that a head has, too.</summary>
    static readonly string[] s_ofHeads = ["class-weights", "label-smoothing", "seed", "threads"];

    FeatureExtractor? _backbone;

    bool IsAuto => _options is { Network: null, Backbone: null, Preset: ExperimentOptions.Auto };

    /// <summary>Opens the backbone that was asked for.</summary>
    void OpenBackbone()
    {
        if (_options.Backbone is not { } name)
            return;
        if (_options.Network is not null || _options.Preset != ExperimentOptions.Auto)
            throw ExperimentErrors.BackboneAnd(name, $"the network '{_options.Network?.Name ?? _options.Preset}'", "Choose one of the two.");
        if (_options.Preprocess is not null)
            throw ExperimentErrors.BackboneAnd(name, "how pictures become inputs, which it decides itself", "Leave out size, grey, resize, filter, median and blur.");
        _backbone = experiment.Backbones.Find(name);
    }

    /// <summary>Chooses by the image files that were found.</summary>
    ImageDatasetOptions Decide(ImageCatalog catalog, ImageDatasetOptions options)
    {
        if (!IsAuto)
            return options;
        var sizes = PictureSizes.Of(catalog);
        var seen = FormattableString.Invariant($"{sizes.Images:N0} pictures of about {sizes.Width}×{sizes.Height} in {sizes.Classes} classes");
        if (!sizes.ArePhotographs)
            ChooseSmall(seen);
        else if (_options.Preprocess is not null)
            ChooseSmall($"{seen}, with inputs as they were asked for");
        else if (experiment.Backbones.Names.FirstOrDefault(experiment.Backbones.IsHere) is { } name)
            ChooseBackbone(name, experiment.Backbones.Open(name), seen);
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
        foreach (var name in experiment.Backbones.Names.Where(experiment.Backbones.IsHere))
        {
            var backbone = experiment.Backbones.Open(name);
            if ((backbone.Preprocess.Width, backbone.Preprocess.Height, backbone.Preprocess.Channels) == (train.Width, train.Height, train.Channels))
            {
                ChooseBackbone(name, backbone, seen);
                return;
            }

            backbone.Dispose();
        }

        ChooseSmall(seen);
    }

    void ChooseSmall(string seen)
    {
        _options = _options with { Preset = "seed-cnn" };
        _log.Say("auto", $"{_options.Preset}, trained from scratch, for {seen}");
        _log.Say(null, $"another choice: {Way(ExperimentTable.Preset, nameof(ExperimentOptions.Preset))} {string.Join(", ", Architectures.Names.Where(name => name != _options.Preset))}");
    }

    void ChooseBackbone(string name, FeatureExtractor backbone, string seen)
    {
        _options = _options with { Backbone = name };
        _backbone = backbone;
        _log.Say("auto", $"a head on the frozen backbone {name}, for {seen}: features are computed once, then the head takes seconds");
        _log.Say(null, $"another choice: {Way(ExperimentTable.Backbone, nameof(ExperimentOptions.Backbone))} FILE, or a network from scratch with {Way(ExperimentTable.Preset, nameof(ExperimentOptions.Preset))} {string.Join(", ", Architectures.Names)}");
    }

    string Way(OptionDescription option, string property) => _asOptions ? option.Option : property;

    /// <summary>Whether it is worth while to hold out validation images: on a backbone they serve calibration alone, which takes so many.</summary>
    bool IsValidationOfUse(ImageDataset dataset)
    {
        // Whether a default was given cannot be asked: a run's own args.json gives it.
        var isAsked = _options.ValidationSplit != new ExperimentOptions().ValidationSplit;
        if (_backbone is null || isAsked || dataset.Has(DatasetSplit.Validation) || dataset.Train.Count * _options.ValidationSplit >= CalibrationImages)
            return true;
        _log.Say(null, FormattableString.Invariant(
            $"no validation split: of {dataset.Train.Count:N0} training images it would have fewer than the {CalibrationImages} that a calibration takes, so all are learnt"));
        return false;
    }

    ExperimentResult Transfer(ImageDataset dataset, FeatureExtractor backbone)
    {
        var training = _options.TrainingFor(Math.Min(dataset.Train.Width, dataset.Train.Height));
        TrainingTable.Check(training, _asOptions);
        WarnOfUnused(training);
        var options = new TransferOptions
        {
            ClassWeights = training.ClassWeights, LabelSmoothing = training.LabelSmoothing, Seed = training.Seed, Threads = training.Threads,
            Flip = training.Augmentation.Flip != FlipMode.None, CacheFolder = ExperimentData.FeatureCache(_options.CacheFolder),
        };
        var folder = Folder();
        Announce(dataset, backbone, folder);
        RunRecord.Arguments(folder, Arguments(training));
        RunRecord.Machine(folder, new MachineInfo());
        folder.Write("labels.txt", writer => dataset.Train.Classes.ToList().ForEach(writer.WriteLine));
        SplitRecord.Of(dataset, training.Threads, cancellation).Write(folder);
        var trainer = new TransferTrainer(backbone, options);
        using var result = Fit(dataset, trainer);
        _log.Say(null, FormattableString.Invariant(
            $"features after {result.FeatureTime.TotalSeconds:0.0} s; head with L2 penalty {result.Penalty} chosen on {result.HeldOut}{HeldOut(result.History[0])}"));
        var finished = Finish(folder, dataset, new Trained
        {
            Model = result.ToClassifier(trainer),
            Summary = FormattableString.Invariant($"finished after {result.Elapsed.TotalSeconds:0.0} s"),
            ChosenByValidation = "the penalty",
            Settings =
            [
                new("backbone", _options.Backbone!), new("backbone licence", experiment.Backbones.LicenceOf(_options.Backbone!) ?? "not known"), new("backbone SHA-256", backbone.WeightsSha256),
                new("L2 penalty", FormattableString.Invariant($"{result.Penalty}")), new("chosen on", result.HeldOut), new("flip", OptionText.Of(options.Flip)),
                new("class-weights", OptionText.Of(options.ClassWeights)), new("label-smoothing", OptionText.Of(options.LabelSmoothing)), new("seed", OptionText.Of(options.Seed)),
            ],
            ScoringSpeed = 2 * dataset.Train.Count / Math.Max(result.FeatureTime.TotalSeconds, 1),
            Elapsed = result.Elapsed,
            StopReason = StopReason.Completed,
            LastWeightsSha256 = result.WeightsSha256,
            Threads = options.Threads,
            Seed = options.Seed,
        });

        // The backbone ends with the run; the model does not.
        finished.Model.FeaturesOf = null;
        return finished;
    }

    TransferResult Fit(ImageDataset dataset, TransferTrainer trainer) => _log.During(ExperimentStage.Training, "computing features", advance =>
    {
        var started = TimeProvider.System.GetTimestamp();
        var report = new Report<TransferProgress>(p =>
        {
            var speed = p.Done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3);
            var left = TimeSpan.FromSeconds((p.Total - p.Done) / Math.Max(speed, 1e-3));
            advance(
                (double)p.Done / Math.Max(p.Total, 1),
                p.Done == p.Total ? "training the head" : FormattableString.Invariant($"features {p.Done:N0}/{p.Total:N0}  {speed:N0} a second  {OptionText.Of(Rounded(left))} left"));
        });
        return trainer.Fit(dataset.Train, dataset.Validation, report, cancellation);
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
