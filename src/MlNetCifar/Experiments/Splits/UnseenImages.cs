using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>Keeps figures honest: which of the images that a model is evaluated on it has learned from.</summary>
/// <param name="record">What its run took down; null for nothing.</param>
/// <param name="split">Which images are asked for: of a set without splits, they count as the training split.</param>
/// <param name="log">Told what was found.</param>
internal sealed class UnseenImages(SplitRecord? record, DatasetSplit split, ExperimentLog log)
{
    /// <summary>Why the figures may promise too much, for the report and the end of the run; null where nothing says so.</summary>
    public string? Doubt { get; private set; }

    /// <summary>The images to evaluate on.</summary>
    /// <param name="count">How many were asked for.</param>
    /// <param name="name">What they are called.</param>
    /// <param name="areChosen">Whether they are a split that the data or the caller chose: it is evaluated whole, and its faults are told. Otherwise the run's own split holds.</param>
    /// <param name="read">Tells hashes of all pictures; not asked where there is no record.</param>
    /// <returns>Their numbers; null for all of them.</returns>
    /// <exception cref="MlNetCifarException">There is none that the model has not learned from (MNC9020).</exception>
    public int[]? Of(int count, string name, bool areChosen, Func<ulong[]> read)
    {
        if (record is null)
        {
            var unknown = $"whether {NoRecord("the model")}";
            if (split != DatasetSplit.Train)
                log.Say(null, unknown);
            else
                Doubt = $"{unknown}; if it was, the figures promise too much for new ones";
            return null;
        }

        var hashes = read();
        var (trained, validated) = (hashes.Count(hash => record.Has(DatasetSplit.Train, hash)), hashes.Count(IsOnlyValidated));
        if (trained + validated == 0)
        {
            log.Say(null, FormattableString.Invariant($"the model was trained on none of these {count:N0} images"));
            return null;
        }

        var seen = string.Join(" and ", new[] { Part(trained, "trained on"), Part(validated, "chosen and calibrated with") }.Where(part => part.Length > 0));
        if (areChosen)
        {
            Doubt = TooMuch(count, name, "model", seen);
            return null;
        }

        int[] unseen = [.. Enumerable.Range(0, hashes.Length).Where(i => !record.Has(DatasetSplit.Train, hashes[i]) && !record.Has(DatasetSplit.Validation, hashes[i]))];
        if (unseen.Length == 0)
            throw ExperimentErrors.AllSeen(name, count, seen);
        log.Warn(FormattableString.Invariant(
            $"of the {count:N0} images the model was {seen}: they are left out, as in the split of its run, and the figures are those of the {unseen.Length:N0} others"));
        return unseen;
    }

    /// <summary>That a model has no record of what it learned from, in words.</summary>
    public static string NoRecord(string model) => $"{model} was trained on some of these images cannot be known: there is no record of its run (split/train.npy) beside it";

    /// <summary>That figures promise too much, in words.</summary>
    /// <param name="count">Images that were asked for.</param>
    /// <param name="name">What they are called.</param>
    /// <param name="model">What has seen some of them.</param>
    /// <param name="seen">How, and how many.</param>
    public static string TooMuch(int count, string name, string model, string seen) =>
        FormattableString.Invariant($"of the {count:N0} {name} images the {model} was {seen}: the figures promise too much for new ones");

    bool IsOnlyValidated(ulong hash) => !record!.Has(DatasetSplit.Train, hash) && record.Has(DatasetSplit.Validation, hash);

    public static string Part(int count, string what) => count == 0 ? "" : FormattableString.Invariant($"{what} {count:N0}");
}
