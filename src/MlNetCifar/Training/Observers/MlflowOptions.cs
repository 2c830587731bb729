namespace MlNetCifar.Training;

/// <summary>Where a run is logged to.</summary>
public sealed record MlflowOptions
{
    /// <summary>
    /// The MLflow tracking server, for example <c>http://localhost:5000</c>; a path, as of a server behind a proxy, is kept, and a login (<c>https://name:password@host</c>)
    /// is sent by HTTP Basic and shown nowhere.
    /// </summary>
    public required Uri Server { get; init; }

    /// <summary>Name of the experiment; made where missing.</summary>
    public required string Experiment { get; init; }

    /// <summary>Name of the run.</summary>
    public required string RunName { get; init; }

    /// <summary>Tags of the run, for example <c>mlflow.parentRunId</c> for a run below another. The default is none.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Folder for what the server has not taken yet and for the run's identity, so that a resumed run goes on in the same MLflow run; made where missing.</summary>
    public required string Folder { get; init; }

    /// <summary>Name for HTTP Basic, where the address has no login. The default is MLFLOW_TRACKING_USERNAME.</summary>
    public string? UserName { get; init; } = Environment.GetEnvironmentVariable("MLFLOW_TRACKING_USERNAME");

    /// <summary>Password for HTTP Basic; used with <see cref="UserName"/>. The default is MLFLOW_TRACKING_PASSWORD.</summary>
    public string? Password { get; init; } = Environment.GetEnvironmentVariable("MLFLOW_TRACKING_PASSWORD");

    /// <summary>A bearer token, where there is neither a login in the address nor name and password. The default is MLFLOW_TRACKING_TOKEN.</summary>
    public string? Token { get; init; } = Environment.GetEnvironmentVariable("MLFLOW_TRACKING_TOKEN");

    /// <summary>Whether any certificate of the server is taken. The default is whether MLFLOW_TRACKING_INSECURE_TLS is <c>true</c> or 1.</summary>
    public bool InsecureTls { get; init; } = Environment.GetEnvironmentVariable("MLFLOW_TRACKING_INSECURE_TLS")?.ToLowerInvariant() is "true" or "1";

    /// <summary>How long one request may take. The default is 5 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the end of a run may wait for a server that answers, in a run with a time budget at most a twentieth of that. The default is 10 s.</summary>
    public TimeSpan FinalWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>First pause after a failure; doubled up to a minute. The default is 1 s.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Without secrets.</summary>
    public override string ToString() => $"{Secrets.InAddress(Server.OriginalString)}: run {RunName} of {Experiment}";
}
