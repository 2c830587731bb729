namespace MlNetCifar.Files;

/// <summary>A walk through a folder of the local disk, links included.</summary>
internal static class LocalListing
{
    static readonly EnumerationOptions s_all = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    /// <summary>Everything below a folder; see <see cref="LocalFileStore.List"/>.</summary>
    public static IEnumerable<StoredEntry> Of(string root)
    {
        var open = new Stack<Place>();
        open.Push(new(new DirectoryInfo(root).FullName, "", FileLinks.Resolve(root), null));
        while (open.TryPop(out var place))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(place.Path, "*", s_all))
            {
                var name = Path.GetFileName(path);
                var relative = place.Relative.Length == 0 ? name : $"{place.Relative}/{name}";
                var node = FileNode.Of(path);
                if (node.Kind == NodeKind.Folder)
                {
                    var real = new FileInfo(path).LinkTarget is null ? Path.Combine(place.Real, name) : FileLinks.Resolve(path);
                    if (place.IsInside(real))
                        continue;
                    open.Push(new(path, relative, real, place));
                    yield return new(relative, 0, true);
                }
                else if (node.Kind is NodeKind.File or NodeKind.None)
                {
                    yield return new(relative, node.Length, false);
                }
            }
        }
    }

    /// <summary>A folder on the way.</summary>
    /// <param name="Path">As reached.</param>
    /// <param name="Relative">To the root.</param>
    /// <param name="Real">Without links, by which cycles are known.</param>
    /// <param name="Parent">The folder it was found in.</param>
    sealed record Place(string Path, string Relative, string Real, Place? Parent)
    {
        public bool IsInside(string real)
        {
            for (var place = this; place is not null; place = place.Parent)
            {
                if (place.Real == real)
                    return true;
            }

            return false;
        }
    }
}
