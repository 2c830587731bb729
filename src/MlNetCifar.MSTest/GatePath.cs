namespace MlNetCifar.MSTest;

/// <summary>Finds files that tests name: tests run in their output's folder, and people write paths from the project's or the repository's.</summary>
internal static class GatePath
{
    /// <summary>A path that is there.</summary>
    /// <param name="path">Absolute, an address, or relative to the folder of the tests or any above it; the nearest is taken.</param>
    /// <exception cref="MlNetCifarException">There is none (MNC7101).</exception>
    public static string Find(string path) => Find(path, AppContext.BaseDirectory);

    /// <summary>As <see cref="Find(string)"/>, from a folder.</summary>
    public static string Find(string path, string start)
    {
        if (Path.IsPathRooted(path) || path.Contains("://", StringComparison.Ordinal))
            return path;
        for (var folder = Path.TrimEndingDirectorySeparator(start); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var found = Path.Combine(folder, path);
            if (File.Exists(found) || Directory.Exists(found))
                return found;
        }

        throw GateErrors.NotFound(path, start);
    }
}
