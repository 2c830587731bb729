namespace MlNetCifar.Files;

/// <summary>Names of archive entries, which come from strangers.</summary>
internal static class ArchiveName
{
    /// <summary>The name relative to the archive's root, parts separated by '/'; empty for the root itself.</summary>
    /// <exception cref="MlNetCifarException">The name leads out of the archive.</exception>
    public static string Normalize(string name, string archive)
    {
        // Zip files written by old Windows tools separate with backslashes.
        var parts = name.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (name.StartsWith('/') || name.StartsWith('\\') || parts.Contains("..") || HasDrive(parts) || name.Contains('\0'))
            throw FileErrors.EntryEscapes(archive, name);
        return string.Join('/', parts.Where(p => p != "."));
    }

    static bool HasDrive(string[] parts) => parts.Length > 0 && parts[0].Length >= 2 && parts[0][1] == ':' && char.IsAsciiLetter(parts[0][0]);
}
