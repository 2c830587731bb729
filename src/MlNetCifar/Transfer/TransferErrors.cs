namespace MlNetCifar.Transfer;

/// <summary>The faults of backbones and of what stands on them (MNC31xx).</summary>
internal static class TransferErrors
{
    public static MlNetCifarException OtherPictures(string name, string found, string expected) => new(
        "MNC3101", ErrorKind.Usage, $"The backbone '{name}' takes pictures of {expected}; these are {found}.",
        "Give the image files themselves rather than arrays or shards of another size, or leave the size to the backbone.");

    public static MlNetCifarException CacheUnwritable(string folder, Exception cause) => new(
        "MNC3102", ErrorKind.Failure, $"The features cannot be kept here ({cause.Message.TrimEnd('.')}).",
        "Free space, name another folder with --cache, or --cache none to keep none.", folder, cause);

    public static MlNetCifarException NotFinite(string picture) => new(
        "MNC3103", ErrorKind.Data, "The backbone's features of this picture are not finite numbers.", "Check the backbone's weights.", picture);

    public static MlNetCifarException UnknownBackbone(string name, IEnumerable<string> known) => new(
        "MNC3104", ErrorKind.Usage, $"There is no backbone '{name}', and no file of that name.",
        known.ToArray() is { Length: > 0 } names ? $"Choose one of {string.Join(", ", names)}, or give the path of a model file." : "Give the path of a model file.");
}
