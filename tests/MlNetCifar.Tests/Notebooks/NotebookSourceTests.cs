using System.Text.Json;
using System.Text.RegularExpressions;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>One source for both forms: a notebook is what its program gives.</summary>
[TestClass]
public sealed partial class NotebookSourceTests
{
    [TestMethod]
    public void Notebooks_AreWhatTheirProgramsGive()
    {
        var (code, errors) = Make(Repository.Root, "check");
        Assert.AreEqual(0, code, errors);
    }

    [TestMethod]
    public void Check_FindsWhatDiffers_AndMakingMendsIt_WithTheOutputs()
    {
        using var folder = Copy();
        var notebook = folder["notebooks/first-model.ipynb"];
        var before = File.ReadAllText(notebook);
        Assert.AreEqual((0, ""), Make(folder.Root, "check"));
        File.WriteAllText(notebook, before.Replace("seed", "sead", StringComparison.Ordinal));
        var (code, errors) = Make(folder.Root, "check");
        Assert.AreEqual(1, code);
        StringAssert.Contains(errors, "first-model.ipynb is not what first-model.cs gives");

        // The text of a cell alone has changed, so what cells of code have put out stays.
        Assert.AreEqual((0, ""), Make(folder.Root));
        Assert.AreEqual(before, File.ReadAllText(notebook));

        // Code that has changed has put out nothing yet.
        var source = folder["notebooks/first-model.cs"];
        File.WriteAllText(source, File.ReadAllText(source).Replace("LearningRate = 3e-3f", "LearningRate = 4e-3f", StringComparison.Ordinal));
        Assert.AreEqual((0, ""), Make(folder.Root));
        Assert.AreEqual(Outputs(before) - 1, Outputs(File.ReadAllText(notebook)));

        File.Delete(notebook);
        Assert.AreEqual(1, Make(folder.Root, "check").ExitCode);
    }

    [TestMethod]
    public void Outputs_LoseThePathsOfTheMachine_AndTheKernelsScript()
    {
        using var folder = Copy();
        var notebook = folder["notebooks/first-model.ipynb"];
        var before = File.ReadAllText(notebook);
        var first = Output().Match(before);
        Assert.IsTrue(first.Success);
        var path = JsonSerializer.Serialize(Path.Combine(folder.Root, "runs", "x"));
        File.WriteAllText(notebook, before.Insert(first.Index + first.Length, $$"""
             {"data": {"text/html": ["<script>probeAddresses(['http://10.0.0.1:2048/'])</script>"]}, "metadata": {}, "output_type": "display_data"},
             {"data": {"text/plain": [{{path}}]}, "metadata": {}, "output_type": "display_data"},
            """));
        Assert.AreEqual((0, ""), Make(folder.Root));
        var after = File.ReadAllText(notebook);
        Assert.DoesNotContain("probeAddresses", after);
        Assert.DoesNotContain(folder.Root, after);
        StringAssert.Contains(after, $"\"{Path.Combine("runs", "x").Replace("\\", "\\\\", StringComparison.Ordinal)}\"");
    }

    /// <summary>Every program is a walk and has its notebook, whose cells have been run.</summary>
    [TestMethod]
    public void EveryWalk_HasOutputs()
    {
        foreach (var walk in Walks.All)
        {
            using var notebook = JsonDocument.Parse(File.ReadAllText(Repository.File("notebooks", walk + ".ipynb")));
            var cells = notebook.RootElement.GetProperty("cells").EnumerateArray().ToArray();
            foreach (var cell in cells.Where(cell => cell.GetProperty("cell_type").GetString() == "code"))
                Assert.AreEqual(JsonValueKind.Number, cell.GetProperty("execution_count").ValueKind, $"{walk}, {cell.GetProperty("id")} was not run");
            Assert.IsGreaterThan(1, cells.Count(cell => cell.TryGetProperty("outputs", out var outputs) && outputs.GetArrayLength() > 0), walk);
            Assert.DoesNotContain("\"output_type\": \"error\"", notebook.RootElement.GetRawText(), walk);
        }
    }

    static TestFolder Copy()
    {
        var folder = new TestFolder();
        foreach (var file in Directory.EnumerateFiles(Repository.File("notebooks")))
            folder.Write($"notebooks/{Path.GetFileName(file)}", File.ReadAllText(file));
        folder.Write("Directory.Build.props", File.ReadAllText(Repository.File("Directory.Build.props")));
        return folder;
    }

    static int Outputs(string notebook) => JsonDocument.Parse(notebook).RootElement.GetProperty("cells").EnumerateArray().Count(cell => cell.TryGetProperty("execution_count", out var count) && count.ValueKind == JsonValueKind.Number);

    static (int ExitCode, string Errors) Make(string root, params string[] arguments)
    {
        using var process = OwnProcess.Start(root, ["run", s_program.Value, .. arguments, Path.Combine(root, "notebooks")]);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors + output.Result);
    }

    static readonly TestFolder s_folder = new();
    static readonly Lazy<string> s_program = new(() => FileProgram.Compile(s_folder, File.ReadAllText(Repository.File("notebooks", "make.cs"))));

    [ClassCleanup]
    public static void DeleteProgram() => s_folder.Dispose();

    [GeneratedRegex("\"outputs\": \\[\n")]
    private static partial Regex Output();
}
