using MlNetCifar.Data.Catalog;

namespace MlNetCifar.Data.Shards;

/// <summary>Cuts the splits that are asked for from a catalogue's training images, stratified.</summary>
public static class CatalogSplits
{
    /// <summary>The images with their final split; those of a catalogue that has the split keep it.</summary>
    /// <param name="images">A catalogue's images.</param>
    /// <param name="options">Fractions and seed.</param>
    public static IReadOnlyList<ImageRef> Assign(IReadOnlyList<ImageRef> images, ShardOptions options)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        var test = images.Any(i => i.Split == DatasetSplit.Test) ? 0 : options.TestFraction;
        var validation = images.Any(i => i.Split == DatasetSplit.Validation) ? 0 : options.ValidationFraction;
        images = Cut(images, DatasetSplit.Test, test, options.Seed);
        return Cut(images, DatasetSplit.Validation, validation / (1 - test), options.Seed);
    }

    static IReadOnlyList<ImageRef> Cut(IReadOnlyList<ImageRef> images, DatasetSplit split, double fraction, ulong seed)
    {
        if (fraction == 0)
            return images;
        var train = images.Where(i => i.Split == DatasetSplit.Train).ToArray();
        var labels = Array.ConvertAll(train, i => i.Label);
        var (part, _) = StratifiedSplit.Split(labels, labels.DefaultIfEmpty(-1).Max() + 1, fraction, seed);
        var moved = part.Select(i => train[i].Path).ToHashSet(StringComparer.Ordinal);
        var result = images.Select(i => i.Split == DatasetSplit.Train && moved.Contains(i.Path) ? i with { Split = split } : i).ToArray();
        Array.Sort(result, FolderLayout.Compare);
        return result;
    }
}
