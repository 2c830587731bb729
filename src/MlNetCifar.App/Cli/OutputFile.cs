namespace MlNetCifar.App.Cli;

/// <summary>Files that the user names for a result.</summary>
internal static class OutputFile
{
    /// <summary>Refuses a name that promises another format than will be written. A name without an extension, such as a device's, promises none.</summary>
    /// <param name="option">The option that names the file.</param>
    /// <param name="path">The name.</param>
    /// <param name="what">What is written, for people, in the plural where it has several formats.</param>
    /// <param name="extensions">Those of its formats, with their dots, the usual one first.</param>
    /// <returns>The extension in lower case; the first one where the name has none.</returns>
    /// <exception cref="MlNetCifarException">The extension is another (MNC9018).</exception>
    public static string Format(OptionDescription option, string path, string what, params IReadOnlyList<string> extensions)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        if (extension.Length == 0)
            return extensions[0];
        return extensions.Contains(extension) ? extension : throw CliErrors.WrongFormat(option, path, what, extensions);
    }
}
