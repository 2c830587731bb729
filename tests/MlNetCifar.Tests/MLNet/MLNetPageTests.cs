using System.Diagnostics;
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
    public void Features_CompileAndRun()
    {
        using var folder = new Pictures();
        folder.Classes("photos", 20);
        using (var network = SmallBackbone.Create())
            network.Save(folder["network.safetensors"]);
        StringAssert.StartsWith(CompileAndRun(folder, Program(1)), "accuracy ");
    }

    static string Program(int index) => Regex.Matches(Page, "```csharp\n(.*?)```", RegexOptions.Singleline)[index].Groups[1].Value;

    static string CompileAndRun(Pictures folder, string code)
    {
        const string usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;";
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Regex.IsMatch(Path.GetFileName(path), @"^(System\.|Microsoft\.ML|MlNetCifar(\.MLNet)?\.dll|netstandard|mscorlib)"));
        var program = folder["program.dll"];
        var response = folder.Write("compile.rsp", string.Join('\n', [
            .. references.Select(r => $"-r:\"{r}\""), $"-out:\"{program}\"", "-nullable", "-noconfig", "-nologo", $"\"{folder.Write("Program.cs", code)}\"", $"\"{folder.Write("Usings.cs", usings)}\"",
        ]));
        using var compiler = Process.Start(new ProcessStartInfo("dotnet", [ReadmeTests.Compiler(), $"@{response}"]) { RedirectStandardOutput = true })!;
        var output = compiler.StandardOutput.ReadToEnd();
        compiler.WaitForExit();
        Assert.AreEqual(0, compiler.ExitCode, output);
        return OwnProcess.RunIn(folder.Root, "run", program);
    }
}
