using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>What <see cref="ShardWriter"/> did.</summary>
/// <param name="Folder">The shard folder.</param>
/// <param name="Splits">The manifest of every split.</param>
/// <param name="PartsWritten">Parts built in this run.</param>
/// <param name="PartsKept">Parts found whole from an earlier run.</param>
/// <param name="BadFiles">Images left out, also those of kept parts.</param>
/// <param name="Warnings">Things worth knowing that are no errors.</param>
public sealed record ShardReport(
    string Folder, IReadOnlyDictionary<DatasetSplit, ShardManifest> Splits, int PartsWritten, int PartsKept,
    IReadOnlyList<BadFile> BadFiles, IReadOnlyList<string> Warnings);

/// <summary>The parts of a split that are to be made.</summary>
/// <param name="Folder">The folder of the split; need not be there.</param>
/// <param name="Plan">Which images go into which part.</param>
/// <param name="Missing">The numbers of the parts to make; at least one.</param>
public sealed record ShardWork(string Folder, ShardPlan Plan, IReadOnlyList<int> Missing);

/// <summary>
/// <c>prepare</c>, locally: images or arrays → a shard folder. An input without splits goes into the folder itself, one with splits into
/// <c>train</c>, <c>validation</c> and <c>test</c> below it. A second run over the same input builds only parts that are missing or damaged; finished shards
/// of other settings are replaced only where <see cref="ShardOptions.ExistOk"/> says so.
/// </summary>
public static class ShardWriter
{
    /// <summary>Writes a data set's shards.</summary>
    /// <param name="input">Anything <see cref="ImageDataset.Open"/> opens.</param>
    /// <param name="folder">The shard folder.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="files">How files are found; null for the defaults.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the work; finished parts are kept.</param>
    /// <exception cref="MlNetCifarException">The input is wrong, the folder cannot be written, or it holds finished shards of other settings (MNC10xx).</exception>
    public static ShardReport Write(
        string input, string folder, ShardOptions? options = null, ImageCatalogOptions? files = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        options.Validate();
        files ??= new();
        if ($"{options.Store.FullName(folder)}/".StartsWith($"{files.Store.FullName(input)}/", StringComparison.Ordinal))
            throw DataErrors.OutputIsInput(folder);
        var opener = new DatasetOpener(new() { Spec = options.Spec, Decode = options.Decode, Files = files, Threads = options.Threads }, null, cancellation);
        var (loaded, catalog) = opener.Recognise(input);
        using (loaded)
        using (catalog)
        {
            return loaded is not null
                ? Write(loaded, folder, options, progress, cancellation)
                : Write(catalog!, folder, options, progress, cancellation);
        }
    }

    /// <summary>Writes a catalogue's shards.</summary>
    /// <param name="catalog">The images.</param>
    /// <param name="folder">The shard folder.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the work; finished parts are kept.</param>
    /// <exception cref="MlNetCifarException">The folder cannot be written (MNC1024), or an image is bad and the options ask to fail.</exception>
    public static ShardReport Write(
        ImageCatalog catalog, string folder, ShardOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        options ??= new();
        options.Validate();
        LabelsFile.RequireLines(catalog.Classes, catalog.Origin);
        var images = CatalogSplits.Assign(catalog.List, options);
        var splits = images.BySplit();
        var limit = catalog.Options.MaxFileBytes;
        FileTree? tree = null;
        try
        {
            var all = new ProgressCounter(images.Count, progress);
            using var run = new ShardRun(folder, options, catalog.Classes, all, cancellation);
            run.Begin(splits.Select(s => s.Split));
            if (options.Normalize)
            {
                var train = images.Of(DatasetSplit.Train);
                if (train.Count == 0)
                    throw DataErrors.NoSplit(catalog.Origin, ShardManifest.NameOf(DatasetSplit.Train));
                var (items, counter) = (CatalogSplits.Items(train, limit), new ProgressCounter(train.Count, progress));
                run.Normalize(items, options => TrainingMoments.Built(items, options, (builder, indices) => Build(train, builder, indices, counter)));
            }

            foreach (var (split, members) in splits)
                run.Split(split, CatalogSplits.Items(members, limit), (builder, indices) => Build(members, builder, indices, all));
            return run.Finish(catalog.BadFiles, [.. catalog.Warnings, .. Uncut(catalog.List.BySplit().Select(s => s.Split), options)]);
        }
        finally
        {
            if (tree is not null && tree != catalog.Tree)
                tree.Dispose();
        }

        ShardPart Build(ImageList members, ShardBuilder builder, int[] indices, ProgressCounter counter)
        {
            tree ??= catalog.Tree.ToRandomAccess(cancellation);
            var inputs = indices.Select(i => members[i]).Select(image => new ShardInput(image.Path, image.Label, () => Read(tree, image, limit)));
            return builder.Build(indices.Length, inputs, counter.Advance, cancellation);
        }
    }

    /// <summary>Plans a catalogue's shards, has the missing parts made elsewhere, as by the executors of a cluster, and commits them.</summary>
    /// <param name="catalog">The images.</param>
    /// <param name="folder">The shard folder.</param>
    /// <param name="options">What the shards are to be.</param>
    /// <param name="make">
    /// Gets the folder of the run and what is to be made of each split; writes the missing parts into the splits' folders, in any order, or, where <see cref="ShardPlan.MeasureOnly"/> says so
    /// of every plan, measures them and writes nothing. Gives each part with the index of its split, and it is committed as it comes. Called once for all splits that lack parts; before that for
    /// the training split's sums, where shards are to be normalised and an earlier run has not left them.
    /// </param>
    /// <param name="cancellation">Ends the work between two parts; finished parts are kept.</param>
    /// <exception cref="MlNetCifarException">The folder cannot be written (MNC1024), or <paramref name="make"/> fails.</exception>
    public static ShardReport Write(
        ImageCatalog catalog, string folder, ShardOptions options, Func<string, IReadOnlyList<ShardWork>, IEnumerable<(int Work, ShardPartInfo Part)>> make,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(make);
        options.Validate();
        var splits = CatalogSplits.Assign(catalog.List, options).BySplit();
        using var run = new ShardRun(folder, options, catalog.Classes, new ProgressCounter(catalog.Images.Count, null), cancellation);
        run.Begin(splits.Select(s => s.Split));
        if (options.Normalize)
            run.Normalize(CatalogSplits.Items(splits.FirstOrDefault(s => s.Split == DatasetSplit.Train).Images ?? throw DataErrors.NoSplit(catalog.Origin, ShardManifest.NameOf(DatasetSplit.Train))), make);
        run.Make([.. splits.Select(s => run.Plan(s.Split, CatalogSplits.Items(s.Images)))], make);
        return run.Finish(catalog.BadFiles, [.. catalog.Warnings, .. Uncut(catalog.List.BySplit().Select(s => s.Split), options)]);
    }

    /// <summary>Writes an opened data set's shards; its pictures keep their size.</summary>
    /// <param name="data">Usually arrays.</param>
    /// <param name="folder">The shard folder.</param>
    /// <param name="options">Null for the defaults; the specification's size is replaced by that of the pictures.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the work; finished parts are kept.</param>
    /// <exception cref="MlNetCifarException">The folder cannot be written (MNC1024).</exception>
    public static ShardReport Write(
        ImageDataset data, string folder, ShardOptions? options = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options ??= new();
        options.Validate();
        List<string> warnings = [.. data.Warnings, .. Uncut(data.Splits.Keys, options)];
        var taken = data.Has(DatasetSplit.Test) ? 0 : options.TestFraction;
        if (options.TestFraction > 0)
            data = data.Ensure(DatasetSplit.Test, options.TestFraction, options.Seed);
        if (options.ValidationFraction > 0)
            data = data.Ensure(DatasetSplit.Validation, options.ValidationFraction / (1 - taken), options.Seed);
        var first = data.Splits.First().Value;
        if (data.Spec is null && options.Spec != new PreprocessSpec())
            warnings.Add(FormattableString.Invariant($"what was asked of pictures has no effect: those of arrays stay as they are, {first.Width}×{first.Height}×{first.Channels}"));
        options = options with { Spec = (data.Spec ?? options.Spec) with { Width = first.Width, Height = first.Height, Channels = first.Channels } };
        if (options is { Normalize: true, NormalizedBy: null })
            options = options with { NormalizedBy = Normalization.Compute(data.Train, cancellation) };
        using var run = new ShardRun(folder, options, data.Classes, new ProgressCounter(data.Splits.Sum(s => s.Value.Count), progress), cancellation);
        run.Begin(data.Splits.Keys);
        foreach (var (split, source) in data.Splits.OrderBy(s => s.Key))
        {
            var items = new LazyList<ShardItem>(source.Count, i => new(source.Name(i), source.Label(i), 0));
            run.Split(split, items, (builder, indices) =>
            {
                var part = builder.Build(source, indices);
                foreach (var _ in indices)
                    run.Advance(false);
                return part;
            }, source.ContentHash(cancellation));
        }

        return run.Finish(data.BadFiles, warnings);
    }

    /// <summary>Splits that were to be cut and are there already.</summary>
    static IEnumerable<string> Uncut(IEnumerable<DatasetSplit> own, ShardOptions options)
    {
        var splits = own.ToHashSet();
        if (options.TestFraction > 0 && splits.Contains(DatasetSplit.Test))
            yield return "the share for a test split has no effect: the data have one";
        if (options.ValidationFraction > 0 && splits.Contains(DatasetSplit.Validation))
            yield return "the share for a validation split has no effect: the data have one";
    }

    static ReadOnlyMemory<byte> Read(FileTree tree, ImageRef image, long limit)
    {
        var entry = tree.Files[image.File];
        if (entry.Length > limit)
            throw FileErrors.FileTooLarge(image.Path, entry.Length, limit);
        byte[] buffer = [];
        var length = tree.Read(image.File, ref buffer);
        return length == entry.Length ? buffer.AsMemory(0, length) : throw FileErrors.ShortRead(image.Path, length, entry.Length);
    }
}
