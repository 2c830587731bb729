using MlNetCifar.Files;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server;

/// <summary>Statistics of pictures as a model should meet them, kept beside its file, with which the server compares what it meets.</summary>
public static class DriftReference
{
    const int AtOnce = 64;

    /// <summary>Answers pictures and writes <c>NAME.reference.json</c> beside <c>NAME.safetensors</c>. Atomic.</summary>
    /// <param name="modelPath">The model's file.</param>
    /// <param name="model">The model in it.</param>
    /// <param name="pictures">Of the model's size; none that it was trained on, in the mixture that is expected. A thousand make sense; with fewer, only large changes are seen.</param>
    /// <param name="cancellation">Ends the work; nothing is written then.</param>
    /// <returns>The file's path.</returns>
    /// <exception cref="ArgumentException">An argument is null or empty, or the pictures are of another size.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static string Write(string modelPath, ImageClassifier model, ImageSource pictures, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelPath);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.ImageLength != model.Preprocess.Length)
            throw new ArgumentException($"The pictures have {pictures.ImageLength} bytes each; the model takes {model.Preprocess.Length}.", nameof(pictures));
        using var batches = new BatchClassifier(model, AtOnce);
        var statistics = ReferenceStatistics.Empty(model.Classes);
        for (var first = 0; first < pictures.Count; first += AtOnce)
        {
            ReadOnlyMemory<byte>[] batch = [.. Enumerable.Range(first, Math.Min(AtOnce, pictures.Count - first)).Select(Pixels)];
            var answers = batches.Classify(batch, 1, cancellation);
            for (var i = 0; i < batch.Length; i++)
                statistics.Add(answers[i], batch[i].Span);
        }

        var path = ReferenceStatistics.PathBeside(modelPath);
        LocalFileStore.Instance.Write(path, stream => stream.Write(statistics.ToJson()));
        return path;

        ReadOnlyMemory<byte> Pixels(int index)
        {
            var pixels = new byte[pictures.ImageLength];
            pictures.CopyPixels(index, pixels);
            return pixels;
        }
    }
}
