using System.Reflection;
using System.Text.RegularExpressions;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Architecture;

/// <summary>
/// The folders of a project use each other as the architecture page says, and in one direction only. A folder's own files are its face and its words, so they and
/// its subfolders may use each other; the same holds for a project's own files and its folders.
/// </summary>
[TestClass]
public sealed partial class ArrowTests
{
    static readonly Dictionary<string, FolderMap> s_maps = [];

    static Assembly AssemblyOf(string project) => project switch
    {
        "MlNetCifar" => typeof(MlNetCifarException).Assembly,
        "MlNetCifar.Spark" => typeof(SparkPrepare).Assembly,
        "MlNetCifar.Spark.Executor" => typeof(WorkerHost).Assembly,
        _ => Assembly.Load(project),
    };

    static FolderMap Map(string project)
    {
        lock (s_maps)
            return s_maps.TryGetValue(project, out var map) ? map : s_maps[project] = new(project, AssemblyOf(project));
    }

    static string Top(string folder) => folder.Split('/')[0];

    /// <summary>The unit that an arrow between two folders starts or ends at: a top folder, or, within one, its subfolder; null where no arrow is needed.</summary>
    static (string From, string To)? Arrow(FolderMap.Edge edge)
    {
        if (Top(edge.From) != Top(edge.To))
            return edge.From == "." || edge.To == "." ? null : (Top(edge.From), Top(edge.To));
        return edge.From.Contains('/') && edge.To.Contains('/') ? (edge.From, edge.To) : null;
    }

    static IReadOnlyList<(string From, string To)> Arrows(string project) => [.. Map(project).Edges.Select(Arrow).OfType<(string, string)>().Distinct()];

    [TestMethod]
    [DataRow("MlNetCifar")]
    [DataRow("MlNetCifar.Spark")]
    [DataRow("MlNetCifar.Spark.Executor")]
    [DataRow("MlNetCifar.Server")]
    [DataRow("MlNetCifar.App")]
    public void Folders_UseWhatThePageAllows(string project)
    {
        var allowed = ReadPage(project);
        SourceCode.AssertNone(
            from edge in Map(project).Edges
            where Arrow(edge) is { } arrow && !(allowed.TryGetValue(arrow.From, out var targets) && targets.Contains(arrow.To))
            select edge.ToString());
    }

    [TestMethod]
    [DataRow("MlNetCifar")]
    [DataRow("MlNetCifar.Spark")]
    [DataRow("MlNetCifar.Spark.Executor")]
    [DataRow("MlNetCifar.Server")]
    [DataRow("MlNetCifar.App")]
    public void Page_AllowsNothingThatNobodyNeeds(string project)
    {
        var used = Arrows(project);
        SourceCode.AssertNone(
            from row in ReadPage(project)
            from target in row.Value
            where !used.Contains((row.Key, target))
            select $"{row.Key} does not use {target}");
    }

    [TestMethod]
    [DataRow("MlNetCifar")]
    [DataRow("MlNetCifar.Spark")]
    [DataRow("MlNetCifar.Spark.Executor")]
    [DataRow("MlNetCifar.Server")]
    [DataRow("MlNetCifar.App")]
    public void Page_HasEveryFolder(string project)
    {
        Assert.IsEmpty(Map(project).Homeless, string.Join('\n', Map(project).Homeless));
        CollectionAssert.AreEquivalent(Map(project).Folders.Where(f => f != ".").ToArray(), ReadPage(project).Keys.ToArray());
    }

    [TestMethod]
    [DataRow("MlNetCifar")]
    [DataRow("MlNetCifar.Spark")]
    [DataRow("MlNetCifar.Spark.Executor")]
    [DataRow("MlNetCifar.Server")]
    [DataRow("MlNetCifar.App")]
    public void Arrows_GoOneWay(string project)
    {
        var (_, cycles) = FolderMap.Sort([.. Arrows(project)]);
        SourceCode.AssertNone(
            from edge in Map(project).Edges
            where Arrow(edge) is { } arrow && cycles.Contains(arrow.From) && cycles.Contains(arrow.To)
            select edge.ToString());
    }

    [TestMethod]
    public void Cycles_AreFound()
    {
        var (ordered, cycles) = FolderMap.Sort([("a", "b"), ("b", "c"), ("c", "b"), ("d", "e")]);
        CollectionAssert.AreEqual(new[] { "e", "d" }, ordered.ToArray());
        CollectionAssert.AreEqual(new[] { "a", "b", "c" }, cycles.ToArray());
    }

    [TestMethod]
    public void Uses_AreSeenThroughNamespacesAndInference()
    {
        // Types of one namespace, a type that is never named (the result of Recognise), and an extension method.
        var edges = Map("MlNetCifar").Edges;
        Assert.IsTrue(edges.Any(e => e is { User: "ImageDataset", Used: "LabelledImage" }));
        Assert.IsTrue(edges.Any(e => e is { User: "ReportWriter", Used: "ComparisonResult" }));
        Assert.IsTrue(edges.Any(e => e is { User: "ShardWriter", Used: "DatasetOpener" }));
        Assert.IsFalse(edges.Any(e => e.From == "Numerics"));
    }

    /// <summary>The tables of the page: a folder, what it holds, what it may use.</summary>
    static Dictionary<string, string[]> ReadPage(string project)
    {
        var page = File.ReadAllText(Repository.File("src", "MlNetCifar", "README.md"));
        var table = page.Split($"| folder of `{project}` |")[1].Split("\n\n")[0];
        return Row().Matches(table).ToDictionary(
            row => row.Groups[1].Value,
            row => Name().Matches(row.Groups[2].Value).Select(name => Qualified(row.Groups[1].Value, name.Groups[1].Value)).ToArray());
    }

    // A subfolder's row names its siblings.
    static string Qualified(string folder, string name) => folder.Contains('/') ? $"{Top(folder)}/{name}" : name;

    [GeneratedRegex(@"^\| `([\w/]+)` \|.*\|([^|\n]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}
