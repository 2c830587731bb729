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
    public static void Write(IEnumerable<string> classes, string path, IFileStore? store = null) =>
        (store ?? LocalFileStore.Instance).Write(path, s => s.Write(Encoding.UTF8.GetBytes(string.Concat(classes.Select(c => c + "\n")))));

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
