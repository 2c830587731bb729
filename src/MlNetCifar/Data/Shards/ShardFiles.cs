using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Which files in a folder are shards of prepare, and which only go by their names.</summary>
internal static class ShardFiles
{
    const int Digits = 5;

    static readonly (string Start, string End)[] s_parts = [("X_part_", ".npy"), ("y_part_", ".npy"), ("files_part_", ".txt")];

    /// <summary>Whether a file of a folder has the name of a part's.</summary>
    public static bool IsPart(string name) => NumberOf(name) is not null;

    /// <summary>Whether a file can only be prepare's: the names of a part's pictures, the note beside parts, the lock.</summary>
    public static bool IsMark(string path) =>
        ShardFolder.IsSidecar(path) || FileTree.Name(path) is ShardLock.FileName || (FileTree.Name(path).StartsWith(s_parts[2].Start, StringComparison.Ordinal) && IsPart(FileTree.Name(path)));

    /// <summary>Makes sure that nothing is written over or deleted that no prepare has written.</summary>
    /// <param name="store">Where the folder is.</param>
    /// <param name="folder">The folder to write into; need not be there.</param>
    /// <param name="hasShards">Whether a manifest or a note of parts was found.</param>
    /// <param name="known">The files that these name.</param>
    /// <param name="isUnfinished">Whether a run ended early here: then parts without a note are its.</param>
    /// <exception cref="MlNetCifarException">There is such a file (MNC1037).</exception>
    public static void RequireOwn(IFileStore store, string folder, bool hasShards, IReadOnlySet<string> known, bool isUnfinished)
    {
        if (isUnfinished || !store.FolderExists(folder))
            return;
        var present = store.List(folder).Where(entry => !entry.IsFolder && !entry.Path.Contains('/')).Select(entry => entry.Path).ToHashSet(StringComparer.Ordinal);
        bool IsWhole(string number) => s_parts.All(part => present.Contains(part.Start + number + part.End));
        var isOurs = hasShards || present.Any(name => NumberOf(name) is { } number && IsWhole(number));
        var foreign = present.Where(name => NumberOf(name) is { } number ? !known.Contains(name) && !IsWhole(number) : !isOurs && IsFixed(name)).Order(StringComparer.Ordinal).ToArray();
        if (foreign.Length > 0)
            throw DataErrors.NotOurs(folder, foreign);
    }

    static bool IsFixed(string name) => name is ShardManifest.FileName or ShardManifest.SuccessName or LabelsFile.FileName or BadFile.FileName;

    static string? NumberOf(string name)
    {
        foreach (var (start, end) in s_parts)
        {
            if (name.StartsWith(start, StringComparison.Ordinal) && name.EndsWith(end, StringComparison.Ordinal)
                && name[start.Length..^end.Length] is { Length: >= Digits } number && number.All(char.IsAsciiDigit))
                return number;
        }

        return null;
    }
}
