namespace MlNetCifar.Training;

/// <summary>Where a run is logged to.</summary>
public sealed record MlflowOptions
{
    /// <summary>The MLflow tracking server, for example <c>http://localhost:5000</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>Name of the experiment; made where missing.</summary>
    public required string Experiment { get; init; }

    /// <summary>Name of the run.</summary>
    public required string RunName { get; init; }

    /// <summary>Folder for what the server has not taken yet and for the run's identity, so that a resumed run goes on in the same MLflow run; made where missing.</summary>
    public required string Folder { get; init; }

    /// <summary>How long one request may take. The default is 5 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the end of a run may wait for the server. The default is 10 s.</summary>
    public TimeSpan FinalWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>First pause after a failure; doubled up to a minute. The default is 1 s.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);
}
