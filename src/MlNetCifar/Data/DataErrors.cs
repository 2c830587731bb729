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

    public static MlNetCifarException EmptyClass(string path) =>
        new("MNC1004", ErrorKind.Data, "The class folder holds no image.", "Add images or remove the folder.", path);

    public static MlNetCifarException OneClass(string path, string name) =>
        new("MNC1005", ErrorKind.Data, $"There is only one class, '{name}'; at least two are needed.",
            "Point at the folder whose subfolders are the classes.", path);

    public static MlNetCifarException UnknownClass(string path, string name) =>
        new("MNC1006", ErrorKind.Data, $"The class '{name}' is not in the training split.",
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

    public static MlNetCifarException FileTooLarge(string path, long length, long limit) =>
        new("MNC1012", ErrorKind.Data, $"The file has {length:N0} bytes; the limit is {limit:N0}.", "Raise the limit if the file is genuine.", path);

    public static MlNetCifarException Manifest(string path, int row, string found) =>
        new("MNC1014", ErrorKind.Data, found, "Correct the manifest.", $"{path}, row {row}");

    [DoesNotReturn]
    public static void TooFew(string path, string name, int found, int expected) =>
        throw new MlNetCifarException("MNC1015", ErrorKind.Data, $"The class '{name}' has {found} images, {expected} are asked for.", "Ask for fewer.", path);

    public static MlNetCifarException UnknownPreset(string? name) =>
        new("MNC1016", ErrorKind.Usage, $"There is no augmentation '{name}'.", "Use 'none' or 'standard'.");

    public static MlNetCifarException TooLargeForMemory(string path, long bytes) =>
        new("MNC1017", ErrorKind.Data, $"The pictures take {bytes:N0} bytes in memory, more than one array holds.", "Make shards with 'mlnetcifar prepare' and use those.", path);

    public static MlNetCifarException BadImage(BadFile file, Exception inner) =>
        new(file.Code, ErrorKind.Data, file.Reason, "Remove or replace the file, or let bad files be left out.", file.Path, inner);

    [DoesNotReturn]
    public static void NothingReadable(string path, int bad, BadFile first) =>
        throw new MlNetCifarException("MNC1018", ErrorKind.Data, $"None of the {bad:N0} images could be read; the first: {first.Path}: {first.Reason}", "Check the files.", path);

    [DoesNotReturn]
    public static void NoSplit(string path, string split) =>
        throw new MlNetCifarException("MNC1019", ErrorKind.Data, $"The data set has no {split} split.", "Choose another split, or split the training data.", path);

    public static MlNetCifarException Npy(string path, string found) =>
        new("MNC1020", ErrorKind.Data, found, "Give (N, height, width, channels) bytes as X.npy and N whole numbers as y.npy.", path);

    public static MlNetCifarException Cifar(string path, string found) =>
        new("MNC1021", ErrorKind.Data, found, "Get the binary version of CIFAR again.", path);

    public static MlNetCifarException Labels(string path, string found) =>
        new("MNC1022", ErrorKind.Data, found, "Correct labels.txt: one class name a line.", path);

    public static MlNetCifarException ShortRead(string path, long found, long expected) =>
        new("MNC1023", ErrorKind.Data, $"The file gave {found:N0} of {expected:N0} bytes.", "Check the disk, or get the file again.", path);

    public static MlNetCifarException Unwritable(string path, Exception inner) =>
        new("MNC1024", ErrorKind.Failure, $"This cannot be written ({inner.Message.TrimEnd('.')}).", "Check the free space and your rights; what is finished is kept.", path, inner);

    public static MlNetCifarException TemporaryFile(string path, Exception inner) =>
        new("MNC1025", ErrorKind.Failure, $"This temporary file cannot be written or read ({inner.Message.TrimEnd('.')}).",
            "Free space there, name another folder with TMPDIR, or make more parts: one of up to 64 MiB of pixels needs no such file.", path, inner);

    public static MlNetCifarException UnwritableClass(string path, string name, string where) =>
        new("MNC1026", ErrorKind.Data, $"The class '{name.ReplaceLineEndings("⏎")}' cannot be {where}.", "Rename it.", path);

    public static MlNetCifarException ShardDamaged(string path, string found) =>
        new("MNC1030", ErrorKind.Data, found, "Run 'mlnetcifar prepare' again; it repairs what is missing or damaged.", path);

    public static MlNetCifarException Manifest(string path, Exception inner) =>
        new("MNC1031", ErrorKind.Data, $"This is no shard manifest ({inner.Message.TrimEnd('.')}).", "Run 'mlnetcifar prepare' again.", path, inner);

    [DoesNotReturn]
    public static void Unfinished(string path) =>
        throw new MlNetCifarException("MNC1032", ErrorKind.Data, "The shards are unfinished: there is no _SUCCESS.", "Run 'mlnetcifar prepare' again; it does only what is missing.", path);

    [DoesNotReturn]
    public static void SplitsDiffer(string path, string what) =>
        throw new MlNetCifarException("MNC1033", ErrorKind.Data, $"The splits differ in {what}.", "Run 'mlnetcifar prepare' again into an empty folder.", path);

    [DoesNotReturn]
    public static void OtherLayout(string path) =>
        throw new MlNetCifarException("MNC1034", ErrorKind.Usage, "The folder holds shards with other splits.", "Give an empty folder, or delete the old shards.", path);

    public static MlNetCifarException UnknownDataset(string name, IEnumerable<string> known) =>
        new("MNC1040", ErrorKind.Usage, $"There is no data set '{name}'.", $"Known: {string.Join(", ", known)}.");

    public static MlNetCifarException DownloadFailed(string address, string reason, Exception inner) =>
        new("MNC1041", ErrorKind.Failure, $"The download failed: {reason.TrimEnd('.')}.", "Try again; what came is kept. Or fetch the file by other means and give its path.", address, inner);

    [DoesNotReturn]
    public static void WrongChecksum(string address, string found, string expected) =>
        throw new MlNetCifarException("MNC1042", ErrorKind.Data, $"The file has the MD5 {found}, expected {expected}.", "Try again; if it happens again, the file there has changed.", address);

    [DoesNotReturn]
    public static void FileExists(string path) =>
        throw new MlNetCifarException("MNC1043", ErrorKind.Usage, "The file is already there.", "Import into an empty folder.", path);
}
