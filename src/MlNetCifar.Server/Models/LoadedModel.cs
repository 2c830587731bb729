using MlNetCifar.Explain;
using MlNetCifar.Imaging;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server.Models;

/// <summary>One model in memory, warm. Requests hold it while they use it; it is freed when it was replaced and the last has let go.</summary>
internal sealed class LoadedModel
{
    readonly SemaphoreSlim _explains = new(1);
    readonly Lazy<GradCam> _gradCam;
    int _holders = 1;

    LoadedModel(ModelFileInfo file, int version, ImageClassifier classifier, ReferenceStatistics? reference, ServingOptions options, bool isCandidate)
    {
        (File, Version, Classifier, IsCandidate) = (file, version, classifier, isCandidate);
        Limits = new DecodeOptions { MaxPixels = options.MaxPicturePixels, MaxDimension = options.MaxDimension, MaxFileBytes = options.MaxBodyBytes };
        Preprocessor = new Preprocessor(classifier.Preprocess, Limits);
        Batches = new BatchClassifier(classifier, options.BatchSize, options.Threads);
        Drift = new DriftMonitor(classifier, options.DriftWindow, reference);
        Feedback = new FeedbackTally(classifier.Classes);
        _gradCam = new(() => new GradCam(classifier, batchSize: 1, threads: 1));
    }

    public ModelFileInfo File { get; }

    public string Name => File.Name;

    /// <summary>The file's number; of a file without one, how many times it was loaded.</summary>
    public int Version { get; }

    public string VersionText => Version.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Whether its folder keeps several versions.</summary>
    public bool IsVersioned => File.Number is not null;

    /// <summary>Whether it is compared with the model of its name rather than being it.</summary>
    public bool IsCandidate { get; }

    public ImageClassifier Classifier { get; }

    /// <summary>What a picture may be.</summary>
    public DecodeOptions Limits { get; }

    public Preprocessor Preprocessor { get; }

    /// <summary>Used by the engine's thread alone.</summary>
    public BatchClassifier Batches { get; }

    public DriftMonitor Drift { get; }

    public FeedbackTally Feedback { get; }

    /// <summary>Pixels of the network's input: what scoring a picture costs, in proportion.</summary>
    public int Cost => Classifier.Preprocess.Width * Classifier.Preprocess.Height;

    /// <summary>Reads a file and warms the model up.</summary>
    /// <exception cref="MlNetCifarException">The file, or the reference beside it, cannot be used (MNC40xx, MNC802x).</exception>
    public static LoadedModel Open(ModelFileInfo file, int version, ServingOptions options, bool isCandidate = false)
    {
        var reference = ReferenceStatistics.Beside(file.Path);
        var classifier = ImageClassifier.Load(file.Path);
        try
        {
            reference?.Check(classifier.Classes, file.Path);
        }
        catch
        {
            classifier.Dispose();
            throw;
        }

        var model = new LoadedModel(file, version, classifier, reference, options, isCandidate);
        try
        {
            model.WarmUp();
            return model;
        }
        catch
        {
            model.Release();
            throw;
        }
    }

    /// <summary>Keeps it from being freed; false where it is freed already.</summary>
    public bool TryHold()
    {
        for (var seen = Volatile.Read(ref _holders); seen > 0;)
        {
            var found = Interlocked.CompareExchange(ref _holders, seen + 1, seen);
            if (found == seen)
                return true;
            seen = found;
        }

        return false;
    }

    /// <summary>Ends a hold; the last one frees it.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) > 0)
            return;
        if (_gradCam.IsValueCreated)
            _gradCam.Value.Dispose();
        Batches.Dispose();
        Classifier.Dispose();
        _explains.Dispose();
    }

    /// <summary>Explains one preprocessed picture; one at a time.</summary>
    public async Task<(Heatmap Map, string Layer)> ExplainAsync(byte[] pixels, int? target, CancellationToken cancellation)
    {
        await _explains.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return (_gradCam.Value.Explain(pixels, target, cancellation)[0], _gradCam.Value.Layer);
        }
        finally
        {
            _explains.Release();
        }
    }

    /// <summary>Packs the weights and compiles the code that requests will run.</summary>
    void WarmUp()
    {
        ReadOnlyMemory<byte> grey = Enumerable.Repeat((byte)128, Classifier.Preprocess.Length).ToArray();
        Batches.Classify([grey]);
        Batches.Classify([.. Enumerable.Repeat(grey, Math.Min(Batches.BatchSize, 4))]);
    }
}

/// <summary>A model file and what is known of it without reading it.</summary>
/// <param name="Name">Served under.</param>
/// <param name="Number">Its version where the folder gives one; null otherwise.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="Changed">When it was written last.</param>
/// <param name="Length">Bytes.</param>
internal sealed record ModelFileInfo(string Name, int? Number, string Path, DateTime Changed, long Length)
{
    /// <summary>Whether both are one state of one file.</summary>
    public bool IsSameAs(ModelFileInfo? other) => other is not null && (Path, Changed, Length) == (other.Path, other.Changed, other.Length);

    /// <summary>The state of a file; null where there is none.</summary>
    public static ModelFileInfo? Of(string name, int? number, string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            return null;

        // Of a link, what it leads to.
        var real = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return new(name, number, path, real.LastWriteTimeUtc, real.Length);
    }
}
