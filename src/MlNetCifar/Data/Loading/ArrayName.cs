using System.Globalization;

namespace MlNetCifar.Data;

/// <summary>What the name of a <c>.npy</c> file says of it: <c>X_train.npy</c>, <c>test_labels.npy</c>, <c>X_part_00003.npy</c>.</summary>
/// <param name="File">The file.</param>
/// <param name="IsLabels">Whether it holds labels instead of pictures.</param>
/// <param name="IsPlain">Whether it is called X or y, as arrays for training are; other words may mean something else.</param>
/// <param name="Split">The part of the data set.</param>
/// <param name="Part">Its number among parts of one array; −1 where it is the whole.</param>
internal sealed record ArrayName(string File, bool IsLabels, bool IsPlain, DatasetSplit Split, int Part)
{
    const string Extension = ".npy";

    static readonly string[] s_pictures = ["x", "images", "image", "imgs", "data", "pixels"];
    static readonly string[] s_labels = ["y", "labels", "label", "targets", "target"];
    static readonly string[] s_splits = ["", "train", "training", "val", "valid", "validation", "test", "testing"];

    /// <summary>Reads a name; null where it is no array's.</summary>
    public static ArrayName? Read(string file)
    {
        if (!file.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            return null;
        bool? isLabels = null;
        DatasetSplit? split = null;
        var (isPlain, part) = (false, -1);
        var words = file[..^Extension.Length].ToLowerInvariant().Split('_', '-');
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            if (isLabels is null && (s_pictures.Contains(word) || s_labels.Contains(word)))
                (isLabels, isPlain) = (s_labels.Contains(word), word is "x" or "y");
            else if (split is null && SplitNames.Of(word) is { } named)
                split = named;
            else if (word == "part" && i == words.Length - 2 && int.TryParse(words[^1], NumberStyles.None, CultureInfo.InvariantCulture, out part))
                break;
            else
                return null;
        }

        return isLabels is { } labels ? new(file, labels, isPlain, split ?? DatasetSplit.Train, part) : null;
    }

    /// <summary>The names that the arrays of a data set may have, where only one is known.</summary>
    /// <param name="file">That one, which tells capital letters from small ones.</param>
    public static IEnumerable<string> Candidates(string file)
    {
        foreach (var split in s_splits)
        {
            foreach (var word in s_pictures.Concat(s_labels))
            {
                yield return Join(word == "x" && file.Contains('X') ? "X" : word, split);
                if (split.Length > 0)
                    yield return Join(split, word);
            }
        }

        yield return file;
        yield return LabelsFile.FileName;

        static string Join(string first, string second) => (second.Length == 0 ? first : $"{first}_{second}") + Extension;
    }
}
