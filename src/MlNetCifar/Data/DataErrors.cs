using System.Diagnostics.CodeAnalysis;

namespace MlNetCifar.Data;

/// <summary>Every user error of the data stage, MNC10xx. A method either throws or, where a caller needs the value, returns the exception.</summary>
internal static class DataErrors
{
    [DoesNotReturn]
    public static void NotFound(string path) =>
        throw new MlNetCifarException("MNC1001", ErrorKind.Data, "There is no such file or folder.", "Check the path.", path);

    public static MlNetCifarException NotRecognised(string path) =>
        new("MNC1002", ErrorKind.Data, "This is no data set that can be read.",
            "Give a folder of class folders, an archive of one (.tar.gz, .tgz, .tar, .zip), a .csv or .jsonl manifest, CIFAR binary files, .npy files or a shard folder.", path);

    [DoesNotReturn]
    public static void Empty(string path) =>
        throw new MlNetCifarException("MNC1003", ErrorKind.Data, "There is no image here.",
            "Put images into one folder per class: class/name.jpg, or train/class/name.jpg.", path);

    [DoesNotReturn]
    public static void EmptyClass(string path) =>
        throw new MlNetCifarException("MNC1004", ErrorKind.Data, "The class folder holds no image.", "Add images or remove the folder.", path);

    [DoesNotReturn]
    public static void OneClass(string path, string name) =>
        throw new MlNetCifarException("MNC1005", ErrorKind.Data, $"There is only one class, '{name}'; at least two are needed.",
            "Point at the folder whose subfolders are the classes.", path);

    [DoesNotReturn]
    public static void UnknownClass(string path, string name) =>
        throw new MlNetCifarException("MNC1006", ErrorKind.Data, $"The class '{name}' is not in the training split.",
            "Add it to the training split or remove it here.", path);

    [DoesNotReturn]
    public static void NoTrainSplit(string path) =>
        throw new MlNetCifarException("MNC1007", ErrorKind.Data, "There is a validation or test split but no 'train' folder to take the classes from.",
            "Add 'train', or give the classes of the model.", path);

    [DoesNotReturn]
    public static void AmbiguousSplit(string path, string first, string second) =>
        throw new MlNetCifarException("MNC1008", ErrorKind.Data, $"The folders '{first}' and '{second}' both name the same split.", "Keep one of them.", path);

    public static MlNetCifarException ArchiveDamaged(string path, Exception inner) =>
        new("MNC1009", ErrorKind.Data, $"The archive is damaged or not of the kind its name says ({inner.Message.TrimEnd('.')}).", "Get it again.", path, inner);

    [DoesNotReturn]
    public static void EntryEscapes(string archive, string entry) =>
        throw new MlNetCifarException("MNC1010", ErrorKind.Data, $"The entry '{entry}' points outside the archive.", "Do not use this archive.", archive);

    public static MlNetCifarException Unreadable(string path, Exception inner) =>
        new("MNC1011", ErrorKind.Data, $"This cannot be read ({inner.Message.TrimEnd('.')}).", "Check that it exists and that you may read it.", path, inner);

    [DoesNotReturn]
    public static void FileTooLarge(string path, long length, long limit) =>
        throw new MlNetCifarException("MNC1012", ErrorKind.Data, $"The file has {length:N0} bytes; the limit is {limit:N0}.", "Raise the limit if the file is genuine.", path);

    public static MlNetCifarException Manifest(string path, int row, string found) =>
        new("MNC1014", ErrorKind.Data, found, "Correct the manifest.", $"{path}, row {row}");

    [DoesNotReturn]
    public static void TooFew(string path, string name, int found, int expected) =>
        throw new MlNetCifarException("MNC1015", ErrorKind.Data, $"The class '{name}' has {found} images, {expected} are asked for.", "Ask for fewer.", path);
}
