namespace MlNetCifar.Files;

/// <summary>The faults that all files of this program share (MNC11xx).</summary>
internal static class FileErrors
{
    public static MlNetCifarException UnknownProperty(string name, FileOrigin origin) => new(
        "MNC1101", ErrorKind.Data,
        $"The property '{name}' is not known to this program (version {FileOrigin.Current}); {Writer(origin)} wrote the file.",
        origin.Version is { } version && version != FileOrigin.Current
            ? $"Use version {version} of the program, or a later one."
            : "Correct the property's name, or remove it.",
        origin.Path);

    public static MlNetCifarException Unreadable(FileOrigin origin, Exception cause) => new(
        "MNC1102", ErrorKind.Data, $"The file cannot be read ({cause.Message.TrimEnd('.')}); {Writer(origin)} wrote it.",
        "Use the version that wrote it or a later one, or restore the file from a copy.", origin.Path, cause);

    static string Writer(FileOrigin origin) => origin.Version is { } version ? $"version {version}" : "an earlier version";
}
