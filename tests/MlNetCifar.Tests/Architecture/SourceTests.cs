using System.Text.RegularExpressions;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Architecture;

/// <summary>Rules of the architecture that the compiler cannot keep, read from the source text.</summary>
[TestClass]
public sealed partial class SourceTests
{
    const int FileLines = 500;
    const int FolderFiles = 25;

    /// <summary>The namespace of the types that every user meets, wherever they lie.</summary>
    const string Everyday = "MlNetCifar";

    static readonly string[] s_textFolders = ["src", "tests", "docs", "notebooks", "samples", "templates", "models", ".ci"];

    static string Library => Repository.File("src", "MlNetCifar");

    [TestMethod]
    public void Namespaces_AreFolders() => SourceCode.AssertNone(
        from file in SourceCode.In("src").Concat(SourceCode.In("tests"))
        let declared = NamespaceDeclaration().Match(File.ReadAllText(file)).Groups[1].Value
        where declared.Length > 0
        let parts = Path.GetDirectoryName(SourceCode.Relative(file))!.Split(Path.DirectorySeparatorChar)[1..]
        let expected = string.Join('.', parts[0] switch { "MlNetCifar" or "MlNetCifar.Spark" => parts.Take(2), "MlNetCifar.Spark.Executor" => parts.Skip(1).Take(1).Prepend("MlNetCifar.Spark"), "MlNetCifar.MLNet" => parts.Take(1), _ => parts })
        where declared != expected && !(parts[0] == Everyday && declared == Everyday)
        select $"{SourceCode.Relative(file)} declares {declared}");

    [TestMethod]
    public void Unsafe_IsConfinedToNumerics() => SourceCode.AssertNone(
        from file in SourceCode.In("src")
        where !SourceCode.Relative(file).StartsWith(Path.Combine("src", "MlNetCifar", "Numerics") + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        where UnsafeCode().IsMatch(SourceCode.WithoutComments(file))
        select SourceCode.Relative(file));

    [TestMethod]
    public void Kernels_AreInternal() => SourceCode.AssertNone(
        from type in typeof(MlNetCifarException).Assembly.GetExportedTypes()
        where type.Namespace!.StartsWith("MlNetCifar.Numerics", StringComparison.Ordinal)
        select $"{type} is public");

    [TestMethod]
    public void Files_StayWithinBudget() => SourceCode.AssertNone(
        from file in SourceCode.In("src").Concat(SourceCode.In("tests"))
        let lines = File.ReadLines(file).Count()
        where lines > FileLines
        select $"{SourceCode.Relative(file)} has {lines} lines, at most {FileLines}");

    /// <summary>A factory whose error is dropped would go unnoticed: every error is thrown, returned or handed on where it is made.</summary>
    [TestMethod]
    public void Errors_AreNotDropped() => SourceCode.AssertNone(
        from file in SourceCode.In("src")
        from line in File.ReadLines(file).Index()
        where DroppedError().IsMatch(line.Item)
        select $"{SourceCode.Relative(file)}:{line.Index + 1}: {line.Item.Trim()}");

    [TestMethod]
    public void Folders_StayWithinBudget() => SourceCode.AssertNone(
        from folder in SourceCode.In("src").Concat(SourceCode.In("tests")).GroupBy(file => Path.GetDirectoryName(file)!)
        where folder.Count() > FolderFiles
        select $"{SourceCode.Relative(folder.Key)} holds {folder.Count()} files, at most {FolderFiles}");

    [TestMethod]
    public void Documentation_IsNotSwitchedOff()
    {
        StringAssert.Contains(File.ReadAllText(Path.Combine(Library, "MlNetCifar.csproj")), "<GenerateDocumentationFile>true</GenerateDocumentationFile>");
        StringAssert.Contains(File.ReadAllText(Repository.File("Directory.Build.props")), "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>");
        SourceCode.AssertNone(
            from file in SourceCode.In("src").Concat(Projects()).Append(Repository.File(".editorconfig"))
            where MissingDocumentation().IsMatch(File.ReadAllText(file))
            select SourceCode.Relative(file));
    }

    [TestMethod]
    public void Files_NameNoMachinePath() => SourceCode.AssertNone(
        from file in TextFiles()
        from line in File.ReadLines(file)
        where MachinePath().IsMatch(line)
        select $"{SourceCode.Relative(file)}: {line.Trim()}");

    /// <summary>Opened files of their own making, or under a new name: nothing is replaced.</summary>
    static readonly HashSet<string> s_writers =
    [
        "FileTarget.cs", "TemporaryFile.cs", "PartTaskReader.cs", "TarGzipTree.cs", "PartFiles.cs", "RunLock.cs", "TensorBoardObserver.cs", "MlflowSpool.cs", "SweepJournal.cs", "DatasetDownloader.cs", "ClusterConfiguration.cs", "SpillFile.cs",
        "ParquetFile.cs", "WorkerTokens.cs",
    ];

    [TestMethod]
    public void Files_AreReplacedInOnePlace() => SourceCode.AssertNone(
        from file in SourceCode.In("src")
        where !s_writers.Contains(Path.GetFileName(file)) && FileReplacement().IsMatch(SourceCode.WithoutComments(file))
        select $"{SourceCode.Relative(file)} writes past FileTarget, whose rule spares devices and follows links");

    [GeneratedRegex(@"\bFile\.(Move|Replace|Copy|Create|WriteAll\w+|AppendAll\w+|OpenWrite|CreateText|AppendText)\b|\bFileMode\.(?!Open\b)|\bnew StreamWriter\((?!_|stream|output|System\.Console)")]
    private static partial Regex FileReplacement();

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceDeclaration();

    [GeneratedRegex(@"^\s*(?:if \(.*\) |else )?\w+Errors\.\w+\(")]
    private static partial Regex DroppedError();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeCode();

    [GeneratedRegex("CS" + "1591|Skip" + "Documentation")]
    private static partial Regex MissingDocumentation();

    // Absolute paths of a developer's machine; the parts are joined so that this file does not name one.
    [GeneratedRegex("(?<![\\w.$}~/-])(/ho" + "me/|/ro" + "ot/|/wo" + "rk/|/Us" + "ers/)\\w|[A-Z]:\\\\Us" + "ers\\\\")]
    private static partial Regex MachinePath();

    static IEnumerable<string> Projects() => SourceCode.Files(Repository.File("src"), "*.csproj").Append(Repository.File("Directory.Build.props"));

    static IEnumerable<string> TextFiles() =>
        new[] { "*.cs", "*.csproj", "*.py", "*.sh", "*.md", "*.json", "*.proto", "*.ipynb", "*.html" }
            .SelectMany(pattern => s_textFolders.Select(f => Repository.File(f)).Where(Directory.Exists).SelectMany(f => SourceCode.Files(f, pattern)))
            .Concat(Directory.EnumerateFiles(Repository.Root, "*.*").Where(file => Path.GetExtension(file) is ".md" or ".props" or ".config" or ".json" or ".sln"));

}
