using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>Keeps figures honest: which of the images that a model is evaluated on it has learned from.</summary>
/// <param name="record">What its run took down; null for nothing.</param>
/// <param name="log">Told what was found.</param>
internal sealed class UnseenImages(SplitRecord? record, ExperimentLog log)
{
    /// <summary>The images to evaluate on.</summary>
    /// <param name="images">Those that were asked for.</param>
    /// <param name="name">What they are called.</param>
    /// <param name="areChosen">Whether they are a split that the data or the caller chose: it is evaluated whole, and its faults are told. Otherwise the run's own split holds.</param>
    /// <param name="threads">Null for all cores.</param>
    /// <param name="cancellation">Ends the pass.</param>
    /// <exception cref="MlNetCifarException">There is none that the model has not learned from (MNC9020).</exception>
    public ImageSource Of(ImageSource images, string name, bool areChosen, int? threads, CancellationToken cancellation)
    {
        if (record is null)
        {
            log.Say(null, "whether the model was trained on some of these images cannot be known: there is no record of its run (split/train.npy) beside it");
            return images;
        }

        var hashes = SourceHash.OfPictures(images, threads ?? Environment.ProcessorCount, cancellation);
        var (trained, validated) = (hashes.Count(hash => record.Has(DatasetSplit.Train, hash)), hashes.Count(IsOnlyValidated));
        if (trained + validated == 0)
        {
            log.Say(null, FormattableString.Invariant($"the model was trained on none of these {images.Count:N0} images"));
            return images;
        }

        var seen = string.Join(" and ", new[] { Part(trained, "trained on"), Part(validated, "chosen and calibrated with") }.Where(part => part.Length > 0));
        if (areChosen)
        {
            log.Warn(FormattableString.Invariant($"of the {images.Count:N0} {name} images the model was {seen}: the figures promise too much for new ones"));
            return images;
        }

        int[] unseen = [.. Enumerable.Range(0, hashes.Length).Where(i => !record.Has(DatasetSplit.Train, hashes[i]) && !record.Has(DatasetSplit.Validation, hashes[i]))];
        if (unseen.Length == 0)
            throw ExperimentErrors.AllSeen(name, images.Count, seen);
        log.Warn(FormattableString.Invariant(
            $"of the {images.Count:N0} images the model was {seen}: they are left out, as in the split of its run, and the figures are those of the {unseen.Length:N0} others"));
        return images.Subset(unseen);
    }

    bool IsOnlyValidated(ulong hash) => !record!.Has(DatasetSplit.Train, hash) && record.Has(DatasetSplit.Validation, hash);

    static string Part(int count, string what) => count == 0 ? "" : FormattableString.Invariant($"{what} {count:N0}");
}
