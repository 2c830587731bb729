using System.Globalization;

namespace MlNetCifar.Training;

/// <summary>
/// Writes a TensorBoard event file: loss and rate every few steps, all figures every epoch. The step axis counts steps. Every run begins a file of its own, which takes
/// the place of what earlier ones in the folder say: a resumed run from where it goes on, a new run from the beginning. A disk that fails is a
/// warning of the run.
/// </summary>
public sealed class TensorBoardObserver : ITrainingObserver, IDisposable
{
    const string Prefix = "events.out.tfevents.";

    /// <summary>Of ten digits; a later one would be sorted before.</summary>
    const long LatestSecond = 9_999_999_998;

    readonly string _folder;
    readonly TimeProvider _time;
    readonly int _everySteps;
    FileStream? _stream;
    EventFile? _file;

    /// <summary>Creates the observer; the file is made when the run starts.</summary>
    /// <param name="folder">Folder of the event files, to be given to TensorBoard as its log folder; made where missing.</param>
    /// <param name="everySteps">Steps between two points of loss and rate, ≥ 1. The default is 10.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public TensorBoardObserver(string folder, int everySteps = 10, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(everySteps, 1);
        (_folder, _everySteps, _time) = (folder, everySteps, time ?? TimeProvider.System);
    }

    double Now => _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    /// <inheritdoc/>
    public void OnFitStart(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Dispose();
        Try(run, () =>
        {
            Directory.CreateDirectory(_folder);
            _stream = Create();
            _file = new EventFile(_stream);
            _file.WriteVersion(Now);

            // Readers forget this step and all later ones.
            var again = IsWrittenAgain(run);
            _file.WriteStart(Now, again ? run.Step : run.ResumedFrom + 1 ?? 0);
            _stream.Flush();
            if (again)
                WriteStep(run);
        });
    }

    /// <inheritdoc/>
    public void OnStep(TrainingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        WriteStep(run);
    }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(epoch);
        Write(run, run.Step, Scalars(epoch));
    }

    /// <inheritdoc/>
    public void OnFitEnd(TrainingRun run) => Dispose();

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _file = null;
        try
        {
            _stream?.Dispose();
        }
        catch (IOException)
        {
            // The disk is full; what is lost was reported when it was written.
        }

        _stream = null;
    }

    internal static IEnumerable<(string Tag, double Value)> Scalars(EpochRecord epoch)
    {
        yield return ("train/loss", epoch.TrainLoss);
        yield return ("train/accuracy", epoch.TrainAccuracy);
        if (epoch.ValidationLoss is { } loss)
            yield return ("validation/loss", loss);
        if (epoch.ValidationAccuracy is { } accuracy)
            yield return ("validation/accuracy", accuracy);
        yield return ("learning_rate", epoch.LearningRate);
        yield return ("images_per_second", epoch.ImagesPerSecond);
    }

    /// <summary>
    /// Makes the next file. Readers go through a folder in the order of names and never back, so a name's second is later than that of any file that is there, be they made
    /// in the same second or by a clock that ran ahead.
    /// </summary>
    FileStream Create()
    {
        var second = Math.Max(_time.GetUtcNow().ToUnixTimeSeconds(), Directory.EnumerateFiles(_folder).Select(SecondOf).DefaultIfEmpty().Max() + 1);
        while (true)
        {
            var path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{second:D10}.{Environment.MachineName}.{Environment.ProcessId}.0"));
            try
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another run of this process was quicker.
                second++;
            }
        }
    }

    static long SecondOf(string path) =>
        Path.GetFileName(path) is var name && name.StartsWith(Prefix, StringComparison.Ordinal)
        && long.TryParse(name[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var second) && second <= LatestSecond ? second : 0;

    /// <summary>
    /// Whether the step that a run goes on from gets new points: its epoch was open, so whatever record of it another process wrote at this very step is not of this run.
    /// </summary>
    bool IsWrittenAgain(TrainingRun run) => run.ResumedFrom > 0 && run.State.Images > 0 && (run.State.Loss is not null || run.Step % _everySteps != 0);

    void WriteStep(TrainingRun run)
    {
        if (run.Step % _everySteps == 0 && run.State.Loss is { } loss)
            Write(run, run.Step, [("step/loss", loss), ("step/learning_rate", run.LearningRate)]);
    }

    void Write(TrainingRun run, long step, IEnumerable<(string Tag, double Value)> scalars)
    {
        if (_file is null)
            return;
        Try(run, () =>
        {
            _file.WriteScalars(Now, step, scalars);
            _stream!.Flush();
        });
    }

    void Try(TrainingRun run, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            run.Warn($"The TensorBoard file in {_folder} cannot be written ({e.Message.TrimEnd('.')}). Training goes on without it; free some space before the next run.");
        }
    }
}
