using MlNetCifar.Files;

namespace MlNetCifar.Training;

/// <summary>Keeps <c>results.csv</c>, one row an epoch, whole at every moment; a resumed run continues it. A disk that fails is a warning of the run.</summary>
/// <param name="path">The file; its folder is made where missing.</param>
internal sealed class ResultsCsvObserver(string path) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Write(run);
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(run);
        Write(run);
    }

    /// <summary>Writes the header and one row an epoch.</summary>
    internal static void WriteRows(TextWriter writer, IReadOnlyList<EpochRecord> history)
    {
        Csv.Row(writer, "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "images_per_second", "seconds");
        foreach (var e in history)
            Csv.Row(
                writer, Csv.Number(e.Epoch), Csv.Number(e.TrainLoss), Csv.Number(e.TrainAccuracy), Csv.Number(e.ValidationLoss), Csv.Number(e.ValidationAccuracy),
                Csv.Number(e.LearningRate), Csv.Number(e.ImagesPerSecond), Csv.Number(e.Seconds));
    }

    void Write(TrainingRun run)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            AtomicFile.WriteText(path, writer => WriteRows(writer, run.History));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            run.Warn($"{path} cannot be written ({e.Message.TrimEnd('.')}). Free some space; the next epoch writes it whole.");
        }
    }
}
