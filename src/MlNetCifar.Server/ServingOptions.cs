using System.Text.RegularExpressions;

namespace MlNetCifar.Server;

/// <summary>What is served, and within which bounds. Immutable.</summary>
public sealed partial record ServingOptions
{
    /// <summary>Model files by the name they are served under. May be empty where <see cref="ModelsFolder"/> is given.</summary>
    public IReadOnlyDictionary<string, string> Models { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// A folder of more models, watched: <c>NAME.safetensors</c>, or <c>NAME/NUMBER.safetensors</c> for several versions of which the highest answers by default. Null (the default) for none.
    /// </summary>
    public string? ModelsFolder { get; init; }

    /// <summary>
    /// Candidates, by the name of the model that each may replace: it answers the same pictures in the background, where the engine has room, and what differs is counted. None by default.
    /// </summary>
    public IReadOnlyDictionary<string, string> Candidates { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Share of requests that a candidate answers, 0 … 1, 1 excluded: a canary. It is rolled back by itself where it fails, or is significantly worse. The default is 0: a shadow, whose answers nobody gets.
    /// </summary>
    public double CanaryShare { get; init; }

    /// <summary>Share of answers in which a canary may differ from the model it may replace, 0 … 1; significantly more rolls it back. The default is 0.2.</summary>
    public double CanaryDisagreement { get; init; } = 0.2;

    /// <summary>How often files are looked at for changes, &gt; 0. The default is one second; a file is loaded once it has not changed for that long.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Threads that score, ≥ 1; null (the default) for the cores this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>Most pictures scored together, 1 … 1,024. The default is 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>
    /// How long a picture waits for others while the engine is idle, 0 … 1 s. The default is 0: what came while a batch was computed is the next batch, and one client waits for nobody.
    /// </summary>
    public TimeSpan BatchDelay { get; init; } = TimeSpan.Zero;

    /// <summary>Most pictures under way at once, ≥ 1; more are refused (429). The default is 1,024.</summary>
    public int MaxPictures { get; init; } = 1024;

    /// <summary>Most pixels of encoded pictures under way at once, ≥ 1; more are refused (429), but one picture alone is not. The default is 160,000,000.</summary>
    public long MaxPixelsAtOnce { get; init; } = 160_000_000;

    /// <summary>Most bytes of bodies under way at once, ≥ 1; more are refused (429), but one body alone is not. The default is 256 MiB.</summary>
    public long MaxBytesAtOnce { get; init; } = 256L << 20;

    /// <summary>Largest body, in bytes (413). The default is 10 MiB.</summary>
    public long MaxBodyBytes { get; init; } = 10L << 20;

    /// <summary>Largest picture, in pixels by its header (413). The default is 40,000,000.</summary>
    public long MaxPicturePixels { get; init; } = 40_000_000;

    /// <summary>Longest side of a picture, in pixels by its header (413). The default is 16,384.</summary>
    public int MaxDimension { get; init; } = 16_384;

    /// <summary>Most pictures of one request (413). The default is 64.</summary>
    public int MaxPicturesPerRequest { get; init; } = 64;

    /// <summary>Longest time a request may take (504), &gt; 0. The default is 30 s; <c>?timeout_ms=</c> may ask for less.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a server that was asked to end answers on while it says that it is not ready, so that balancers learn of it. The default is 1 s.</summary>
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Key that requests must carry in <c>X-Api-Key</c>; null (the default) for none. Health and the page are open.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Token that requests must carry in <c>Authorization: Bearer</c>; null (the default) for none. Where a key is set too, either will do.</summary>
    public string? BearerToken { get; init; }

    /// <summary>Predictions of a model after which its recent answers are compared with its reference; ≥ 100. The default is 500.</summary>
    public int DriftWindow { get; init; } = 500;

    /// <summary>
    /// Folder to which pictures are written as they came, each with its answer; null (the default) for none: then no picture ever reaches a disk. Tensors are never written.
    /// </summary>
    public string? CaptureFolder { get; init; }

    /// <summary>Share of the pictures that is written, above 0, at most 1. The default is 1.</summary>
    public double CaptureShare { get; init; } = 1;

    /// <summary>How long they are kept, &gt; 0. The default is seven days.</summary>
    public TimeSpan CaptureFor { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Most bytes that are kept, ≥ 1; beyond them the oldest are deleted. The default is 1 GiB.</summary>
    public long CaptureMaxBytes { get; init; } = 1L << 30;

    /// <summary>Checks every property.</summary>
    /// <exception cref="ArgumentException">Lists all faults.</exception>
    public void Validate()
    {
        string[] faults =
        [
            .. Models.Keys.Where(name => !IsName(name)).Select(name => $"{nameof(Models)}: '{name}' is no name; letters, digits, '.', '_' and '-', at most 64, no '.' first"),
            .. Check(Models.Count > 0 || ModelsFolder is not null, "there is neither a model nor a folder of models"),
            .. Candidates.Keys.Where(name => !Models.ContainsKey(name) && ModelsFolder is null).Select(name => $"{nameof(Candidates)}: '{name}' is no name of a model"),
            .. Check(CanaryShare is >= 0 and < 1, $"{nameof(CanaryShare)} must be 0 to 1, 1 excluded"),
            .. Check(CanaryShare == 0 || Candidates.Count > 0, $"{nameof(CanaryShare)} needs a candidate"),
            .. Check(CanaryDisagreement is >= 0 and <= 1, $"{nameof(CanaryDisagreement)} must be 0 to 1"),
            .. Check(WatchInterval > TimeSpan.Zero, $"{nameof(WatchInterval)} must be above 0"),
            .. Check(Threads is null or >= 1, $"{nameof(Threads)} must be at least 1"),
            .. Check(BatchSize is >= 1 and <= 1024, $"{nameof(BatchSize)} must be 1 to 1024"),
            .. Check(BatchDelay >= TimeSpan.Zero && BatchDelay <= TimeSpan.FromSeconds(1), $"{nameof(BatchDelay)} must be 0 to 1 s"),
            .. Check(MaxPictures >= 1 && MaxPixelsAtOnce >= 1 && MaxBytesAtOnce >= 1, "limits of what is under way must be at least 1"),
            .. Check(MaxBodyBytes >= 1 && MaxPicturePixels >= 1 && MaxDimension >= 1 && MaxPicturesPerRequest >= 1, "limits of a request must be at least 1"),
            .. Check(Timeout > TimeSpan.Zero, $"{nameof(Timeout)} must be above 0"),
            .. Check(DrainDelay >= TimeSpan.Zero, $"{nameof(DrainDelay)} must not be negative"),
            .. Check(ApiKey is not "" && BearerToken is not "", "a key or token must not be empty"),
            .. Check(CaptureFolder is not "" && CaptureShare is > 0 and <= 1, $"{nameof(CaptureShare)} must be above 0, at most 1, and {nameof(CaptureFolder)} not empty"),
            .. Check(CaptureFor > TimeSpan.Zero && CaptureMaxBytes >= 1, "limits of what is captured must be above 0"),
            .. Check(DriftWindow >= 100, $"{nameof(DriftWindow)} must be at least 100"),
        ];
        if (faults.Length > 0)
            throw new ArgumentException($"The options of the server are not valid: {string.Join("; ", faults)}.");
    }

    /// <summary>Whether a model may be called so.</summary>
    internal static bool IsName(string name) => NamePattern().IsMatch(name);

    static string[] Check(bool holds, string fault) => holds ? [] : [fault];

    [GeneratedRegex(@"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NamePattern();
}
