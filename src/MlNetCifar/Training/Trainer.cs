using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>
/// Trains a network. Without a time budget the result is a function of network, options, starting point and data, whatever the number of threads, on all machines whose
/// vectors have one width and that all multiply and add in one instruction, or all in two. With a budget it also depends on the machine's speed.
/// Prints nothing, and writes no file but <see cref="Checkpoints"/>; observers may. A trainer may be used again; one run at a time.
/// </summary>
public sealed class Trainer
{
    /// <summary>A trainer of one network.</summary>
    /// <param name="network">What to train.</param>
    /// <param name="options">How; null for the defaults.</param>
    public Trainer(NetworkSpec network, TrainingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        (Network, Options) = (network, options ?? new());
    }

    /// <summary>What is trained.</summary>
    public NetworkSpec Network { get; }

    /// <summary>How.</summary>
    public TrainingOptions Options { get; }

    /// <summary>Weights and normalisation to begin with; null (the default) for fresh ones.</summary>
    public TrainingStart? Start { get; init; }

    /// <summary>A teacher to learn from besides the labels; null (the default) for none.</summary>
    public Distillation? Distillation { get; init; }

    /// <summary>Called at every stage of a run, in this order.</summary>
    public IList<ITrainingObserver> Observers { get; } = [];

    /// <summary>Where the run is saved, and whether it goes on from what is there; null (the default) for neither.</summary>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>What the caller calls an option's property, for warnings. The default is its name.</summary>
    internal Func<string, string> NameOf { get; init; } = name => name;

    /// <summary>What else the time budget has to pay for.</summary>
    internal BudgetReserve Reserve { get; init; }

    /// <summary>Who computes the slices of batches; null (the default) for this process.</summary>
    internal ISliceWorkers? Workers { get; init; }

    /// <summary>The clock, for tests. The default is the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Trains. Once training has begun, cancelling is no error: the best weights so far come back, and the run can be resumed where it stopped.
    /// </summary>
    /// <param name="train">Training images; they fix classes and, without a starting point that has one, normalisation.</param>
    /// <param name="validation">Images to choose the best epoch by; null for none (then the last epoch is the best).</param>
    /// <param name="progress">Told each finished epoch.</param>
    /// <param name="cancellation">Ends the run within a step; a step cut short is as if it had not begun.</param>
    /// <returns>Weights and history; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">Options, network or data are wrong, or not those of the run to be resumed (MNC20xx, MNC30xx), or the loss is no longer finite (MNC3002).</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the first step, while the images were read for the first time: there is nothing to give back.</exception>
    public TrainingResult Fit(ImageSource train, ImageSource? validation = null, IProgress<EpochRecord>? progress = null, CancellationToken cancellation = default)
    {
        var started = Time.GetTimestamp();
        (train, validation) = TrainingSetup.Check(this, train, validation);
        if (Options.IsServed && Workers is null)
            throw TrainingErrors.NoWorkers(Options.DistributedMode);
        using var checkpointer = Checkpoints is null ? null : new Checkpointer(Checkpoints, Time);
        using var setup = new TrainingSetup(this, Options, train, cancellation, Workers);
        var session = setup.Session;
        using var validationLoader = validation is null ? null : new BatchLoader(validation, setup.Normalization, new BatchLoaderOptions { BatchSize = session.Network.BatchSize });
        using var statisticsLoader = setup.StatisticsLoader(Options, train);
        var best = session.Result.Clone();
        try
        {
            var run = new TrainingRun(Network, Options, setup.Loader.BatchesPerEpoch)
            {
                Normalization = setup.Normalization, Start = session.Start, Distillation = Distillation, Weights = session.Weights, BestWeights = session.Result,
            };
            foreach (var idle in IdleOptions.Find(new(Options, validation is not null), Recipes.For(Network.Name, Math.Min(Network.Width, Network.Height)), NameOf))
                run.Warn(idle);
            checkpointer?.Attach(run, session, best, ResumeRules.Stamp(train, validation, setup.Normalization));
            Workers?.Begin(run, train, cancellation);
            var pacer = new Pacer(Options, Time, started, run.State, run.StepsPerEpoch, (validation?.Count ?? 0) + WeightAverage.ImagesAnEpoch(Options, session.Weights, train.Count), Reserve);
            new TrainingLoop(this, run, session, setup.Loader, validationLoader, statisticsLoader, best, pacer, checkpointer).Run(progress, cancellation);
            return new TrainingResult(run, best, train.Classes, TimeSpan.FromSeconds(pacer.Elapsed));
        }
        catch
        {
            best.Dispose();
            throw;
        }
    }

    /// <summary><see cref="Fit"/> on a thread of its own.</summary>
    /// <param name="train">As there.</param>
    /// <param name="validation">As there.</param>
    /// <param name="progress">As there.</param>
    /// <param name="cancellation">As there.</param>
    public Task<TrainingResult> FitAsync(
        ImageSource train, ImageSource? validation = null, IProgress<EpochRecord>? progress = null, CancellationToken cancellation = default) =>
        OnThread(() => Fit(train, validation, progress, cancellation), cancellation);

    /// <summary>
    /// The learning-rate range test: trains a network of its own on the trainer's terms while the rate rises exponentially, until the loss has grown to four times its
    /// least; other rates of the options rise in proportion. Suggests the rate at which nine tenths of the fall of the loss are done. Nothing is kept, and <see cref="Observers"/> and
    /// <see cref="Checkpoints"/> are left alone.
    /// </summary>
    /// <param name="train">Training images.</param>
    /// <param name="steps">Number of rates, ≥ 10. The default is 100.</param>
    /// <param name="lowest">First rate, &gt; 0. The default is 1e-6.</param>
    /// <param name="highest">Last rate. The default is 1.</param>
    /// <param name="cancellation">Ends the search within a step.</param>
    /// <exception cref="MlNetCifarException">Options, network or data are wrong (MNC20xx, MNC30xx), or the loss never fell by more than chance (MNC3005).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public RateCurve FindLearningRate(ImageSource train, int steps = 100, double lowest = 1e-6, double highest = 1, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 10);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lowest);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(highest, lowest);
        (train, _) = TrainingSetup.Check(this, train);

        using var setup = new TrainingSetup(this, AtRateOne(Options.OfOneProcess), train, cancellation);
        return LearningRateFinder.Find(setup, steps, lowest, highest, ChanceLoss(train.ClassCounts(), Options.ClassWeights), cancellation);
    }

    /// <summary>With a full rate of 1 throughout, a step's factor is the rate itself; other rates and Muon's decay keep their ratio to it.</summary>
    static TrainingOptions AtRateOne(TrainingOptions options)
    {
        var rate = options.LearningRate;
        return options with
        {
            LearningRate = 1,
            BiasLearningRate = options.BiasLearningRate / rate,
            HeadLearningRate = options.HeadLearningRate / rate,
            WeightDecay = options.Optimizer == OptimizerKind.Muon ? options.WeightDecay / rate : options.WeightDecay,
            Groups = [.. options.Groups.Select(g => g with { LearningRate = g.LearningRate / rate, Schedule = g.Schedule is null ? null : ScheduleKind.Constant })],
            Schedule = ScheduleKind.Constant,
            Warmup = null,
            SwaLearningRate = null,
        };
    }

    /// <summary>The loss of a network that always answers with the shares of the classes, in nats.</summary>
    static double ChanceLoss(int[] counts, ClassWeighting weighting)
    {
        double total = counts.Sum();
        return weighting == ClassWeighting.Balanced
            ? Math.Log(counts.Count(c => c > 0))
            : -counts.Where(c => c > 0).Sum(c => c / total * Math.Log(c / total));
    }

    /// <summary><see cref="FindLearningRate"/> on a thread of its own.</summary>
    /// <param name="train">As there.</param>
    /// <param name="steps">As there.</param>
    /// <param name="lowest">As there.</param>
    /// <param name="highest">As there.</param>
    /// <param name="cancellation">As there.</param>
    public Task<RateCurve> FindLearningRateAsync(ImageSource train, int steps = 100, double lowest = 1e-6, double highest = 1, CancellationToken cancellation = default) =>
        OnThread(() => FindLearningRate(train, steps, lowest, highest, cancellation), cancellation);

    static Task<T> OnThread<T>(Func<T> work, CancellationToken cancellation) =>
        Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
