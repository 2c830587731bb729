using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MlNetCifar.MLNet;

/// <summary>The trainer and the transforms where users of ML.NET look for them.</summary>
public static class MLNetCatalog
{
    /// <summary>A trainer of image classifiers.</summary>
    /// <param name="catalog"><c>ml.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">How it trains, and its columns; null for the defaults.</param>
    public static ImageNetworkTrainer ImageNetwork(this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, ImageNetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new(MLInternals.EnvironmentOf(catalog), options);
    }

    /// <summary>A transform that describes pictures by the numbers of a trained network, for any trainer; nothing is trained.</summary>
    /// <param name="catalog"><c>ml.Transforms</c>.</param>
    /// <param name="outputColumnName">The column of numbers.</param>
    /// <param name="model">The network; it stays in use. <see cref="FeatureExtractor.Of"/> takes that of a classifier, <c>new PretrainedBackbones().Open("resnet18")</c> the packaged one.</param>
    /// <param name="imageColumnName">The column of pictures, as at <see cref="ImageNetworkOptions.ImageColumnName"/>. The default is <c>Image</c>.</param>
    /// <param name="imageFolder">The folder that paths are relative to; null (the default) for the current folder.</param>
    /// <param name="pixelScale">What pixels are multiplied by to lie between 0 and 255. The default is 1.</param>
    /// <param name="onBadImage">What to do about a picture that cannot be read. The default is to end with its error; otherwise its numbers are NaN.</param>
    public static ImageFeaturizingEstimator FeaturizeImages(
        this TransformsCatalog catalog, string outputColumnName, FeatureExtractor model, string imageColumnName = "Image", string? imageFolder = null, float pixelScale = 1,
        OnBadImage onBadImage = OnBadImage.Fail)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ArgumentNullException.ThrowIfNull(model);
        return new(new FeaturizerEngine(model, outputColumnName)
        {
            Environment = MLInternals.EnvironmentOf(catalog), Input = new(imageColumnName, imageFolder, pixelScale), OnBadImage = onBadImage,
        });
    }

    /// <summary>
    /// A transform that shows where a classifier looked: a column of pictures (<c>MLImage</c>, of the package Microsoft.ML.ImageAnalytics) with the network's input, and beside it the
    /// same under the Grad-CAM map of its most probable class. Nothing is trained.
    /// </summary>
    /// <param name="catalog"><c>ml.Transforms</c>.</param>
    /// <param name="outputColumnName">The column of maps.</param>
    /// <param name="model">The classifier; it stays in use. That of a pipeline is <see cref="ImageNetworkTransformer.Model"/>.</param>
    /// <param name="imageColumnName">The column of pictures, as at <see cref="ImageNetworkOptions.ImageColumnName"/>. The default is <c>Image</c>.</param>
    /// <param name="imageFolder">The folder that paths are relative to; null (the default) for the current folder.</param>
    /// <param name="pixelScale">What pixels are multiplied by to lie between 0 and 255. The default is 1.</param>
    /// <param name="layer">Name of a convolution, as <see cref="Explain.GradCam.Layers"/> lists them; null (the default) for the last on the main path.</param>
    /// <param name="onBadImage">What to do about a picture that cannot be read. The default is to end with its error; otherwise it has no map.</param>
    /// <exception cref="MlNetCifarException">The network has no such convolution (MNC55xx), or the package of image columns is not there (MNC7010).</exception>
    public static GradCamEstimator GradCam(
        this TransformsCatalog catalog, string outputColumnName, ImageClassifier model, string imageColumnName = "Image", string? imageFolder = null, float pixelScale = 1,
        string? layer = null, OnBadImage onBadImage = OnBadImage.Fail)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        ArgumentNullException.ThrowIfNull(model);
        return new(new GradCamEngine(model, outputColumnName, layer)
        {
            Environment = MLInternals.EnvironmentOf(catalog), Input = new(imageColumnName, imageFolder, pixelScale), OnBadImage = onBadImage,
        });
    }

    /// <summary>A model of the library as a transform, as if it had been trained in a pipeline.</summary>
    /// <param name="catalog"><c>ml.Model</c>.</param>
    /// <param name="model">The model; it stays in use.</param>
    /// <param name="options">The columns, and what to do about bad pictures; null for the defaults.</param>
    public static ImageNetworkTransformer FromClassifier(this ModelOperationsCatalog catalog, ImageClassifier model, ImageNetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        options ??= new();
        return new(new ClassifierEngine(model, new(model.Classes, Microsoft.ML.Data.TextDataViewType.Instance), options.Names)
        {
            Environment = MLInternals.EnvironmentOf(catalog), Input = options.Input, OnBadImage = options.OnBadImageInTransform,
        });
    }

    /// <summary>Pictures of the library, for example shards on disk or HDFS, as rows: <c>Image</c> (pixels), <c>Label</c> (a key with the classes' names), <c>Name</c>. Streams.</summary>
    /// <param name="catalog"><c>ml.Data</c>.</param>
    /// <param name="source">The pictures; stays the caller's and must stay open.</param>
    public static IDataView LoadFromImages(this DataOperationsCatalog catalog, ImageSource source)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(source);
        return new ImageSourceView(source);
    }

    /// <summary>Rows as a data set of the library, decoded on demand.</summary>
    /// <param name="catalog"><c>ml.Data</c>.</param>
    /// <param name="view">Rows with pictures and labels; read once.</param>
    /// <param name="options">The columns, the size of the pictures, and what to do about bad ones; null for the defaults.</param>
    /// <returns>To be disposed after use.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is not there or of another type.</exception>
    /// <exception cref="MlNetCifarException">There is no row, only one class, or a picture that cannot be read and is not to be passed over.</exception>
    public static DataViewImages ToImages(this DataOperationsCatalog catalog, IDataView view, ImageNetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(view);
        return new(MLInternals.EnvironmentOf(catalog), view, options ?? new());
    }

    /// <summary>
    /// Makes a context able to load models with transforms of this package; to be called before <c>ml.Model.Load</c>, once for each context. ML.NET finds by itself only what is
    /// marked by an attribute that it keeps for its own assemblies.
    /// </summary>
    /// <param name="context">The context.</param>
    /// <returns>The same.</returns>
    public static MLContext UseMlNetCifar(this MLContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        MLInternals.Register(
            context.ComponentCatalog,
            (typeof(ImageNetworkLoader), typeof(ImageNetworkTransformer), ImageNetworkTransformer.LoaderName),
            (typeof(ImageFeaturizerLoader), typeof(ImageFeaturizingTransformer), ImageFeaturizingTransformer.LoaderName),
            (typeof(GradCamLoader), typeof(GradCamTransformer), GradCamTransformer.LoaderName));
        return context;
    }
}
