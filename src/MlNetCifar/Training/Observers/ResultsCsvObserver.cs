using MlNetCifar.Reporting;

namespace MlNetCifar.Training;

/// <summary>Keeps <c>results.csv</c>, one row an epoch, whole at every moment; a resumed run continues it. A disk that fails is a warning of the run.</summary>
/// <param name="path">The file; its folder is made where missing.</param>
public sealed class ResultsCsvObserver(string path) : ITrainingObserver
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

    void Write(TrainingRun run)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            AtomicFile.WriteText(path, writer => CsvFiles.History(writer, run.History));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            run.Warn($"{path} cannot be written ({e.Message.TrimEnd('.')}). Free some space; the next epoch writes it whole.");
        }
    }
}
