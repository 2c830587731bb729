namespace MlNetCifar.Interactive;

/// <summary>Draws accuracy and loss anew after each epoch, in the place where the observer was made: <c>trainer.Observers.Add(new LiveHistory())</c>.</summary>
public sealed class LiveHistory : ITrainingObserver
{
    readonly Action<string> _update;

    /// <summary>Draws where <see cref="Screen"/> says.</summary>
    /// <exception cref="InvalidOperationException">There is no screen: this is no notebook, or its kernel has not run the package's extension.</exception>
    public LiveHistory()
        : this(Screen ?? throw new InvalidOperationException("There is no notebook to draw in. Set LiveHistory.Screen, or give the place to the constructor."))
    {
    }

    /// <summary>Draws in a place of one's own.</summary>
    /// <param name="show">Shows HTML, and returns what puts other HTML in its place. Both are called with whole fragments.</param>
    public LiveHistory(Func<string, Action<string>> show)
    {
        ArgumentNullException.ThrowIfNull(show);
        _update = show("");
    }

    /// <summary>Shows HTML in the cell that runs, and returns what puts other HTML in its place. Set by the package's extension; the default is null.</summary>
    public static Func<string, Action<string>>? Screen { get; set; }

    /// <inheritdoc/>
    public void OnEpochEnd(TrainingRun run, EpochRecord epoch)
    {
        ArgumentNullException.ThrowIfNull(run);
        _update(HtmlFragment.Of(run.History, run.BestEpoch));
    }
}
