using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Reporting;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Experiments;

/// <summary>One run of an experiment; owns what it opens for it: backbone, teacher and data set.</summary>
/// <param name="experiment">What is run.</param>
/// <param name="cancellation">Asks to end.</param>
internal sealed partial class ExperimentRun(Experiment experiment, CancellationToken cancellation) : IDisposable
{
    /// <summary>What an interrupted run spends on scoring, and the fewest and most images it scores: the intervals take time by their number, too.</summary>
    const double SampleSeconds = 0.4;

    const int FewestSampled = 32;

    const int MostSampled = 1_000;

    /// <summary>1,700 pictures of 224×224: of so few, those that were decoded to see that they can be are not decoded again.</summary>
    const long MaxKeptPixels = 256 << 20;

    /// <summary>
    /// Starting the process, which no clock in it sees, fitting the calibration, writing the model, measuring 10,000 scores with their intervals, and the report,
    /// each for the first time in this process; measured on two Zen 4 cores.
    /// </summary>
    static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(2.75);

    readonly long _started = TimeProvider.System.GetTimestamp();
    readonly bool _asOptions = experiment.Arguments is not null;
    readonly ExperimentLog _log = new(experiment.Observers, experiment.Arguments is not null);
    ExperimentOptions _options = experiment.Options;
    ReportWorkers? _workers;

    /// <summary>What follows the run until its report is written: entries that wait for a server have until then.</summary>
    readonly List<ITrainingObserver> _followers = [];

    /// <summary>The data set as it was read; null where it is the caller's.</summary>
    ImageDataset? _opened;

    /// <inheritdoc/>
    public void Dispose()
    {
        EndFollowing();
        _opened?.Dispose();
        _teacher?.Dispose();
        _backbone?.Dispose();
    }

    /// <summary>Trains, evaluates, reports.</summary>
    public ExperimentResult Run()
    {
        var dataset = Open();
        if (_options.Workers is not null || _options.TrainingFor(32).DistributedMode != DistributedMode.Synchronous)
            ExperimentWorkers.Check(experiment, _backbone is not null);
        if (_backbone is not null)
            return Transfer(dataset, _backbone);
        var (training, network) = Plan(dataset);
        Distillation?.Check(network, dataset.Train.Classes);
        if (_options.MemoryLimit is { } limit)
        {
            var plan = MemoryPlan.Fit(network, training, dataset.Train, dataset.Validation, limit, distillation: Distillation);
            training = plan.Options;
            _log.Say("memory", plan.Summary);
        }

        var folder = Folder();
        Announce(dataset, network, training, folder);

        // A folder that was there may be another run's: its files are touched when the lock is ours and the options have been found to fit.
        var mayBeTaken = _options.Resume is not null || _options.ExistOk;
        if (!mayBeTaken)
            Record();
        using var result = Fit(folder, dataset, network, training, mayBeTaken ? Record : () => { });
        return Finish(folder, dataset, Trained.Of(result, ExperimentData.Spec(dataset)));

        void Record()
        {
            RunRecord.Arguments(folder, Arguments(training));
            RunRecord.Machine(folder, new MachineInfo());
            folder.Write("labels.txt", writer => dataset.Train.Classes.ToList().ForEach(writer.WriteLine));
            var record = SplitRecord.Of(dataset, training.Threads, cancellation);
            record.Write(folder);
            CheckTeacher(record);
        }
    }

    /// <summary>Searches for a learning rate.</summary>
    public RateCurve FindLearningRate()
    {
        var dataset = Open();
        if (_backbone is not null)
            throw ExperimentErrors.NoRate(_options.Backbone!);
        var (training, network) = Plan(dataset);
        _log.Say(null, "searching for a learning rate; nothing is kept");
        return new Trainer(network, training) { Start = experiment.Start, Distillation = Distillation }.FindLearningRate(dataset.Train, cancellation: cancellation);
    }

    /// <summary>Writes what the network would see first in an epoch.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> WriteBatch(string page, string picture, int epoch, int most)
    {
        var dataset = Open();
        var train = dataset.Train;
        var training = _backbone is null ? Plan(dataset).Training : SeenByBackbone(train);
        var normalization = _backbone?.Normalization ?? experiment.Start?.Normalization;
        var images = BatchPreview.Of(train, training, epoch - 1, Math.Min(most, training.BatchSize), normalization, cancellation);
        var unchanged = training with { Augmentation = new() };
        var augmentation = TrainingTable.Changes.All.Where(change => !Equals(change.Get(training), change.Get(unchanged)));
        ReportWriter.WriteBatch(
            page, picture, $"A batch of {Path.GetFileName(Path.TrimEndingDirectorySeparator(dataset.Path))}",
            FormattableString.Invariant($"epoch {epoch}, first {images.Count:N0} of {train.Count:N0} pictures, {train.Width}×{train.Height}×{train.Channels}; ")
            + (training.Augmentation.IsNone ? "no augmentation" : string.Join(", ", augmentation.Select(change => $"{change.Description.Name} {OptionText.Of(change.Get(training))}"))),
            train, images);
        return [.. images.Select(image => new KeyValuePair<string, string>(train.Name(image.Row), train.Classes[image.Label]))];
    }

    /// <summary>Pictures that training saw least of.</summary>
    public ImageSet SamplePictures(int most)
    {
        var dataset = Open();
        var source = (dataset.Validation ?? dataset.Test ?? dataset.Train).Sample(most, seed: 0);
        var pixels = new byte[source.Count * source.ImageLength];
        for (var i = 0; i < source.Count; i++)
            source.CopyPixels(i, pixels.AsSpan(i * source.ImageLength, source.ImageLength));
        return new(pixels, [.. Enumerable.Range(0, source.Count).Select(source.Label)], source.Width, source.Height, source.Channels, source.Classes);
    }

    /// <summary>Opens and splits the data.</summary>
    /// <returns>Valid until the run is disposed.</returns>
    public ImageDataset Open()
    {
        // Wrong options are told before the data are read.
        _log.Check(ExperimentTable.All, _options, _options.Name);
        _options.Preprocess?.Validate();
        if (_options.Network is null && _options.Preset != ExperimentOptions.Auto && !Architectures.Names.Contains(_options.Preset))
            throw NetworkErrors.UnknownPreset(_options.Preset, Architectures.Names);
        var asked = TrainingFor(32);
        TrainingTable.Check(asked, _asOptions);
        ExperimentWorkers.PortsOf(_options.WorkerLinks, isHere: true);
        if (_options is { MaxWorkers: { } most, Workers: { } least } && most < least)
            throw DistributedErrors.FewerAtMost(most, least);
        if (_options is { Chaos: { } chaos, Workers: { } count })
        {
            ChaosPlan.Parse(chaos, count);
            if (asked.TimeBudget is not null)
                throw DistributedErrors.NoRehearsal();
        }

        OpenBackbone();
        OpenTeacher();
        var opened = experiment.Dataset ?? (_opened = Read(asked.Threads));
        DecideLate(opened);
        if (experiment.Dataset is null && experiment.Images is null)
            WarnOfIdle(opened, asked);
        return Split(opened, asked.Seed);
    }

    /// <summary>Opens the data as the run that a worker works for does.</summary>
    /// <returns>Owns this run.</returns>
    public WorkerImages OpenForWorker()
    {
        try
        {
            return new(Open().Train, Distillation, this);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    void WarnOfIdle(ImageDataset opened, TrainingOptions asked)
    {
        var facts = new DataFacts(
            opened.Kind, opened.Splits.Keys, experiment.Storage.IsRemote(_options.Data!), ExperimentData.Cache(_options.CacheFolder) is not null, _backbone is not null, _options.Resume is not null,
            _options.Workers is not null, asked.DistributedMode == DistributedMode.Asynchronous, experiment.Launcher is not null, ExperimentWorkers.MaySumUp(asked));
        foreach (var idle in IdleData.Find(ExperimentTable.All, _options, facts, _asOptions))
            _log.Warn(idle);
    }

    ImageDataset Read(int? threads)
    {
        var options = new ImageDatasetOptions
        {
            Spec = _backbone?.Preprocess ?? _options.Preprocess ?? _teacher?.Preprocess,
            DecodeOnDemand = _backbone is not null,
            KeptPixels = Math.Min(MaxKeptPixels, (_options.MemoryLimit ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 8),
            Decide = Decide,
            Files = ExperimentData.Files(_options.LabelsFrom, _options.MaxFileSize),
            Decode = ExperimentData.Decode(_options.OnTruncated, _options.MaxPixels),
            CacheFolder = ExperimentData.Cache(_options.CacheFolder),
            CacheLimit = _options.CacheLimit,
            OnBadImage = _options.OnBadImage,
            Threads = threads ?? Environment.ProcessorCount,
        };
        return experiment.Images is { } images
            ? ExperimentData.Open(images, options, _log, cancellation)
            : ExperimentData.Open(_options.Data ?? throw ExperimentErrors.NoData(), options, experiment.Storage, _log, cancellation);
    }

    ImageDataset Split(ImageDataset dataset, ulong seed)
    {
        // A data set that was cut into train and validation by its maker is not cut again.
        if (!dataset.Has(DatasetSplit.Test) && !dataset.Has(DatasetSplit.Validation) && _options.Split > 0)
        {
            dataset = Cut(dataset, DatasetSplit.Test, 1 - _options.Split, seed);
            var choice = _log.Choice(ExperimentTable.Split, nameof(ExperimentOptions.Split), _options.Split);
            if (dataset.Test is { } test)
                _log.Say(null, FormattableString.Invariant($"no test split in the data: {test.Count:N0} images are set aside ({choice})"));
        }

        return _options.ValidationSplit > 0 && IsValidationOfUse(dataset) ? Cut(dataset, DatasetSplit.Validation, _options.ValidationSplit, seed) : dataset;
    }

    ImageDataset Cut(ImageDataset dataset, DatasetSplit split, double share, ulong seed)
    {
        if (dataset.TryEnsure(split, share, seed) is { } cut)
            return cut;
        _log.Warn($"no {split.ToString().ToLowerInvariant()} split can be cut from the training images: no class has two");
        return dataset;
    }

    /// <summary>How pictures of a size are trained on, where workers were asked for in as many slices as suit them.</summary>
    TrainingOptions TrainingFor(int side)
    {
        var training = _options.TrainingFor(side);
        return _options.Workers is { } workers && ChoosesSlices(training)
            ? training with { Slices = ExperimentWorkers.UsualSlices(training, workers) }
            : training;
    }

    /// <summary>Whether nobody has said how many slices a batch has.</summary>
    bool ChoosesSlices(TrainingOptions training) => training.Slices == 1 && experiment.Arguments?.IsGiven(TrainingTable.All["slices"]) != true;

    /// <summary>How these pictures are trained on, checked.</summary>
    TrainingOptions TrainingFor(ImageSource train)
    {
        var training = TrainingFor(Math.Min(train.Width, train.Height));
        TrainingTable.Check(training, _asOptions);
        return training;
    }

    (TrainingOptions Training, NetworkSpec Network) Plan(ImageDataset dataset)
    {
        var train = dataset.Train;
        return (
            TrainingFor(train),
            _options.NetworkFor(train, (parameter, reason) => _log.Warn($"{NameOf(parameter)} has no effect: {reason}")));
    }

    string NameOf(string parameter)
    {
        var size = ExperimentTable.All.All.First(binding => binding.Property.Equals(parameter, StringComparison.OrdinalIgnoreCase));
        return _asOptions ? size.Description.Option : size.Property;
    }

    RunFolder Folder() => _options.Resume is { } path
        ? RunFolder.Open(path, experiment.Verb)
        : RunFolder.Create(_options.Output, experiment.Verb, _options.Name ?? _options.NetworkName, _options.ExistOk, experiment.Storage);

    IEnumerable<(OptionDescription Option, object? Value)> Arguments(TrainingOptions training) => experiment.Arguments is { } given
        ? RunRecord.Of(given, training, _options)
        : RunRecord.Of(ExperimentTable.All, _options).Concat(RunRecord.Of(TrainingTable.All, training));

    void Announce(ImageDataset dataset, NetworkSpec network, TrainingOptions training, RunFolder folder)
    {
        _log.Say("data", $"{dataset.Path}: {Counts(dataset)}; {dataset.Classes.Count} classes; {network.Width}×{network.Height}×{network.Channels}");
        var length = training.TimeBudget is { } budget ? OptionText.Of(budget) : FormattableString.Invariant($"{training.Epochs} epochs");
        var rule = FormattableString.Invariant($"{OptionText.Of(training.Optimizer)}, rate {training.LearningRate}, {OptionText.Of(training.Schedule)}");
        _log.Say("network", FormattableString.Invariant($"{network.Name}: {network.Flops / 1e6:0.0} MFLOP an image; {rule}, batch {training.BatchSize}, {length}"));
        if (training.OverfitBatches is { } batches)
        {
            var taken = Math.Min((long)batches * training.BatchSize, dataset.Train.Count);
            _log.Say("overfit", FormattableString.Invariant($"trains on {taken:N0} of the {dataset.Train.Count:N0} training images, as they are, and validates on none"));
        }

        if (Distillation is { } distillation)
            Announce(distillation, dataset);
        _log.Say("run", folder.Path);
        if (SlowMachine.Notice(network, training, dataset.Train.Count) is { } notice)
            _log.Warn(notice);
    }

    static string Counts(ImageDataset dataset) => string.Join(", ", new[] { DatasetSplit.Train, DatasetSplit.Validation, DatasetSplit.Test }.Where(dataset.Has)
        .Select(s => FormattableString.Invariant($"{dataset.Get(s).Count:N0} {s.ToString().ToLowerInvariant()}")));

    TrainingResult Fit(RunFolder folder, ImageDataset dataset, NetworkSpec network, TrainingOptions training, Action begun, TrainingStart? start = null) =>
        _log.During(ExperimentStage.Training, "training", advance =>
        {
            var workers = _options.Workers is { } count ? Workers(count, training, _options.Chaos) : null;
            var trainer = new Trainer(network, training)
            {
                Workers = workers,
                Checkpoints = new CheckpointOptions
                {
                    Folder = folder.File(RunFolder.Checkpoints), EverySteps = _options.CheckpointEvery, Every = _options.CheckpointTime,
                    Resume = _options.Resume is not null, Replace = _options.ExistOk,
                },
                Reserve = Reserve(dataset, start is null ? 1 : 1 + WeightMix.Shares.Count),
                NameOf = property => _asOptions ? TrainingTable.OptionOf(property) : property,
                Start = start ?? experiment.Start,
                Distillation = start is null ? Distillation : null,
            };
            _followers.AddRange(Followers(folder));
            var files = new EpochFiles(folder, dataset.Classes, ExperimentData.Spec(dataset), begun);
            foreach (var observer in (IEnumerable<ITrainingObserver>)[files, new TrainingNews(_log, advance), .. experiment.TrainingObservers, .. _followers])
                trainer.Observers.Add(observer);
            TrainingResult result;
            using (workers)
                result = trainer.Fit(dataset.Train, dataset.Validation, cancellation: cancellation);
            if (workers is not null)
                _workers = ExperimentWorkers.Tell(workers, training, Rehearse(dataset, network, training, result), folder, _log);
            return result;
        });

    /// <summary>Trains undisturbed what was trained with faults, where they were rehearsed: by this process, or by workers where one process cannot.</summary>
    Rehearsal? Rehearse(ImageDataset dataset, NetworkSpec network, TrainingOptions training, TrainingResult disturbed)
    {
        if (_options.Chaos is not { } plan || cancellation.IsCancellationRequested)
            return null;
        _log.Say(null, "the rehearsed faults are over; the same is trained undisturbed, to compare");
        using var workers = training.IsServed ? Workers(_options.Workers!.Value, training, chaos: null) : null;
        using var undisturbed = new Trainer(network, training) { Workers = workers, Start = experiment.Start, Distillation = Distillation }.Fit(dataset.Train, dataset.Validation, cancellation: cancellation);
        return undisturbed.StopReason == StopReason.Cancelled ? null : Rehearsal.Of(plan, disturbed, undisturbed);
    }

    WorkerGroup Workers(int count, TrainingOptions training, string? chaos)
    {
        var launcher = ExperimentWorkers.Launcher(experiment);
        _log.Say("workers", FormattableString.Invariant($"{count}{launcher.Where}, threads of each {ExperimentWorkers.ThreadsOf(launcher, count, training.Threads)}, {ExperimentWorkers.Describe(training, ExperimentWorkers.PortsOf(launcher, _options, training) is not null)}"));
        return ExperimentWorkers.Create(launcher, experiment, count, training, Arguments(training), chaos, _log);
    }

    void EndFollowing()
    {
        foreach (var follower in _followers)
            (follower as IDisposable)?.Dispose();
        _followers.Clear();
    }

    /// <summary>The observers that the options ask for.</summary>
    IEnumerable<ITrainingObserver> Followers(RunFolder folder)
    {
        if (_options.TensorBoard)
            yield return new TensorBoardObserver(folder.File("tensorboard"));
        if (_options.Mlflow is { } server)
            yield return new MlflowObserver(new MlflowOptions { Server = server, Experiment = _options.NetworkName, RunName = folder.Name, Folder = folder.File("mlflow") });
        yield return new MeterObserver();
    }

    /// <summary>A time budget is that of the whole experiment: images are read before training; afterwards the model is calibrated and evaluated.</summary>
    /// <param name="dataset">Its validation images are scored so often.</param>
    /// <param name="times">How often.</param>
    BudgetReserve Reserve(ImageDataset dataset, int times)
    {
        var calibration = dataset.Has(DatasetSplit.Validation) ? times * dataset.Get(DatasetSplit.Validation).Count : 0;
        var scored = (long)(calibration + dataset.Get(Judging(dataset)).Count) * Views.Of(_options.Views).Length;
        return new BudgetReserve(TimeProvider.System.GetElapsedTime(_started), scored, s_reportTime);
    }

    /// <summary>The split whose images judge the model.</summary>
    static DatasetSplit Judging(ImageDataset dataset) =>
        dataset.Has(DatasetSplit.Test) ? DatasetSplit.Test : dataset.Has(DatasetSplit.Validation) ? DatasetSplit.Validation : DatasetSplit.Train;

    ExperimentResult Finish(RunFolder folder, ImageDataset dataset, Trained trained)
    {
        var model = trained.Model;
        try
        {
            model = Calibrated(model, dataset, trained.Threads);
            model.Save(folder.Best);
            var split = Judging(dataset);
            if (split == DatasetSplit.Train)
                _log.Warn("there is neither a test nor a validation split; the figures are those of the training images and say nothing about new ones");
            else if (split == DatasetSplit.Validation)
                _log.Warn($"there is no test split; the figures are those of the validation images, which also chose {trained.ChosenByValidation}");
            _log.Say(null, trained.Summary);
            var judgement = Evaluate(folder, dataset, split, model, trained);
            EndFollowing();
            return new ExperimentResult
            {
                Folder = folder, Model = model, Evaluation = judgement.Result, Split = judgement.Split, Calibration = judgement.Calibration, Rejection = judgement.Rejection,
                NextSteps = judgement.NextSteps, StopReason = trained.StopReason, TrainingTime = trained.Elapsed, LastWeightsSha256 = trained.LastWeightsSha256,
                Copy = _log.Publish(experiment.Storage, folder, _options.Output, _options.ExistOk), Warnings = _log.Warnings,
            };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The model with a calibration where one can be fitted, as it is where not, or where the run was asked to end.</summary>
    /// <param name="model">Disposed where another takes its place.</param>
    /// <param name="dataset">Its validation images are used.</param>
    /// <param name="threads">Null for all cores.</param>
    ImageClassifier Calibrated(ImageClassifier model, ImageDataset dataset, int? threads)
    {
        if (dataset.Validation is not { } images || cancellation.IsCancellationRequested)
            return model;
        try
        {
            return Calibrating.Of(model, images, "validation images", _options.Views, threads, _log, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return model;
        }
    }

    /// <summary>Evaluates on all images; on a sample where the user asked to stop, so that an interrupted run, too, leaves a report, and at once.</summary>
    Judgement Evaluate(RunFolder folder, ImageDataset dataset, DatasetSplit split, ImageClassifier model, Trained trained)
    {
        var images = dataset.Get(split);
        var name = split.ToString().ToLowerInvariant();
        try
        {
            return Report(folder, dataset, split, name, _options.Views, trained).Write(model, images, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            var sample = images.Sample((int)Math.Min(Math.Clamp(SampleSeconds * trained.ScoringSpeed, FewestSampled, MostSampled), images.Count), trained.Seed);
            _log.Warn(FormattableString.Invariant(
                $"interrupted: the figures are those of a sample of {sample.Count:N0} of the {images.Count:N0} {name} images{HowToGoOn(folder)}"));
            var sampled = FormattableString.Invariant($"{name}, a sample of {sample.Count:N0} of {images.Count:N0} (interrupted)");
            return Report(folder, dataset, split, sampled, TestTimeViews.None, trained).Write(model, sample, CancellationToken.None);
        }
    }

    string HowToGoOn(RunFolder folder) => !_asOptions ? $"; {nameof(ExperimentOptions.Resume)} = \"{folder.Path}\" goes on"
        : experiment.Arguments!.Options.Contains(ExperimentTable.Resume) ? $"; mlnetcifar {experiment.Verb} {ExperimentTable.Resume.Option} {folder.Path} goes on" : "";

    ModelReport Report(RunFolder folder, ImageDataset dataset, DatasetSplit split, string name, TestTimeViews views, Trained trained) => new(folder, _log)
    {
        IsWritten = _options.Report,
        CheckCalibration = split != DatasetSplit.Validation,
        Title = $"{_options.NetworkName} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(dataset.Path))}",
        Split = name,
        Dataset = dataset,
        Command = experiment.Command,
        Views = views,
        Threads = trained.Threads,
        Training = trained.Training,
        Settings = trained.Settings,
        Workers = _workers,
        Doubt = _doubts.GetValueOrDefault(split),
    };
}
