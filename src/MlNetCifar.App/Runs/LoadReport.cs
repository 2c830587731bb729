namespace MlNetCifar.App.Runs;

/// <summary>Progress of reading images, reported on the thread it happens on.</summary>
/// <param name="report">Told each time.</param>
internal sealed class LoadReport(Action<LoadProgress> report) : IProgress<LoadProgress>
{
    public void Report(LoadProgress value) => report(value);
}
