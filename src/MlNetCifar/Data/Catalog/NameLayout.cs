using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>Images whose own names begin with their class, in folders for the splits or in none.</summary>
internal static class NameLayout
{
    public static CatalogListing Read(FileTree tree, ImageCatalogOptions options)
    {
        var found = new List<(int File, string Label, DatasetSplit Split)>();
        var (nameless, firstNameless) = (0, "");
        for (var i = 0; i < tree.Files.Count; i++)
        {
            var path = tree.Files[i].Path;
            if (!ImageNames.IsImage(path))
                continue;
            if (ImageNames.LabelOf(path) is { } label)
                found.Add((i, label, SplitOf(path)));
            else if (nameless++ == 0)
                firstNameless = path;
        }

        if (found.Count == 0)
            throw LayoutHints.Empty(tree, tree.Origin);
        return List(tree, options, found, nameless == 0 ? [] : [$"{tree.Origin}: {nameless:N0} images have no class in their names and are left out; the first: {firstNameless}."]);
    }

    static CatalogListing List(FileTree tree, ImageCatalogOptions options, List<(int File, string Label, DatasetSplit Split)> found, IReadOnlyList<string> warnings)
    {
        var classes = options.Classes ?? [.. found.Where(f => f.Split == DatasetSplit.Train).Select(f => f.Label).Distinct().Order(StringComparer.Ordinal)];
        if (classes.Count == 0)
            throw DataErrors.NoTrainSplit(tree.Origin);
        if (classes.Count == 1)
            throw DataErrors.OneClass(tree.Origin, classes[0]);
        var labels = classes.Select((name, i) => (name, i)).ToDictionary(c => c.name, c => c.i, StringComparer.Ordinal);
        var images = new ImageList.Builder(tree.Files);
        foreach (var (file, label, split) in found)
        {
            if (!labels.TryGetValue(label, out var index))
                throw DataErrors.UnknownClass(tree.Locate(tree.Files[file].Path), label, options.Classes);
            images.Add(file, index, split);
        }

        return new(classes, images.Build(), warnings, []);
    }

    static DatasetSplit SplitOf(string path)
    {
        foreach (var part in path.Split('/')[..^1])
        {
            if (SplitNames.Of(part) is { } split)
                return split;
        }

        return DatasetSplit.Train;
    }
}
