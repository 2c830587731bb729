using System.Text.RegularExpressions;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Architecture;

/// <summary>Rules of the architecture that the compiler cannot keep, read from the source text.</summary>
[TestClass]
public sealed partial class SourceTests
{
    const int FileLines = 500;
    const int FolderFiles = 25;

    /// <summary>What each folder of the library may use besides itself and the everyday types.</summary>
    static readonly Dictionary<string, string[]> s_arrows = new()
    {
        ["Imaging"] = ["Files"],
        ["Files"] = [],
        ["Numerics"] = [],
        ["Data"] = ["Files", "Imaging", "Numerics"],
        ["Nn"] = ["Files", "Numerics"],
        ["Evaluation"] = ["Files", "Imaging", "Numerics", "Data", "Nn"],
        ["Inference"] = ["Files", "Imaging", "Numerics", "Data", "Nn", "Evaluation"],
        ["Training"] = ["Files", "Imaging", "Numerics", "Data", "Nn", "Evaluation", "Inference"],
        ["Explain"] = ["Files", "Imaging", "Numerics", "Data", "Nn", "Inference"],
        ["Reporting"] = ["Files", "Imaging", "Numerics", "Data", "Nn", "Evaluation", "Inference", "Training"],
    };

    /// <summary>The namespace of the types that every user meets, wherever they lie.</summary>
    const string Everyday = "MlNetCifar";

    static string Library => Repository.File("src", "MlNetCifar");

    [TestMethod]
    public void Usings_FollowTheArrows() => AssertNone(
        from file in Sources("src", "MlNetCifar")
        let folder = Path.GetRelativePath(Library, file).Split(Path.DirectorySeparatorChar)[0]
        where !folder.EndsWith(".cs", StringComparison.Ordinal)
        from Match match in NamespaceUse().Matches(WithoutComments(file))
        let target = match.Groups[1].Value
        where target != folder && s_arrows.ContainsKey(target) && (!s_arrows.TryGetValue(folder, out var allowed) || !allowed.Contains(target))
        select $"{Relative(file)} uses MlNetCifar.{target}");

    [TestMethod]
    public void Folders_AreKnown() => AssertNone(
        from folder in Directory.EnumerateDirectories(Library)
        let name = Path.GetFileName(folder)
        where name is not ("bin" or "obj") && !s_arrows.ContainsKey(name)
        select $"{name} has no place among the arrows");

    [TestMethod]
    public void Namespaces_AreFolders() => AssertNone(
        from file in Sources("src").Concat(Sources("tests"))
        let declared = NamespaceDeclaration().Match(File.ReadAllText(file)).Groups[1].Value
        where declared.Length > 0
        let parts = Path.GetDirectoryName(Relative(file))!.Split(Path.DirectorySeparatorChar)[1..]
        let expected = string.Join('.', parts[0] is "MlNetCifar" or "MlNetCifar.Spark" ? parts.Take(2) : parts)
        where declared != expected && !(parts[0] == Everyday && declared == Everyday)
        select $"{Relative(file)} declares {declared}");

    [TestMethod]
    public void Unsafe_IsConfinedToNumerics() => AssertNone(
        from file in Sources("src")
        where !Relative(file).StartsWith(Path.Combine("src", "MlNetCifar", "Numerics") + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        where UnsafeCode().IsMatch(WithoutComments(file))
        select Relative(file));

    [TestMethod]
    public void Kernels_AreInternal() => AssertNone(
        from type in typeof(MlNetCifarException).Assembly.GetExportedTypes()
        where type.Namespace!.StartsWith("MlNetCifar.Numerics", StringComparison.Ordinal)
        select $"{type} is public");

    [TestMethod]
    public void Files_StayWithinBudget() => AssertNone(
        from file in Sources("src").Concat(Sources("tests"))
        let lines = File.ReadLines(file).Count()
        where lines > FileLines
        select $"{Relative(file)} has {lines} lines, at most {FileLines}");

    [TestMethod]
    public void Folders_StayWithinBudget() => AssertNone(
        from folder in Sources("src").Concat(Sources("tests")).GroupBy(file => Path.GetDirectoryName(file)!)
        where folder.Count() > FolderFiles
        select $"{Relative(folder.Key)} holds {folder.Count()} files, at most {FolderFiles}");

    [TestMethod]
    public void Documentation_IsNotSwitchedOff()
    {
        StringAssert.Contains(File.ReadAllText(Path.Combine(Library, "MlNetCifar.csproj")), "<GenerateDocumentationFile>true</GenerateDocumentationFile>");
        StringAssert.Contains(File.ReadAllText(Repository.File("Directory.Build.props")), "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>");
        AssertNone(
            from file in Sources("src").Concat(Projects()).Append(Repository.File(".editorconfig"))
            where MissingDocumentation().IsMatch(File.ReadAllText(file))
            select Relative(file));
    }

    [TestMethod]
    public void Files_NameNoMachinePath() => AssertNone(
        from file in TextFiles()
        from line in File.ReadLines(file)
        where MachinePath().IsMatch(line)
        select $"{Relative(file)}: {line.Trim()}");

    /// <summary>Opened files of their own making, or under a new name: nothing is replaced.</summary>
    static readonly HashSet<string> s_writers =
    [
        "FileTarget.cs", "TemporaryFile.cs", "TarGzipTree.cs", "PartFiles.cs", "RunLock.cs", "TensorBoardObserver.cs", "MlflowSpool.cs", "DatasetDownloader.cs", "ClusterConfiguration.cs",
    ];

    [TestMethod]
    public void Files_AreReplacedInOnePlace() => AssertNone(
        from file in Sources("src")
        where !s_writers.Contains(Path.GetFileName(file)) && FileReplacement().IsMatch(WithoutComments(file))
        select $"{Relative(file)} writes past FileTarget, whose rule spares devices and follows links");

    [GeneratedRegex(@"\bFile\.(Move|Replace|Copy|Create|WriteAll\w+|AppendAll\w+|OpenWrite|CreateText|AppendText)\b|\bFileMode\.(?!Open\b)|\bnew StreamWriter\((?!_|stream|output|System\.Console)")]
    private static partial Regex FileReplacement();

    [GeneratedRegex(@"\bMlNetCifar\.([A-Z]\w*)")]
    private static partial Regex NamespaceUse();

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceDeclaration();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeCode();

    [GeneratedRegex("CS" + "1591|Skip" + "Documentation")]
    private static partial Regex MissingDocumentation();

    // Absolute paths of a developer's machine; the parts are joined so that this file does not name one.
    [GeneratedRegex("(?<![\\w.$}~/-])(/ho" + "me/|/ro" + "ot/|/wo" + "rk/|/Us" + "ers/)\\w|[A-Z]:\\\\Us" + "ers\\\\")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"""(\\.|[^""\\\n])*""|//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex CommentOrString();

    static string WithoutComments(string file) => CommentOrString().Replace(File.ReadAllText(file), "");

    static IEnumerable<string> Sources(params string[] folder) => Files(Repository.File(folder), "*.cs");

    static IEnumerable<string> Projects() => Files(Repository.File("src"), "*.csproj").Append(Repository.File("Directory.Build.props"));

    static IEnumerable<string> TextFiles() =>
        new[] { "*.cs", "*.csproj", "*.py", "*.sh", "*.md", "*.json", "*.proto", "*.ipynb", "*.html" }
            .SelectMany(pattern => new[] { "src", "tests", "notebooks", "models", ".ci" }.Where(f => Directory.Exists(Repository.File(f))).SelectMany(f => Files(Repository.File(f), pattern)))
            .Concat(Directory.EnumerateFiles(Repository.Root, "*.*").Where(file => Path.GetExtension(file) is ".md" or ".props" or ".config" or ".json" or ".sln"));

    static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "artifacts"));

    static string Relative(string file) => Path.GetRelativePath(Repository.Root, file);

    static void AssertNone(IEnumerable<string> offenders)
    {
        var list = offenders.Distinct().ToArray();
        Assert.IsEmpty(list, string.Join('\n', list));
    }
}
