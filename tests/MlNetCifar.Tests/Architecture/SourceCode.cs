using System.Text.RegularExpressions;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Architecture;

/// <summary>The sources of this repository as text.</summary>
static partial class SourceCode
{
    /// <summary>The C# files of a folder below the repository's root.</summary>
    public static IEnumerable<string> In(params string[] folder) => Files(Repository.File(folder));

    /// <summary>The files below a folder that people write.</summary>
    public static IEnumerable<string> Files(string folder, string pattern = "*.cs") =>
        Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts"));

    /// <summary>A file's path from the repository's root.</summary>
    public static string Relative(string file) => Path.GetRelativePath(Repository.Root, file);

    /// <summary>A file's text without comments and without the content of strings.</summary>
    public static string WithoutComments(string file) => CommentOrString().Replace(File.ReadAllText(file), "");

    /// <summary>Fails with one line for each offender.</summary>
    public static void AssertNone(IEnumerable<string> offenders)
    {
        var list = offenders.Distinct().ToArray();
        Assert.IsEmpty(list, string.Join('\n', list));
    }

    [GeneratedRegex(@"""(\\.|[^""\\\n])*""|//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();
}
