using System.Text.RegularExpressions;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Tests.Spark;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>Every walk is executed in both its forms: as a notebook by Jupyter, and as a program.</summary>
[TestClass]
public sealed class NotebookTests
{
    static readonly Jupyter s_jupyter = new();

    [ClassCleanup]
    public static void DeleteJupyter() => s_jupyter.Dispose();

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Walks.Rows), typeof(Walks))]
    public void Walk_RunsInJupyter(string name)
    {
        using var folder = new TestFolder();
        RunInJupyter(name, folder);
    }

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Walks.Rows), typeof(Walks))]
    public void Walk_RunsAsAProgram(string name)
    {
        using var folder = new TestFolder();
        RunAsAProgram(name, folder);
    }

    [TestMethod]
    [TestCategory("Spark")]
    [DoNotParallelize]
    public Task SparkWalk_RunsInJupyter() => OnSpark(folder => RunInJupyter(Walks.OnSpark, folder));

    [TestMethod]
    [TestCategory("Spark")]
    [DoNotParallelize]
    public Task SparkWalk_RunsAsAProgram() => OnSpark(folder => StringAssert.EndsWith(RunAsAProgram(Walks.OnSpark, folder), "stopped\n"));

    static void RunInJupyter(string name, TestFolder folder)
    {
        var page = s_jupyter.Execute(name, Variables(folder));
        StringAssert.Matches(page, new Regex("<img src=\"data:image/png;base64,|<iframe srcdoc="), "pictures and pages are shown by the extension");
        Assert.DoesNotContain("dni-treeview", page, "nothing is shown as the tree of its properties");
    }

    static string RunAsAProgram(string name, TestFolder folder)
    {
        var program = FileProgram.Compile(folder, File.ReadAllText(Repository.File("notebooks", name + ".cs")));
        var start = OwnProcess.Info(Repository.File("notebooks"), "run", program);
        foreach (var (variable, value) in Variables(folder))
            start.Environment[variable] = value;
        var output = OwnProcess.Run(start);
        Assert.IsGreaterThan(2, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, output);
        return output;
    }

    /// <summary>A walk that fails must not leave its cluster behind.</summary>
    static async Task OnSpark(Action<TestFolder> run)
    {
        SparkFixture.Runtime();
        using var folder = new TestFolder();
        try
        {
            run(folder);
        }
        finally
        {
            if (LocalCluster.Find(folder[$"runs/{Walks.OnSpark}/cluster"]) is { } left)
                await left.StopAsync();
        }
    }

    /// <summary>Little of everything; and nothing is written into the repository.</summary>
    static Dictionary<string, string> Variables(TestFolder folder) => new() { ["MLNETCIFAR_OUTPUT"] = folder["runs"], ["MLNETCIFAR_EPOCHS"] = "1", ["MLNETCIFAR_WORKER"] = StageFiles.Worker };
}
