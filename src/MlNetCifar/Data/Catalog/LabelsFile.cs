using System.Text;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary><c>labels.txt</c>: UTF-8, LF, one class name a line; line number − 1 is the index.</summary>
internal static class LabelsFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "labels.txt";

    /// <summary>Writes the names.</summary>
    /// <param name="classes">In index order.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="store">Null for the local disk.</param>
    /// <exception cref="MlNetCifarException">A name is no line of text, or comes twice (MNC1022, MNC1026).</exception>
    public static void Write(IEnumerable<string> classes, string path, IFileStore? store = null)
    {
        ArgumentNullException.ThrowIfNull(classes);
        string[] names = [.. classes];
        RequireLines(names, path);
        (store ?? LocalFileStore.Instance).Write(path, s => s.Write(Encoding.UTF8.GetBytes(Text(names))));
    }

    /// <summary>Reads the names.</summary>
    /// <param name="path">The file.</param>
    /// <param name="store">Null for the local disk.</param>
    /// <exception cref="MlNetCifarException">A name is empty or comes twice, or the file cannot be read (MNC10xx).</exception>
    public static IReadOnlyList<string> Read(string path, IFileStore? store = null)
    {
        try
        {
            using var stream = (store ?? LocalFileStore.Instance).OpenRead(path);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            return Parse(reader.ReadToEnd(), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unreadable(path, e);
        }
    }

    /// <summary>Makes sure that names can be read back.</summary>
    /// <exception cref="MlNetCifarException">One is no line of text, or comes twice (MNC1022, MNC1026).</exception>
    internal static void RequireLines(IReadOnlyList<string> classes, string path)
    {
        if (classes.FirstOrDefault(c => c.AsSpan().ContainsAny('\n', '\r')) is { } broken)
            throw DataErrors.UnwritableClass(path, broken, "a line of labels.txt, since it has more than one");
        if (!Parse(Text(classes), path).SequenceEqual(classes))
            throw DataErrors.UnwritableClass(path, classes[0], "the first line of labels.txt");
    }

    static string Text(IEnumerable<string> classes) => string.Concat(classes.Select(c => c + "\n"));

    internal static string[] Parse(string text, string path)
    {
        var names = text.TrimStart('\uFEFF').TrimEnd('\r', '\n').Split('\n').Select(n => n.TrimEnd('\r')).ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i].Length == 0)
                throw DataErrors.Labels(path, $"Line {i + 1} is empty.");
            if (Array.IndexOf(names, names[i]) < i)
                throw DataErrors.Labels(path, $"Line {i + 1} repeats '{names[i]}'.");
        }

        return names;
    }
}
