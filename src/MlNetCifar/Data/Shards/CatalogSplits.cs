namespace MlNetCifar.Data;

/// <summary>Cuts the splits that are asked for from a catalogue's training images, stratified.</summary>
internal static class CatalogSplits
{
    /// <summary>A catalogue's images with their final split, in the catalogue's order; those of one that has a split keep it.</summary>
    /// <param name="catalog">The images.</param>
    /// <param name="options">Fractions and seed.</param>
    public static IReadOnlyList<ImageRef> Assign(ImageCatalog catalog, ShardOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        return Assign(catalog.List, options);
    }

    /// <summary>Images as a plan wants them.</summary>
    /// <param name="images">The images of one split.</param>
    /// <param name="limit">A longer file is left out, and must come in once the limit is raised: the length −1 tells the plans apart.</param>
    internal static IReadOnlyList<ShardItem> Items(ImageList images, long limit = long.MaxValue) => new LazyList<ShardItem>(images.Count, i =>
        new(images.Path(i), images.Label(i), images.Length(i) is var length && length > limit ? -1 : length));

    internal static ImageList Assign(ImageList images, ShardOptions options)
    {
        var test = images.Of(DatasetSplit.Test).Count > 0 ? 0 : options.TestFraction;
        var validation = images.Of(DatasetSplit.Validation).Count > 0 ? 0 : options.ValidationFraction;
        images = Cut(images, DatasetSplit.Test, test, options.Seed);
        return Cut(images, DatasetSplit.Validation, validation / (1 - test), options.Seed);
    }

    // Training images come first, so that an index among them is one among all.
    static ImageList Cut(ImageList images, DatasetSplit split, double fraction, ulong seed)
    {
        if (fraction == 0)
            return images;
        var labels = new int[images.Of(DatasetSplit.Train).Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = images.Label(i);
        var (part, _) = StratifiedSplit.Split(labels, labels.DefaultIfEmpty(-1).Max() + 1, fraction, seed);
        return images.Move(part, split);
    }
}
