namespace MlNetCifar.Data;

/// <summary>The errors of data sets, MNC10xx, one factory each; those of their files are <c>FileErrors</c>.</summary>
internal static class DataErrors
{
    public static MlNetCifarException Empty(string path, string? found = null, string? action = null) =>
        new("MNC1003", ErrorKind.Data, found ?? "There is no image here.",
            action ?? "Put images into one folder per class: class/name.jpg, or train/class/name.jpg.", path);

    public static MlNetCifarException EmptyClass(string path) =>
        new("MNC1004", ErrorKind.Data, "The class folder holds no image.", "Add images or remove the folder.", path);

    public static MlNetCifarException OneClass(string path, string name) =>
        new("MNC1005", ErrorKind.Data, $"There is only one class, '{name}'; at least two are needed.",
            "Point at the folder whose subfolders are the classes.", path);

    /// <param name="path">Where it was found.</param>
    /// <param name="name">The class.</param>
    /// <param name="known">The classes asked for, for example those of a model; null where the training split has them.</param>
    public static MlNetCifarException UnknownClass(string path, string name, IReadOnlyList<string>? known = null)
    {
        if (known is null)
            return new("MNC1006", ErrorKind.Data, $"The class '{name}' is not in the training split.", "Add it to the training split or remove it here.", path);
        var found = $"The class '{name}' is none of those that are known: {ClassNames.Listed(known)}.";
        return ClassNames.InOtherCase(name, known) is { } other
            ? new("MNC1006", ErrorKind.Data, $"{found} '{other}' differs from it only in case.", $"Call it '{other}'.", path)
            : new("MNC1006", ErrorKind.Data, found, "Rename or remove it, or use a model that knows it.", path);
    }

    public static MlNetCifarException CannotSplit(string path, string split) =>
        new("MNC1029", ErrorKind.Data, $"No {split} split can be cut from the training images: no class has two images.", "Add images, or go without the split.", path);

    public static MlNetCifarException NoTrainSplit(string path) =>
        new("MNC1007", ErrorKind.Data, "There is a validation or test split but no 'train' folder to take the classes from.",
            "Add 'train', or give the classes of the model.", path);

    public static MlNetCifarException AmbiguousSplit(string path, string first, string second) =>
        new("MNC1008", ErrorKind.Data, $"The folders '{first}' and '{second}' both name the same split.", "Keep one of them.", path);

    public static MlNetCifarException Manifest(string path, int row, string found) =>
        new("MNC1014", ErrorKind.Data, found, "Correct the manifest.", $"{path}, row {row}");

    public static MlNetCifarException TooFew(string path, string name, int found, int expected) =>
        new("MNC1015", ErrorKind.Data, $"The class '{name}' has {found} images, {expected} are asked for.", "Ask for fewer.", path);

    public static MlNetCifarException UnknownPreset(string? name) =>
        new("MNC1016", ErrorKind.Usage, $"There is no augmentation '{name}'.", "Use 'none', 'standard' or 'photographs'.");

    public static MlNetCifarException TooLargeForMemory(string path, long bytes) =>
        new("MNC1017", ErrorKind.Data, $"The pictures take {bytes:N0} bytes in memory, more than one array holds.", "Make shards with 'mlnetcifar prepare' and use those.", path);

    public static MlNetCifarException BadImage(BadFile file, Exception inner) =>
        new(file.Code, ErrorKind.Data, file.Reason, "Remove or replace the file, or let bad files be left out.", file.Path, inner);

    public static MlNetCifarException NothingReadable(string path, int bad, BadFile first) =>
        new("MNC1018", ErrorKind.Data, $"None of the {bad:N0} images could be read; the first: {first.Path}: {first.Reason}", "Check the files.", path);

    public static MlNetCifarException NoSplit(string path, string split) =>
        new("MNC1019", ErrorKind.Data, $"The data set has no {split} split.", "Choose another split, or split the training data.", path);

    public static MlNetCifarException Cifar(string path, string found) =>
        new("MNC1021", ErrorKind.Data, found, "Get the binary version of CIFAR again.", path);

    public static MlNetCifarException Labels(string path, string found) =>
        new("MNC1022", ErrorKind.Data, found, "Correct labels.txt: one class name a line.", path);

    public static MlNetCifarException TemporaryFile(string path, Exception inner) =>
        new("MNC1025", ErrorKind.Failure, $"This temporary file cannot be written or read ({inner.Message.TrimEnd('.')}).",
            "Free space there, name another folder with TMPDIR, or make more parts: one of up to 64 MiB of pixels needs no such file.", path, inner);

    public static MlNetCifarException SharedSubfolders(string path, IReadOnlyList<string> folders, IReadOnlyList<string> inner) => new(
        "MNC1027", ErrorKind.Data,
        $"The folders {Listed(folders)} hold the same subfolders ({string.Join(", ", inner.Take(3))}{(inner.Count > 3 ? ", …" : "")}): they seem to be parts of one data set, not its classes.",
        "Name them train, validation and test, or point at one of them; if they are the classes, list the images in a .csv file.", path);

    public static MlNetCifarException AllMissing(string path, int count, string first) =>
        new("MNC1028", ErrorKind.Data, $"None of the {count:N0} files that are listed is there; the first is {first}.", "File names count from the folder that the list lies in.", path);

    public static MlNetCifarException UnwritableClass(string path, string name, string where) =>
        new("MNC1026", ErrorKind.Data, $"The class '{name.ReplaceLineEndings("⏎")}' cannot be {where}.", "Rename it.", path);

    public static MlNetCifarException ShardDamaged(string path, string found) =>
        new("MNC1030", ErrorKind.Data, found, "Run 'mlnetcifar prepare' again; it repairs what is missing or damaged.", path);

    public static MlNetCifarException Manifest(string path, Exception inner) =>
        new("MNC1031", ErrorKind.Data, $"This is no shard manifest ({inner.Message.TrimEnd('.')}).", "Run 'mlnetcifar prepare' again.", path, inner);

    public static MlNetCifarException Unfinished(string path) =>
        new("MNC1032", ErrorKind.Data, "The shards are unfinished: there is no _SUCCESS or no manifest.", "Run 'mlnetcifar prepare' again; it does only what is missing.", path);

    public static MlNetCifarException SplitsDiffer(string path, string what) =>
        new("MNC1033", ErrorKind.Data, $"The splits differ in {what}.", "Run 'mlnetcifar prepare' again into an empty folder.", path);

    public static MlNetCifarException SourcesDiffer(string split, string difference) =>
        new("MNC1033", ErrorKind.Data, $"The {split} images do not fit the training images: {difference}.", "Give splits of one size with the same classes in the same order.");

    public static MlNetCifarException OtherLayout(string path) =>
        new("MNC1034", ErrorKind.Usage, "The folder holds shards with other splits.", "Give an empty folder, or delete the old shards.", path);

    public static MlNetCifarException Busy(string path, string owner, TimeSpan age, TimeSpan silence) =>
        new("MNC1035", ErrorKind.Failure,
            FormattableString.Invariant($"Another 'prepare' writes into this folder: {owner}, begun {Seconds(age)} ago, last sign of life {Seconds(silence)} ago."),
            "Wait until it is done, end it, or give another folder.", path);

    public static MlNetCifarException TakenOver(string path, string owner) =>
        new("MNC1036", ErrorKind.Failure, $"Another 'prepare' has taken this folder over: {owner}.", "Let that one finish, then run this one again, or give another folder.", path);

    public static MlNetCifarException NotOurs(string path, IReadOnlyList<string> files) =>
        new("MNC1037", ErrorKind.Usage,
            $"The folder holds files that no 'prepare' has written and that shards would be written over: {string.Join(", ", files.Take(3))}{(files.Count > 3 ? $" and {files.Count - 3} more" : "")}.",
            "Give an empty folder, or move them away.", path);

    public static MlNetCifarException OutputIsInput(string path) =>
        new("MNC1038", ErrorKind.Usage, "The shards would be written into the folder of their own images.", "Give another folder.", path);

    public static MlNetCifarException OutputIsFile(string path) =>
        new("MNC1038", ErrorKind.Usage, "The shards are to be written here, but this is a file.", "Give a folder.", path);

    public static MlNetCifarException OtherSettings(string path, IEnumerable<string> differences) =>
        new("MNC1039", ErrorKind.Usage, $"The folder holds finished shards of other settings: {string.Join(", ", differences)}.",
            "Give another folder or the same settings, or have them replaced with --exist-ok (ShardOptions.ExistOk).", path);

    static string Seconds(TimeSpan time) => FormattableString.Invariant($"{Math.Max(time.TotalSeconds, 0):0} s");

    public static MlNetCifarException UnknownDataset(string name, IEnumerable<string> known) =>
        new("MNC1040", ErrorKind.Usage, $"There is no data set '{name}'.", $"Known: {string.Join(", ", known)}.");

    public static MlNetCifarException DownloadFailed(string address, string reason, Exception inner) =>
        new("MNC1041", ErrorKind.Failure, $"The download failed: {reason.TrimEnd('.')}.", "Try again; what came is kept. Or fetch the file by other means and give its path.", address, inner);

    public static MlNetCifarException WrongChecksum(string address, string found, string expected) =>
        new("MNC1042", ErrorKind.Data, $"The file has the MD5 {found}, expected {expected}.", "Try again; if it happens again, the file there has changed.", address);

    public static MlNetCifarException FileExists(string path) =>
        new("MNC1043", ErrorKind.Usage, "The file is already there.", "Import into an empty folder.", path);

    static string Listed(IReadOnlyList<string> names) =>
        names.Count > 3 ? $"'{names[0]}', '{names[1]}' and {names.Count - 2} more" : string.Join(" and ", names.Select(n => $"'{n}'"));
}
