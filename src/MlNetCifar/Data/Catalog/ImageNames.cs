namespace MlNetCifar.Data;

/// <summary>Which files of a folder are taken for images. Only the name is looked at here; what a file really is, its content decides.</summary>
internal static class ImageNames
{
    static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> s_extensions = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm",

        // Not decoded, but told of by name rather than passed over.
        ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl",
    }.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether a path counts as an image: right extension, no hidden part, no leftovers of packers, clusters and file servers.</summary>
    public static bool IsImage(ReadOnlySpan<char> path) => s_extensions.Contains(Path.GetExtension(path)) && !IsHiddenPath(path);

    /// <summary>Whether a part of a path is hidden.</summary>
    public static bool IsHiddenPath(ReadOnlySpan<char> path)
    {
        foreach (var part in path.Split('/'))
        {
            if (IsHidden(path[part]))
                return true;
        }

        return false;
    }

    /// <summary>Whether a file or folder of this name is none of the user's.</summary>
    public static bool IsHidden(ReadOnlySpan<char> name) => name.StartsWith('.') || name is "__MACOSX" or "_temporary" or "_mlnetcifar_temporary" or "@eaDir" or "#recycle" or "$RECYCLE.BIN" or "Thumbs.db" or "desktop.ini";

    /// <summary>The label that a file's own name gives: what stands before its last number, else before its first separator; null where that is no word.</summary>
    /// <remarks><c>cat.0.jpg</c> → <c>cat</c>, <c>great_pyrenees_12.jpg</c> → <c>great_pyrenees</c>, <c>n01440764_36.JPEG</c> → <c>n01440764</c>, <c>1.jpg</c> → null.</remarks>
    public static string? LabelOf(string path)
    {
        var stem = Path.GetFileNameWithoutExtension(path.AsSpan());
        var label = stem.TrimEnd(')').TrimEnd("0123456789");
        label = label.Length < stem.Length
            ? label.TrimEnd("._-( ")
            : stem.IndexOfAny("._- ") is > 0 and var separator ? stem[..separator] : stem;
        foreach (var letter in label)
        {
            if (char.IsLetter(letter))
                return label.ToString();
        }

        return null;
    }
}
