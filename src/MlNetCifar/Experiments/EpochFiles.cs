using MlNetCifar.Nn;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>Writes results.csv and the weights after each epoch, so that a run that is cut off leaves its work behind.</summary>
/// <param name="folder">The run's.</param>
/// <param name="classes">Class names.</param>
/// <param name="preprocess">How the pictures were made.</param>
/// <param name="begun">Done when the folder is known to be this run's.</param>
internal sealed class EpochFiles(RunFolder folder, IReadOnlyList<string> classes, PreprocessSpec preprocess, Action begun) : ITrainingObserver
{
    public void OnFitStart(TrainingRun run)
    {
        Directory.CreateDirectory(folder.Weights);
        begun();
    }

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        try
        {
            folder.Write("results.csv", writer => CsvFiles.History(writer, run.History));
            if (run.BestEpoch == epoch.Epoch)
                Save(run, run.BestWeights, folder.Best);
            Save(run, run.Weights, folder.Last);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MlNetCifarException)
        {
            // A full disk now may be free at the end; the checkpoints tell the same, so the user hears it in any case.
            run.Warn($"The files of epoch {epoch.Epoch} could not be written: {e.Message}");
        }
    }

    void Save(TrainingRun run, NetworkWeights weights, string path)
    {
        // Not disposed, and so no copy: the weights are the run's.
        var model = new ImageClassifier(weights, classes, preprocess, run.Normalization)
        {
            History = [.. run.History],
            BestEpoch = run.BestEpoch,
            TrainingSettings = run.Options.ToJson(),
        };
        model.Save(path);
    }
}
