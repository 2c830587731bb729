using System.Runtime.CompilerServices;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;

namespace MlNetCifar;

// Pictures of any size, from anywhere: decoded, resized and scored on one path.
public sealed partial class ImageClassifier
{
    /// <summary>Names what is on a picture: the classes of <see cref="Classify(string, int, CancellationToken)"/>.</summary>
    /// <inheritdoc cref="Classify(string, int, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(string, int, CancellationToken)" path="/exception"/>
    public IReadOnlyList<Prediction> Predict(string path, int top = 5, CancellationToken cancellation = default) =>
        Classify(path, top, cancellation).Predictions;

    /// <summary>Names what is on a picture: the classes of <see cref="Classify(Stream, int, CancellationToken)"/>.</summary>
    /// <inheritdoc cref="Classify(Stream, int, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(Stream, int, CancellationToken)" path="/exception"/>
    public IReadOnlyList<Prediction> Predict(Stream stream, int top = 5, CancellationToken cancellation = default) =>
        Classify(stream, top, cancellation).Predictions;

    /// <summary>Names what is on a picture: the classes of <see cref="Classify(ReadOnlySpan{byte}, int, CancellationToken)"/>.</summary>
    /// <inheritdoc cref="Classify(ReadOnlySpan{byte}, int, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(ReadOnlySpan{byte}, int, CancellationToken)" path="/exception"/>
    public IReadOnlyList<Prediction> Predict(ReadOnlySpan<byte> file, int top = 5, CancellationToken cancellation = default) =>
        Classify(file, top, cancellation).Predictions;

    /// <summary>Names what is on a picture: the classes of <see cref="Classify(RgbImage, int, CancellationToken)"/>.</summary>
    /// <inheritdoc cref="Classify(RgbImage, int, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(RgbImage, int, CancellationToken)" path="/exception"/>
    public IReadOnlyList<Prediction> Predict(RgbImage image, int top = 5, CancellationToken cancellation = default) =>
        Classify(image, top, cancellation).Predictions;

    /// <summary>Classifies a picture in a file, and says how far the answer can be trusted.</summary>
    /// <param name="path">A JPEG, PNG, BMP, PNM or GIF file.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <exception cref="ArgumentException">The path is empty, or <paramref name="top"/> below 1.</exception>
    /// <exception cref="MlNetCifarException">The file cannot be read or decoded (MNC12xx).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Classification Classify(string path, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        CheckTop(top, cancellation);
        return Classify(PictureFile.Read(path, _preprocessor.Decoding.MaxFileBytes), path, top, cancellation);
    }

    /// <summary>Classifies the picture in a stream, and says how far the answer can be trusted.</summary>
    /// <param name="stream">Holds an encoded picture from where it stands to its end; not closed.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <exception cref="ArgumentException">The stream is null, or <paramref name="top"/> below 1.</exception>
    /// <exception cref="MlNetCifarException">The content cannot be decoded (MNC12xx).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Classification Classify(Stream stream, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        CheckTop(top, cancellation);
        return Classify(PictureFile.Read(stream, _preprocessor.Decoding.MaxFileBytes), null, top, cancellation);
    }

    /// <summary>Classifies an encoded picture in memory, and says how far the answer can be trusted.</summary>
    /// <param name="file">A whole JPEG, PNG, BMP, PNM or GIF file.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <exception cref="ArgumentException">No bytes were given, or <paramref name="top"/> is below 1.</exception>
    /// <exception cref="MlNetCifarException">The file cannot be decoded (MNC12xx).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Classification Classify(ReadOnlySpan<byte> file, int top = 5, CancellationToken cancellation = default)
    {
        CheckTop(top, cancellation);
        return Classify(file, null, top, cancellation);
    }

    /// <summary>
    /// Classifies a decoded picture of any size, and says how far the answer can be trusted. A calibrated model looks at as many views of it as its calibration did.
    /// </summary>
    /// <param name="image">
    /// The picture. Of a model whose <see cref="Preprocess"/> asks for scaled decoding or leaves the orientation, it gives what its file gives
    /// if it was decoded with <see cref="PreprocessSpec.ForDecoding"/>.
    /// </param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <returns>Classes in falling order of their probabilities, of equals the lower index first; calibrated where the model is.</returns>
    /// <exception cref="ArgumentException">The picture is null, or <paramref name="top"/> below 1.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Classification Classify(RgbImage image, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckTop(top, cancellation);
        using var lane = _scorer.Rent();
        _preprocessor.Apply(image, lane.Pixels);
        return Classify(lane, top, cancellation);
    }

    /// <summary>Classifies one picture of a source, for example of shards: the answer of the file that it was made of.</summary>
    /// <param name="source">Pictures that were preprocessed as the model wants it.</param>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="top">How many classes to return, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    /// <exception cref="MlNetCifarException">The pictures do not fit (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Classification Classify(ImageSource source, int index, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, source.Count);
        CheckTop(top, cancellation);
        if ((source.Width, source.Height, source.Channels) != (Network.Width, Network.Height, Network.Channels))
            throw ModelErrors.OtherImages($"{source.Width}×{source.Height}×{source.Channels}", $"{Network.Width}×{Network.Height}×{Network.Channels}");
        using var lane = _scorer.Rent();
        source.CopyPixels(index, lane.Pixels);
        return Classify(lane, top, cancellation);
    }

    /// <summary>Classifies decoded pictures, several at once.</summary>
    /// <param name="images">Of any sizes; none of them null.</param>
    /// <param name="top">How many classes to return for each, at most; ≥ 1. The default is 5.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>One answer a picture, in their order: those of <see cref="Classify(RgbImage, int, CancellationToken)"/>.</returns>
    /// <exception cref="ArgumentException">A picture is null, or a number below 1.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<Classification> Classify(IEnumerable<RgbImage> images, int top = 5, int? threads = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        CheckTop(top, cancellation);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Threads(threads), CancellationToken = cancellation };
        RgbImage[] pictures = [.. images];
        if (Array.IndexOf(pictures, null) is >= 0 and var missing)
            throw new ArgumentException($"Picture {missing} is null.", nameof(images));
        var answers = new Classification[pictures.Length];
        Parallel.For(0, pictures.Length, parallel, i => answers[i] = Classify(pictures[i], top, cancellation));
        return answers;
    }

    /// <summary>Reads the picture in a stream without blocking, and classifies it.</summary>
    /// <inheritdoc cref="Classify(Stream, int, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(Stream, int, CancellationToken)" path="/exception"/>
    public async Task<Classification> ClassifyAsync(Stream stream, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        CheckTop(top, cancellation);
        var file = await PictureFile.ReadAsync(stream, _preprocessor.Decoding.MaxFileBytes, null, cancellation).ConfigureAwait(false);
        return Classify(file, null, top, cancellation);
    }

    /// <summary>
    /// Reads and classifies pictures in files, several at once, and gives each answer as soon as those before it are given. A file that cannot be used
    /// does not end the rest.
    /// </summary>
    /// <param name="paths">JPEG, PNG, BMP, PNM or GIF files; taken as they are needed. None of them null or empty.</param>
    /// <param name="top">How many classes to return for each, at most; ≥ 1. The default is 5.</param>
    /// <param name="threads">Pictures under way at once, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>One answer a file, in their order: those of <see cref="Classify(string, int, CancellationToken)"/>.</returns>
    /// <exception cref="ArgumentException">A path is null or empty, or a number below 1.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IAsyncEnumerable<FileClassification> ClassifyAsync(IEnumerable<string> paths, int top = 5, int? threads = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        return ClassifyInOrder(paths, top, Threads(threads), cancellation);
    }

    /// <summary>
    /// Names what is on the pictures in files: the classes of <see cref="ClassifyAsync(IEnumerable{string}, int, int?, CancellationToken)"/>;
    /// the first file that cannot be used ends it.
    /// </summary>
    /// <inheritdoc cref="ClassifyAsync(IEnumerable{string}, int, int?, CancellationToken)" path="/param"/>
    /// <inheritdoc cref="Classify(string, int, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<IReadOnlyList<Prediction>> PredictAsync(
        IEnumerable<string> paths, int top = 5, int? threads = null, CancellationToken cancellation = default) =>
        PredictionsOf(ClassifyAsync(paths, top, threads, cancellation));

    static async IAsyncEnumerable<IReadOnlyList<Prediction>> PredictionsOf(IAsyncEnumerable<FileClassification> files)
    {
        await foreach (var file in files.ConfigureAwait(false))
            yield return file.Answer is { } answer ? answer.Predictions : throw file.Fault!;
    }

    async IAsyncEnumerable<FileClassification> ClassifyInOrder(
        IEnumerable<string> paths, int top, int atOnce, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var ahead = new Queue<Task<FileClassification>>();
        try
        {
            foreach (var path in paths)
            {
                ArgumentException.ThrowIfNullOrEmpty(path, nameof(paths));
                ahead.Enqueue(Task.Run(() => ClassifyFileAsync(path, top, cancellation), cancellation));
                if (ahead.Count >= atOnce)
                    yield return await ahead.Dequeue().ConfigureAwait(false);
            }

            while (ahead.TryDequeue(out var next))
                yield return await next.ConfigureAwait(false);
        }
        finally
        {
            // Whoever stops early may dispose the model at once.
            await ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    async Task<FileClassification> ClassifyFileAsync(string path, int top, CancellationToken cancellation)
    {
        try
        {
            var file = await PictureFile.ReadAsync(path, _preprocessor.Decoding.MaxFileBytes, cancellation).ConfigureAwait(false);
            return new(path, Classify(file, path, top, cancellation), null);
        }
        catch (MlNetCifarException e)
        {
            return new(path, null, e);
        }
    }

    Classification Classify(ReadOnlySpan<byte> file, string? path, int top, CancellationToken cancellation)
    {
        using var lane = _scorer.Rent();
        _preprocessor.Apply(file, lane.Pixels, path);
        return Classify(lane, top, cancellation);
    }

    Classification Classify(PictureLane lane, int top, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var outputs = new float[Network.Outputs];
        var features = new float[FeaturesAsked];
        lane.Run(OwnViews, features, outputs, cancellation);
        return Answer(outputs, features, lane.Pixels, top);
    }

    /// <summary>Features that an answer needs.</summary>
    internal int FeaturesAsked => Calibration is null ? 0 : FeatureCount;

    /// <summary>Says what the network's outputs mean.</summary>
    /// <param name="outputs">[outputs], the mean over <see cref="OwnViews"/>.</param>
    /// <param name="features">[<see cref="FeaturesAsked"/>].</param>
    /// <param name="pixels">[H, W, C], preprocessed.</param>
    /// <param name="top">How many classes to return, at most.</param>
    internal Classification Answer(float[] outputs, float[] features, ReadOnlySpan<byte> pixels, int top)
    {
        if (Calibration is not { } calibration)
        {
            var scores = ClassScores.Probabilities(Network, outputs).Select((p, k) => new Prediction(Classes[k], k, p));
            return new Classification([.. scores.OrderByDescending(p => p.Probability).ThenBy(p => p.Index).Take(top)], false, null);
        }

        var texture = new float[PictureTexture.Length];
        PictureTexture.Measure(pixels, Network.Width, Network.Channels, texture);
        var answer = calibration.Predict(ClassScores.Logits(Network, outputs), features, texture);
        Prediction[] sorted = [.. answer.Labels.Select(p => new Prediction(Classes[p.Label], p.Label, p.Probability))];
        return new Classification([.. sorted.Take(top)], answer.IsUnknown, [.. sorted.Where(p => answer.Set.Contains(p.Index))]);
    }

    static void CheckTop(int top, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        cancellation.ThrowIfCancellationRequested();
    }

    static int Threads(int? threads)
    {
        if (threads is { } wanted)
            ArgumentOutOfRangeException.ThrowIfLessThan(wanted, 1, nameof(threads));
        return threads ?? Environment.ProcessorCount;
    }
}
