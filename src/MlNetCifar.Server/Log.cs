namespace MlNetCifar.Server;

/// <summary>What the server logs. No picture, no body, no key is ever among it.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{Role} {Name} version {Version} is served (weights {Sha256})")]
    public static partial void Loaded(this ILogger logger, string role, string name, int version, string sha256);

    [LoggerMessage(2, LogLevel.Error, "model file {Path} was not loaded, what was served before stays: {Code}: {Reason}")]
    public static partial void NotLoaded(this ILogger logger, string path, string code, string reason);

    [LoggerMessage(3, LogLevel.Information, "model file {Path} is gone and not served any more")]
    public static partial void Dropped(this ILogger logger, string path);

    [LoggerMessage(4, LogLevel.Warning, "the folder of models {Path} cannot be read: {Reason}")]
    public static partial void FolderUnreadable(this ILogger logger, string path, string reason);

    [LoggerMessage(5, LogLevel.Error, "request {Id} failed")]
    public static partial void Failed(this ILogger logger, Exception exception, string id);

    [LoggerMessage(6, LogLevel.Warning, "drift of model {Name}: {Statistic} differs from its reference (distance {Distance:0.000}, p {PValue:0.0e+0})")]
    public static partial void Drifted(this ILogger logger, string name, string statistic, double distance, double pValue);

    [LoggerMessage(7, LogLevel.Information, "draining")]
    public static partial void Draining(this ILogger logger);

    [LoggerMessage(8, LogLevel.Error, "the candidate for {Name} answers no request any more: {Reason}")]
    public static partial void RolledBack(this ILogger logger, string name, string reason);

    [LoggerMessage(9, LogLevel.Error, "the candidate for {Name} is not compared: {Code}: {Reason}")]
    public static partial void NotComparable(this ILogger logger, string name, string code, string reason);

    [LoggerMessage(11, LogLevel.Warning, "pictures are written to {Folder}, a share of {Share}")]
    public static partial void Captures(this ILogger logger, string folder, double share);

    [LoggerMessage(12, LogLevel.Error, "pictures cannot be written to {Folder}: {Reason}")]
    public static partial void NotCaptured(this ILogger logger, string folder, string reason);

    [LoggerMessage(10, LogLevel.Error, "the candidate for {Name} failed to answer")]
    public static partial void CandidateFailed(this ILogger logger, Exception exception, string name);
}
