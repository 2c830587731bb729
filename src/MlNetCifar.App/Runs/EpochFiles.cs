using MlNetCifar.Evaluation;
using MlNetCifar.Evaluation.Report;
using MlNetCifar.Imaging;
using MlNetCifar.Models;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.App.Runs;

/// <summary>Writes results.csv and the weights after each epoch, so that a run that is cut off leaves its work behind.</summary>
/// <param name="folder">The run's.</param>
/// <param name="classes">Class names.</param>
/// <param name="preprocess">How the pictures were made.</param>
internal sealed class EpochFiles(RunFolder folder, IReadOnlyList<string> classes, PreprocessSpec preprocess) : ITrainingObserver
{
    public void OnFitStart(TrainingRun run) => Directory.CreateDirectory(folder.Weights);

    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        folder.Write("results.csv", writer => CsvFiles.History(writer, run.History));
        Save(run, run.Weights, folder.Last);
        if (run.BestEpoch == epoch.Epoch)
            Save(run, run.BestWeights, folder.Best);
    }

    void Save(TrainingRun run, NetworkWeights weights, string path)
    {
        using var model = new ImageClassifier(weights.Clone(), classes, preprocess, run.Normalization)
        {
            History = [.. run.History],
            BestEpoch = run.BestEpoch,
            TrainingSettings = run.Options.ToJson(),
        };
        model.Save(path);
    }
}
