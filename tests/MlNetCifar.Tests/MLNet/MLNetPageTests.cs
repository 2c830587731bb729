using System.Text.RegularExpressions;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Transfer;

namespace MlNetCifar.Tests.MLNet;

/// <summary>The programs of the page are compiled and run.</summary>
[TestClass]
public sealed class MLNetPageTests
{
    static string Page => File.ReadAllText(Repository.File("docs", "mlnet.md"));

    [TestMethod]
    public void Pipeline_CompilesAndRuns()
    {
        using var folder = new Pictures();
        folder.Classes("photos", 12);
        File.Copy(Path.Combine(folder["photos"], "red", "000.png"), folder["photo.png"]);
        var lines = CompileAndRun(folder, Program(0)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.HasCount(2, lines);
        StringAssert.StartsWith(lines[0], "accuracy ");
        Assert.Contains(lines[1].Trim(), new[] { "red", "green", "blue" });
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Features_CompileAndRun()
    {
        using var folder = new Pictures();
        folder.Classes("photos", 20);
        using (var network = SmallBackbone.Create())
            network.Save(folder["network.safetensors"]);
        StringAssert.StartsWith(CompileAndRun(folder, Program(1)), "accuracy ");
    }

    static string Program(int index) => Regex.Matches(Page, "```csharp\n(.*?)```", RegexOptions.Singleline)[index].Groups[1].Value;

    static string CompileAndRun(Pictures folder, string code) => OwnProcess.RunIn(folder.Root, "run", FileProgram.Compile(folder, code));
}
