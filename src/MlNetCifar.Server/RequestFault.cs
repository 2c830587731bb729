namespace MlNetCifar.Server;

/// <summary>A request that is refused: the status, and what the client can do.</summary>
internal sealed class RequestFault(int status, string code, string reason, string? action = null) : Exception(reason)
{
    public int Status => status;

    public string Code => code;

    public string? Action => action;

    /// <summary>All of it in one line.</summary>
    public string Text => $"{Code}: {Message}{(Action is null ? "" : " " + Action)}";

    /// <summary>After which time another attempt makes sense; null for never.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>A model that failed to answer where another would not have: the fault is not the request's.</summary>
internal sealed class ModelFault(string model, Exception? cause = null) : Exception($"The model '{model}' failed to answer{(cause is null ? ": its probabilities are no numbers" : "")}.", cause);

/// <summary>The faults of requests (MNC80xx), one factory each.</summary>
internal static class ServerErrors
{
    public static RequestFault NoModel(string name, IEnumerable<string> known) =>
        new(404, "MNC8001", $"There is no model '{Shown(name)}'.{Spelling(known)}", "Ask for one that is served: GET /v1/models.");

    public static RequestFault NoVersion(string name, string version) =>
        new(404, "MNC8001", $"Model '{name}' has no version '{Shown(version)}'.", $"Ask GET /v2/models/{name} for its versions.");

    public static RequestFault ModelMissing(IEnumerable<string> known) =>
        new(400, "MNC8001", $"There are several models.{Spelling(known)}", "Name one with ?model=.");

    public static RequestFault WrongType(string? found, string expected) =>
        new(415, "MNC8002", $"The body's type is {(string.IsNullOrEmpty(found) ? "not given" : $"'{Shown(found)}'")}; expected {expected}.", "Set Content-Type, for example: curl -H 'Content-Type: image/jpeg' --data-binary @cat.jpg, or -F file=@cat.jpg.");

    public static RequestFault Malformed(string found, string? action = null) => new(400, "MNC8003", found, action);

    public static RequestFault TooLarge(string what, long found, long limit) =>
        new(413, "MNC8004", $"{what}: {found}; the limit is {limit}.", "Send less at once.");

    public static RequestFault Shape(string found, string expected) =>
        new(422, "MNC8005", $"Found {found}; expected {expected}.", "See GET /v2/models/NAME for what the model takes.");

    public static RequestFault Busy(string what, TimeSpan wait) =>
        new(429, "MNC8006", $"The server has as {what} under way as it accepts.", "Try again after the time that Retry-After says.") { RetryAfter = wait };

    public static RequestFault NotReady(string why) =>
        new(503, "MNC8007", why, "Try again shortly.") { RetryAfter = TimeSpan.FromSeconds(1) };

    public static RequestFault TooLate(TimeSpan limit) =>
        new(504, "MNC8008", FormattableString.Invariant($"There was no answer within {limit.TotalMilliseconds:0} ms."), "Allow more time, or try again when the server has less to do.") { RetryAfter = TimeSpan.FromSeconds(1) };

    public static RequestFault Unauthorized() =>
        new(401, "MNC8009", "The request carries no valid key or token.", "Send X-Api-Key, or Authorization: Bearer.");

    public static RequestFault Internal() =>
        new(500, "MNC8010", "The server failed to answer.", "Its log says why; tell whoever runs it.");

    public static RequestFault Parameter(string name, string value, string expected) =>
        new(400, "MNC8011", $"{name} is '{Shown(value)}'; expected {expected}.", "Correct it.");

    public static MlNetCifarException CannotListen(string address, Exception cause) =>
        new("MNC8020", ErrorKind.Failure, $"The server cannot listen: {cause.Message}", "Choose another address or port with --urls.", address, cause);

    public static MlNetCifarException OtherClasses(string name, string path) =>
        new("MNC8023", ErrorKind.Data, $"The candidate for '{name}' has other classes than the model it is to be compared with.", "Give it a model of the same classes in the same order.", path);

    public static MlNetCifarException NoCapture(string folder, Exception cause) =>
        new("MNC8024", ErrorKind.Failure, $"Pictures cannot be written: {cause.Message}", "Give --capture a folder that the server may write to.", folder, cause);

    /// <summary>What a client sent, short and without control characters.</summary>
    public static string Shown(string text)
    {
        var clean = new string([.. text.Where(c => !char.IsControl(c))]);
        return clean.Length <= 100 ? clean : clean[..100] + "…";
    }

    static string Spelling(IEnumerable<string> known) => string.Join(", ", known.Take(10)) is { Length: > 0 } names ? $" There is: {names}." : "";
}
