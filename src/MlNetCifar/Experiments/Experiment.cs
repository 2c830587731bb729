using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>
/// The way from a data set to a trained, calibrated and evaluated model with its report in a run folder: read, split, train, calibrate, evaluate, report.
/// Prints nothing; observers are told. May be run again; one run at a time.
/// </summary>
/// <param name="options">Data, network, training, and where the run is kept.</param>
public sealed class Experiment(ExperimentOptions options)
{
    /// <summary>Data, network, training, and where the run is kept.</summary>
    public ExperimentOptions Options { get; } = options ?? throw new ArgumentNullException(nameof(options));

    /// <summary>Told of every stage, in this order.</summary>
    public IList<IExperimentObserver> Observers { get; } = [];

    /// <summary>Told of every step and epoch of the training, in this order.</summary>
    public IList<ITrainingObserver> TrainingObservers { get; } = [];

    /// <summary>An open data set instead of <see cref="ExperimentOptions.Data"/>; it stays the caller's. The default is null.</summary>
    public ImageDataset? Dataset { get; init; }

    /// <summary>
    /// Image files that the program gives, by split, instead of <see cref="ExperimentOptions.Data"/>: they are read, chosen for and trained on as those of a folder with the
    /// same names. Ignored where <see cref="Dataset"/> is given. The default is null.
    /// </summary>
    public IEnumerable<LabelledImage>? Images { get; init; }

    /// <summary>Weights and normalisation to begin training with; null (the default) for fresh ones.</summary>
    public TrainingStart? Start { get; init; }

    /// <summary>The backbones that <see cref="ExperimentOptions.Backbone"/> may name. The default is none.</summary>
    public IBackboneCatalog Backbones { get; init; } = IBackboneCatalog.Empty;

    /// <summary>Where data lie and runs are copied to. The default is the local disk.</summary>
    public IExperimentStorage Storage { get; init; } = LocalStorage.Instance;

    /// <summary>How a process begins that works for this run, for <see cref="ExperimentOptions.Workers"/>: it calls <see cref="RunWorker"/> with its standard input. The default is null, none.</summary>
    public Func<System.Diagnostics.ProcessStartInfo>? Worker { get; init; }

    /// <summary>Starts workers elsewhere than as processes of <see cref="Worker"/>, for example on a cluster; asked once a run, which disposes what it gets. The default is null.</summary>
    public Func<Distributed.IWorkerLauncher>? Launcher { get; init; }

    /// <summary>The folder among the runs, and what args.json calls the experiment. The default is <c>train</c>.</summary>
    public string Verb { get; init; } = "train";

    /// <summary>
    /// The values that <see cref="Options"/> were made of, where they were: args.json keeps these, and messages call options by their names rather than properties. The default
    /// is null.
    /// </summary>
    public OptionValues? Arguments { get; init; }

    /// <summary>The command that repeats the run, for the report. The default is null, none.</summary>
    public string? Command { get; init; }

    /// <summary>
    /// Runs the experiment. Once training has begun, cancelling is no error: it ends with the best weights so far, and these are evaluated on a sample, so that there is
    /// a report at once.
    /// </summary>
    /// <param name="cancellation">Asks to end.</param>
    /// <returns>The result; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">Options, data or network are wrong (MNC10xx, MNC20xx, MNC30xx, MNC90xx), or the run cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before training had begun.</exception>
    public ExperimentResult Run(CancellationToken cancellation = default)
    {
        using var run = new ExperimentRun(this, cancellation);
        return run.Run();
    }

    /// <summary>
    /// Works for a run in another process until that ends or is gone: computes slices of its batches on data that are opened as it says. For programs that <see cref="Worker"/> begins.
    /// </summary>
    /// <param name="input">Names the run: usually the standard input.</param>
    /// <param name="storage">Where data lie; null for the local disk.</param>
    /// <exception cref="MlNetCifarException">There is no such run (MNC3312, MNC3313), it refused the worker, or the worker cannot open the data; the run is told.</exception>
    public static void RunWorker(TextReader input, IExperimentStorage? storage = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ExperimentWorkers.Work(input, storage ?? LocalStorage.Instance);
    }

    /// <summary>As <see cref="Run"/>, on a thread of its own.</summary>
    /// <param name="cancellation">Asks to end.</param>
    /// <returns>The result; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">As <see cref="Run"/>.</exception>
    public Task<ExperimentResult> RunAsync(CancellationToken cancellation = default) =>
        Task.Factory.StartNew(() => Run(cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Searches for a learning rate with the experiment's data, network and options; nothing is kept.</summary>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="MlNetCifarException">Options, data or network are wrong, or the loss never fell (MNC3005).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public RateCurve FindLearningRate(CancellationToken cancellation = default)
    {
        using var run = new ExperimentRun(this, cancellation);
        return run.FindLearningRate();
    }

    /// <summary>Writes what the network would see first in an epoch, with the experiment's data and augmentation; nothing is trained.</summary>
    /// <param name="page">A page with labels.</param>
    /// <param name="picture">A PNG file of all pictures.</param>
    /// <param name="epoch">From 1. The default is 1.</param>
    /// <param name="most">At most so many pictures. The default is 64.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Name and class of each picture, in order.</returns>
    /// <exception cref="MlNetCifarException">Options or data are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<KeyValuePair<string, string>> WriteBatch(string page, string picture, int epoch = 1, int most = 64, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(epoch, 1);
        using var run = new ExperimentRun(this, cancellation);
        return run.WriteBatch(page, picture, epoch, most);
    }

    /// <summary>Pictures of the experiment's data, prepared as training saw them: of the validation images where there are some, else the test images, else those trained on.</summary>
    /// <param name="most">At most so many, in the classes' shares; the same ones each time.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>In memory, with labels.</returns>
    /// <exception cref="MlNetCifarException">Options or data are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageSet SamplePictures(int most, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        using var run = new ExperimentRun(this, cancellation);
        return run.SamplePictures(most);
    }
}
