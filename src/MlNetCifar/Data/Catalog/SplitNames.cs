namespace MlNetCifar.Data;

/// <summary>The names by which people call the parts of a data set.</summary>
internal static class SplitNames
{
    static readonly string[] s_fillers = ["set", "data", "dataset", "images", "image", "imgs", "img", "photos", "pictures", "pics", "seg", "split", "folder"];

    /// <summary>
    /// The part that a name stands for, in whatever case: one word for training, validation or test, also with others that say nothing (<c>training_set</c>, <c>seg_test</c>,
    /// <c>val-images</c>) or with a year (<c>train2017</c>); null for every other name.
    /// </summary>
    public static DatasetSplit? Of(string name)
    {
        DatasetSplit? found = null;
        foreach (var word in name.ToLowerInvariant().Split(['_', '-', ' ', '.'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (s_fillers.Contains(word))
                continue;
            if (found is not null || OfWord(word) is not { } split)
                return null;
            found = split;
        }

        return found;
    }

    static DatasetSplit? OfWord(string word) => WithoutYear(word) switch
    {
        "train" or "training" or "trainset" => DatasetSplit.Train,
        "val" or "valid" or "validation" or "dev" or "valset" => DatasetSplit.Validation,
        "test" or "testing" or "testset" or "test1" => DatasetSplit.Test,
        _ => null,
    };

    static string WithoutYear(string word) =>
        word.Length > 4 && word.AsSpan(word.Length - 4) is var year && year is ['1' or '2', ..] && !year.ContainsAnyExceptInRange('0', '9') ? word[..^4] : word;
}
