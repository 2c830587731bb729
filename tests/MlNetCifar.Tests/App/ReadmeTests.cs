using System.Diagnostics;
using System.Text.RegularExpressions;
using MlNetCifar.App.Commands;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>What the front page promises: its code is run, and it names all there is.</summary>
[TestClass]
public sealed class ReadmeTests
{
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void FifteenLines_CompileAndRun(bool splits)
    {
        var code = Regex.Match(File.ReadAllText(Repository.File("README.md")), "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.IsLessThanOrEqualTo(15, code.Split('\n').Count(line => line.Length > 0 && !line.StartsWith("using MlNetCifar", StringComparison.Ordinal)));
        using var folder = new Pictures();
        if (splits)
            folder.Splits("photos", train: 4, test: 2);
        else
            folder.Classes("photos", 10);
        File.Copy(Path.Combine(folder["photos"], splits ? "test" : "", "red", "000.png"), folder["photo.jpg"]);
        var output = CompileAndRun(folder, code);
        StringAssert.Contains(output, "accuracy ");
        Assert.HasCount(4, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.IsTrue(File.Exists(folder["photos.safetensors"]) && File.Exists(Path.Combine(folder["report"], "report.html")));
    }

    [TestMethod]
    public void Experiment_CompilesAndRuns()
    {
        var code = Regex.Matches(File.ReadAllText(Repository.File("README.md")), "```csharp\n(.*?)```", RegexOptions.Singleline)[1].Groups[1].Value;
        using var folder = new Pictures();
        folder.Splits("photos", train: 4, test: 2);
        StringAssert.Contains(CompileAndRun(folder, code), "test accuracy ");
        Assert.IsTrue(File.Exists(folder["runs/train/seed-cnn/report.html"]));
    }

    [TestMethod]
    public void PackagePages_CompileAndRun()
    {
        using var folder = new Pictures();
        ParquetDatasetTests.Pack(folder.Splits("photos", train: 2, test: 1), folder["photos.parquet"]);
        StringAssert.Contains(Run(Page("MlNetCifar.Parquet")), "3 classes: blue, green, red");
        folder.Write("photo.webp", MoreFormatsTests.WebP(new(37, 23)));
        StringAssert.Contains(Run(Page("MlNetCifar.Formats")), "37×23");

        string Run(string code) => OwnProcess.RunIn(folder.Root, "run", FileProgram.Compile(folder, code));

        static string Page(string package) => Regex.Match(File.ReadAllText(Repository.File("src", package, "PACKAGE.md")), "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
    }

    [TestMethod]
    public void WalkThrough_CompilesAndRuns()
    {
        using var folder = new Pictures();
        var code = File.ReadAllText(Repository.File("notebooks", "first-model.cs")).Replace("#:", "//", StringComparison.Ordinal);
        var output = CompileAndRun(folder, code, variables: Walk(folder));
        StringAssert.Contains(output, "test accuracy ");
        Assert.IsTrue(File.Exists(folder["out/first-model/report.html"]));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void WalkThrough_RunsAsAFile()
    {
        using var folder = new Pictures();
        var output = Run(folder, "dotnet", ["run", "-c", "Release", Repository.File("notebooks", "first-model.cs")], Walk(folder));
        StringAssert.Contains(output, "test accuracy ");
    }

    static Dictionary<string, string> Walk(Pictures folder) => new() { ["MLNETCIFAR_PHOTOS"] = folder.Splits(), ["MLNETCIFAR_OUTPUT"] = folder["out"], ["MLNETCIFAR_EPOCHS"] = "1" };

    /// <summary>The table of walks names each, in both forms.</summary>
    [TestMethod]
    public void EveryWalk_IsInTheReadme()
    {
        var text = File.ReadAllText(Repository.File("README.md"));
        foreach (var walk in Notebooks.Walks.All)
        {
            StringAssert.Contains(text, $"](notebooks/{walk}.ipynb)");
            StringAssert.Contains(text, $"](notebooks/{walk}.cs)");
        }
    }

    [TestMethod]
    public void EveryCommand_IsInTheReadme()
    {
        var text = File.ReadAllText(Repository.File("README.md"));
        foreach (var verb in AllVerbs.Create())
            StringAssert.Contains(text, $"| `{verb.Name}` |");
    }

    static string CompileAndRun(Pictures folder, string code, Dictionary<string, string>? variables = null)
    {
        const string usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading;";
        var (source, program, library) = (folder.Write("Program.cs", code), folder["program.dll"], typeof(MlNetCifarException).Assembly.Location);
        File.Copy(library, folder["MlNetCifar.dll"]);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal) || Path.GetFileName(path) is "netstandard.dll" or "mscorlib.dll").Append(library);
        var response = folder.Write("compile.rsp", string.Join('\n', [.. references.Select(r => $"-r:\"{r}\""), $"-out:\"{program}\"", "-nullable", "-noconfig", "-nologo", $"\"{source}\"", $"\"{folder.Write("Usings.cs", usings)}\""]));
        Run(folder, "dotnet", [Compiler(), $"@{response}"], []);
        folder.Write("program.runtimeconfig.json", $$"""{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" } } }""");
        return Run(folder, "dotnet", [program], variables ?? []);
    }

    internal static string Compiler()
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
        return Directory.EnumerateFiles(Path.Combine(root, "sdk"), "csc.dll", SearchOption.AllDirectories).OrderDescending().First();
    }

    static string Run(Pictures folder, string file, string[] arguments, Dictionary<string, string> variables)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.Root };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, $"{output}\n{error.Result}");
        return output;
    }
}
