namespace MlNetCifar.Files;

/// <summary>The errors of files and archives, with the codes MNC10xx of data sets, and those that all files of this program share, MNC11xx; one factory each.</summary>
internal static class FileErrors
{
    public static MlNetCifarException NotFound(string path) =>
        new("MNC1001", ErrorKind.Data, "There is no such file or folder.", "Check the path.", path);

    public static MlNetCifarException NotRecognised(string path) =>
        new("MNC1002", ErrorKind.Data, "This is no data set that can be read.",
            "Give a folder of class folders, an archive of one (.tar.gz, .tgz, .tar, .zip), a .csv or .jsonl manifest, CIFAR binary files, .npy or .npz files, or a shard folder; .parquet files take the package MlNetCifar.Parquet.", path);

    public static MlNetCifarException ArchiveDamaged(string path, Exception inner) =>
        new("MNC1009", ErrorKind.Data, $"The archive is damaged or not of the kind its name says ({inner.Message.TrimEnd('.')}).", "Get it again.", path, inner);

    public static MlNetCifarException EntryEscapes(string archive, string entry) =>
        new("MNC1010", ErrorKind.Data, $"The entry '{entry}' points outside the archive.", "Do not use this archive.", archive);

    public static MlNetCifarException Unreadable(string path, Exception inner) =>
        new("MNC1011", ErrorKind.Data, $"This cannot be read ({inner.Message.TrimEnd('.')}).", "Check that it exists and that you may read it.", path, inner);

    public static MlNetCifarException FileTooLarge(string path, long length, long limit) =>
        new("MNC1012", ErrorKind.Data, $"The file has {length:N0} bytes; the limit is {limit:N0}.", "Raise the limit with --max-file-size if the file is genuine.", path);

    public static MlNetCifarException Npy(string path, string found) =>
        new("MNC1020", ErrorKind.Data, found, "Give (N, height, width, channels) bytes as X.npy and N whole numbers as y.npy.", path);

    public static MlNetCifarException ShortRead(string path, long found, long expected) =>
        new("MNC1023", ErrorKind.Data, $"The file gave {found:N0} of {expected:N0} bytes.", "Check the disk, or get the file again.", path);

    public static MlNetCifarException Unwritable(string path, Exception inner) =>
        new("MNC1024", ErrorKind.Failure, $"This cannot be written ({inner.Message.TrimEnd('.')}).", "Check the free space and your rights; what is finished is kept.", path, inner);

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
