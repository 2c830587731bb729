using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MlNetCifar.MLNet;

/// <summary>
/// Trains an image classifier on a view of ML.NET: the experiment of the library and the command line, so that the same pictures in the same order, options and seed give the
/// same weights. Pictures that come as bytes are kept on disk, not in memory.
/// </summary>
public sealed class ImageNetworkTrainer : IEstimator<ImageNetworkTransformer>
{
    readonly IHostEnvironment _environment;

    /// <summary>Prepares a training.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="options">How; null for the defaults.</param>
    public ImageNetworkTrainer(IHostEnvironment environment, ImageNetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        (_environment, Options) = (environment, options ?? new());
    }

    /// <summary>How it trains, and its columns.</summary>
    public ImageNetworkOptions Options { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is not there or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        PictureColumn.Check(inputSchema, Options.ImageColumnName);
        var label = LabelColumn.Check(inputSchema, Options.LabelColumnName);

        // Only kinds of types are promised; how many values there are shows when rows are read.
        var type = label.IsKey
            ? label.Annotations.Where(a => a.Name == AnnotationKinds.KeyValues).Select(a => a.ItemType as PrimitiveDataViewType).SingleOrDefault()
            : TextDataViewType.Instance;
        return inputSchema.With(ClassifierEngine.Columns(new(["0", "1"], type), 1, Options.Names));
    }

    /// <summary>
    /// Trains. Cancelling ends it: with the best weights so far once training has begun, with an exception before. Messages go to the log of the context, the run's report to
    /// <see cref="ImageNetworkOptions.WorkspacePath"/>.
    /// </summary>
    /// <param name="input">Rows with pictures and labels; read once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is not there or of another type.</exception>
    /// <exception cref="MlNetCifarException">There is no row, only one class, or a picture that cannot be read and is not to be passed over (MNC70xx); or options are wrong.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before training had begun.</exception>
    public ImageNetworkTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var channel = _environment.Start("ImageNetwork");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Options.Cancellation);
        using var watch = new Timer(_ => Watch(stop), null, 100, 100);
        using var spill = new SpillFile(Options.WorkspacePath);
        var rows = new TrainingRows(Options, spill, channel, stop.Token);
        var labels = rows.Read(input, Options.ValidationSet);
        var workspace = Options.WorkspacePath ?? Directory.CreateTempSubdirectory("mlnetcifar-").FullName;
        try
        {
            var experiment = new Experiment(Options.ToExperiment(workspace)) { Images = rows.Images, Backbones = Options.Backbones, Verb = "mlnet" };
            var log = new FitLog(channel, Options.MetricsCallback);
            experiment.Observers.Add(log);
            experiment.TrainingObservers.Add(log);
            var model = experiment.Run(stop.Token).Model;
            return new(new ClassifierEngine(model, labels, Options.Names) { Environment = _environment, Input = Options.Input, OnBadImage = Options.OnBadImageInTransform });
        }
        finally
        {
            if (Options.WorkspacePath is null)
                Directory.Delete(workspace, recursive: true);
        }
    }

    void Watch(CancellationTokenSource stop)
    {
        if (!MLInternals.IsCancelled(_environment))
            return;
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The training has just ended.
        }
    }
}
