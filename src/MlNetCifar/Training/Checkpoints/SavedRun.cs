using MlNetCifar.Files;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>What a run that was killed, or that failed, has left in its checkpoint folder.</summary>
internal static class SavedRun
{
    /// <summary>The model of the best epoch so far, whether or not the run ever ended.</summary>
    /// <param name="folder">The folder of <see cref="CheckpointOptions.Folder"/>.</param>
    /// <param name="preprocess">How the training images were made from pictures.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="MlNetCifarException">There are no whole best weights (MNC3018).</exception>
    public static ImageClassifier LoadBest(string folder, PreprocessSpec preprocess)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var store = new CheckpointStore(folder, LocalFileStore.Instance);
        if (store.NewestBest() is not var (path, header))
            throw TrainingErrors.NoBest(folder);
        var weights = new NetworkWeights(header.ReadNetwork(path));
        store.Load(path, CheckpointWriter.Blocks(weights));
        weights.Changed();
        return new ImageClassifier(weights, header.Data.Classes, preprocess, Normalization.Restore(header.Data.Mean, header.Data.Std, header.Data.MeanImage))
        {
            History = header.State.History, BestEpoch = header.State.BestEpoch, TrainingSettings = header.Options,
        };
    }
}
