using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Saving;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.App.Runs;

/// <summary>The way from a data set to a trained, evaluated model in a run folder: what train and quickstart share.</summary>
/// <param name="call">Terminal and settings.</param>
/// <param name="verb">The command.</param>
internal sealed class TrainingJob(Call call, string verb)
{
    /// <summary>Fewer say too little: the energy threshold lets 99 of 100 ordinary images pass.</summary>
    const int CalibrationImages = 100;

    /// <summary>What an interrupted run spends on scoring, and the fewest and most images it scores: the intervals take time by their number, too.</summary>
    const double SampleSeconds = 0.4;

    const int FewestSampled = 32;

    const int MostSampled = 1_000;

    /// <summary>
    /// Starting the process, which no clock in it sees, fitting the calibration, writing the model, measuring 10,000 scores with their intervals, and the report,
    /// each for the first time in this process; measured on two Zen 4 cores.
    /// </summary>
    static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(2.75);

    readonly long _started = TimeProvider.System.GetTimestamp();

    /// <summary>The data set.</summary>
    public required string Data { get; init; }

    /// <summary>The network's preset.</summary>
    public required string Preset { get; init; }

    /// <summary>How pictures are preprocessed; null where the data decide.</summary>
    public PreprocessSpec? Preprocess { get; init; }

    /// <summary>Shares of train and validation where the data have no such splits.</summary>
    public required (double Train, double Validation) Split { get; init; }

    /// <summary>What holds where nothing is given, by the pictures' smaller side.</summary>
    public required Func<int, TrainingOptions> Recipe { get; init; }

    /// <summary>Whether to search for a learning rate instead of training.</summary>
    public bool FindRate { get; init; }

    /// <summary>Views of each test image whose scores are averaged.</summary>
    public TestTimeViews Views { get; init; }

    /// <summary>Trains, evaluates, reports.</summary>
    /// <returns>The exit code.</returns>
    public int Run()
    {
        // Wrong options are told before the data are read.
        var asked = TrainingSettings.Options(call.Values, Recipe(32), 32);
        using var opened = DataSettings.Open(call, Data, Preprocess, threads: asked.Threads);
        var dataset = Splits(opened, asked.Seed);
        var train = dataset.Train;
        var side = Math.Min(train.Width, train.Height);
        var options = TrainingSettings.Options(call.Values, Recipe(side), side);
        var network = Architectures.Create(Preset, train.Width, train.Height, train.Channels, train.Classes.Count);
        if (FindRate)
            return RateSearch.Run(call, network, options, train);
        if (call.Get(SavingSettings.MemoryLimit) is { } limit)
        {
            var plan = MemoryPlan.Fit(network, options, train, dataset.Validation, limit);
            options = plan.Options;
            call.Terminal.Log($"memory   {plan.Summary}");
        }

        var folder = call.Get(SavingSettings.Resume) is { } path ? RunFolder.Open(path) : RunFolder.Create(call, verb, Preset);
        Announce(dataset, network, options, folder);

        // A folder that was there may be another run's: its files are touched when the lock is ours and the options have been found to fit.
        var mayBeTaken = call.Get(SavingSettings.Resume) is not null || call.Get(RunFolder.ExistOk);
        if (!mayBeTaken)
            Record();
        using var result = Fit(folder, dataset, network, options, mayBeTaken ? Record : () => { });
        return Finish(folder, dataset, result);

        void Record()
        {
            RunRecord.Arguments(folder, verb, call.Values, options);
            RunRecord.Machine(folder, new MachineInfo());
            folder.Write("labels.txt", writer => train.Classes.ToList().ForEach(writer.WriteLine));
        }
    }

    TrainingResult Fit(RunFolder folder, ImageDataset dataset, NetworkSpec network, TrainingOptions options, Action begun) =>
        Bars.Run(call.Terminal, "training", advance =>
        {
            var trainer = new Trainer(network, options) { Checkpoints = SavingSettings.Options(call, folder), Reserve = Reserve(dataset) };
            trainer.Observers.Add(new EpochFiles(folder, dataset.Classes, DataSettings.Spec(dataset), begun));
            trainer.Observers.Add(new TrainingProgress(call, advance));
            ITrainingObserver[] followers = [.. SavingSettings.Observers(call, folder, Preset)];
            try
            {
                foreach (var follower in followers)
                    trainer.Observers.Add(follower);
                return trainer.Fit(dataset.Train, dataset.Validation, cancellation: call.Stop);
            }
            finally
            {
                foreach (var follower in followers)
                    (follower as IDisposable)?.Dispose();
            }
        });

    /// <summary>A time budget is that of the whole command: images are read before training; afterwards the model is calibrated and evaluated.</summary>
    BudgetReserve Reserve(ImageDataset dataset)
    {
        var calibration = dataset.Has(DatasetSplit.Validation) ? dataset.Get(DatasetSplit.Validation).Count : 0;
        var test = (long)dataset.Get(Judge(dataset)).Count * MlNetCifar.Views.Of(Views).Length;
        return new BudgetReserve(TimeProvider.System.GetElapsedTime(_started), calibration + test, s_reportTime);
    }

    /// <summary>The split whose images judge the model.</summary>
    static DatasetSplit Judge(ImageDataset dataset) =>
        dataset.Has(DatasetSplit.Test) ? DatasetSplit.Test : dataset.Has(DatasetSplit.Validation) ? DatasetSplit.Validation : DatasetSplit.Train;

    int Finish(RunFolder folder, ImageDataset dataset, TrainingResult result)
    {
        using var trained = result.ToClassifier(DataSettings.Spec(dataset));
        using var calibrated = Calibrate(trained, dataset, result.Options.Threads);
        var model = calibrated ?? trained;
        model.Save(folder.Best);
        var split = Judge(dataset);
        if (split == DatasetSplit.Train)
            call.Terminal.Warn("there is neither a test nor a validation split; the figures are those of the training images and say nothing about new ones");
        else if (split == DatasetSplit.Validation)
            call.Terminal.Warn("there is no test split; the figures are those of the validation images, which also chose the best epoch");
        call.Terminal.Log(Texts.Invariant(
            $"{Reason(result)} after {result.Elapsed.TotalSeconds:0.0} s; {(result.BestEpoch == 0 ? "no epoch was finished" : $"weights of epoch {result.BestEpoch}")}"));
        var (job, evaluation) = Evaluate(folder, dataset, split, model, result);
        job.Copy = RunCopy.Publish(call, folder, verb);
        job.Print(model, evaluation);
        call.Terminal.Log($"weights  {folder.Best} (SHA-256 {model.WeightsSha256})");
        return call.Done();
    }

    /// <summary>Evaluates on all images; on a sample where the user asked to stop, so that an interrupted run, too, leaves a report, and at once.</summary>
    (EvaluationJob Job, EvaluationResult Result) Evaluate(RunFolder folder, ImageDataset dataset, DatasetSplit split, ImageClassifier model, TrainingResult result)
    {
        var images = dataset.Get(split);
        var name = split.ToString().ToLowerInvariant();
        try
        {
            var job = Judgement(folder, dataset, split, name, Views, result);
            return (job, job.Run(model, images, call.Stop));
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            // Scoring is about three times as fast as training.
            var speed = result.Steps * result.Options.BatchSize / Math.Max(result.Elapsed.TotalSeconds, 1);
            var sample = images.Sample((int)Math.Min(Math.Clamp(SampleSeconds * 3 * speed, FewestSampled, MostSampled), images.Count), result.Options.Seed);
            call.Terminal.Warn(Texts.Invariant(
                $"interrupted: the figures are those of a sample of {sample.Count:N0} of the {images.Count:N0} {name} images{(verb == "train" ? $"; mlnetcifar train --resume {folder.Path} goes on" : "")}"));
            var job = Judgement(folder, dataset, split, Texts.Invariant($"{name}, a sample of {sample.Count:N0} of {images.Count:N0} (interrupted)"), TestTimeViews.None, result);
            return (job, job.Run(model, sample, CancellationToken.None));
        }
    }

    EvaluationJob Judgement(RunFolder folder, ImageDataset dataset, DatasetSplit split, string name, TestTimeViews views, TrainingResult result) =>
        new(call, folder)
        {
            CheckCalibration = split != DatasetSplit.Validation,
            Title = $"{Preset} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(dataset.Path))}",
            Split = name,
            Dataset = dataset,
            Views = views,
            Threads = result.Options.Threads,
            Settings = RunRecord.Pairs(result.Options),
            Extra = [("bestEpoch", result.BestEpoch), ("stopReason", result.StopReason), ("lastWeightsSha256", result.LastWeightsSha256), ("seconds", Math.Round(result.Elapsed.TotalSeconds, 3))],
        };

    /// <summary>The model with a calibration; null where nothing can be fitted.</summary>
    ImageClassifier? Calibrate(ImageClassifier model, ImageDataset dataset, int? threads)
    {
        if (!dataset.Has(DatasetSplit.Validation) || call.Stop.IsCancellationRequested)
            return null;
        var images = dataset.Get(DatasetSplit.Validation);
        if (images.Count < CalibrationImages)
        {
            call.Terminal.Log(Texts.Invariant($"calibration left out: {images.Count:N0} validation images; it takes {CalibrationImages}"));
            return null;
        }

        try
        {
            var calibrated = model.Calibrate(images, threads: threads, cancellation: call.Stop);
            call.Terminal.Log(Texts.Invariant($"calibrated on {images.Count:N0} validation images: temperature {calibrated.Calibration!.Temperature.Temperature:0.000}"));
            return calibrated;
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            return null;
        }
        catch (MlNetCifarException e) when (e.Code == "MNC5001")
        {
            call.Terminal.Warn("the model is not calibrated: none of its outputs for the validation images is a finite number");
            return null;
        }
    }

    ImageDataset Splits(ImageDataset dataset, ulong seed)
    {
        // A data set that was cut into train and validation by its maker is not cut again.
        if (!dataset.Has(DatasetSplit.Test) && !dataset.Has(DatasetSplit.Validation) && Split.Train > 0)
        {
            dataset = dataset.Ensure(DatasetSplit.Test, 1 - Split.Train, seed);
            call.Terminal.Log(Texts.Invariant($"no test split in the data: {dataset.Test!.Count:N0} images are set aside (--split {Split.Train})"));
        }

        return Split.Validation > 0 ? dataset.Ensure(DatasetSplit.Validation, Split.Validation, seed) : dataset;
    }

    void Announce(ImageDataset dataset, NetworkSpec network, TrainingOptions options, RunFolder folder)
    {
        var counts = string.Join(", ", new[] { DatasetSplit.Train, DatasetSplit.Validation, DatasetSplit.Test }.Where(dataset.Has)
            .Select(s => Texts.Invariant($"{dataset.Get(s).Count:N0} {s.ToString().ToLowerInvariant()}")));
        call.Terminal.Log($"data     {dataset.Path}: {counts}; {dataset.Classes.Count} classes; {network.Width}×{network.Height}×{network.Channels}");
        var length = options.TimeBudget is { } budget ? Texts.Of(budget) : Texts.Invariant($"{options.Epochs} epochs");
        call.Terminal.Log(Texts.Invariant(
            $"network  {network.Name}: {network.Flops / 1e6:0.0} MFLOP an image; {Texts.Of(options.Optimizer)}, rate {options.LearningRate}, {Texts.Of(options.Schedule)}, batch {options.BatchSize}, {length}"));
        call.Terminal.Log($"run      {folder.Path}");
    }

    static string Reason(TrainingResult result) => result.StopReason switch
    {
        StopReason.EarlyStopping => "stopped early",
        StopReason.TimeBudget => "time is up",
        StopReason.Cancelled => "interrupted",
        StopReason.Observer => "stopped",
        _ => "finished",
    };
}
