using System.Diagnostics;
using System.Xml.Linq;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MSTest;

/// <summary>The template, as a user has it: packed, installed, filled in, and run, with nothing but the packages of this machine.</summary>
[TestClass]
public sealed class TemplateTests
{
    static readonly string[] s_packages = ["src/MlNetCifar", "src/MlNetCifar.MLNet", "src/MlNetCifar.MSTest", "templates"];

    [TestMethod]
    public void Versions_AreThoseOfTheRepository()
    {
        var project = XDocument.Load(Repository.File("templates", "mlnetcifar-gate", "MlNetCifar.Gate.csproj"));
        var central = XDocument.Load(Repository.File("Directory.Packages.props")).Descendants("PackageVersion").ToDictionary(e => e.Attribute("Include")!.Value, e => e.Attribute("Version")!.Value);
        central["MlNetCifar.MSTest"] = XDocument.Load(Repository.File("Directory.Build.props")).Descendants("Version").Single().Value;
        foreach (var package in project.Descendants("PackageReference"))
            Assert.AreEqual(central[package.Attribute("Include")!.Value], package.Attribute("Version")!.Value, package.ToString());
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Template_IsPackedInstalledAndRun()
    {
        using var folder = new Pictures();
        var data = folder.Splits(train: 12, test: 20);
        Cli.Run("train", "--data", data, "--preset", "seed-cnn", "--size", "16", "--epochs", "3", "--batch-size", "8", "--output", folder.Runs).Good();
        foreach (var project in s_packages)
            Good(Run(folder.Root, "pack", "--no-build", "-c", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "--nologo", "-o", folder["feed"], Repository.File(project)));
        string[] hive = ["--debug:custom-hive", folder["hive"]];
        Good(Run(folder.Root, ["new", "install", Directory.GetFiles(folder["feed"], "MlNetCifar.Templates.*.nupkg").Single(), .. hive]));
        folder.Write("nuget.config", $"""
            <configuration>
              <packageSources><clear /><add key="feed" value="{folder["feed"]}" /></packageSources>
              <fallbackPackageFolders><clear /><add key="machine" value="{Packages()}" /></fallbackPackageFolders>
              <config><add key="globalPackagesFolder" value="{folder["packages"]}" /></config>
            </configuration>
            """);

        // The model is given from the project's folder, the pictures from that above.
        Directory.CreateDirectory(folder["Photos.Tests"]);
        File.Copy(Path.Combine(folder.Runs, "train", "seed-cnn", "weights", "best.safetensors"), folder["Photos.Tests/best.safetensors"]);
        Good(Run(folder.Root, ["new", "mlnetcifar-gate", "-n", "Photos.Tests", "-o", "Photos.Tests", "--model", "best.safetensors", "--data", "data", "--accuracy", "0.9", "--recall", "0.8", .. hive]));
        StringAssert.Contains(File.ReadAllText(folder["Photos.Tests/ModelTests.cs"]), "namespace Photos.Tests;");
        var passed = Run(folder["Photos.Tests"], "test", "--nologo", "--logger", "trx;LogFileName=good.trx");
        Good(passed);
        var attached = XDocument.Load(folder["Photos.Tests/TestResults/good.trx"]).Descendants().Where(e => e.Name.LocalName == "ResultFile").Select(e => e.Attribute("path")!.Value);
        Assert.EndsWith("report.html", attached.Single());

        File.WriteAllText(folder["Photos.Tests/ModelTests.cs"], File.ReadAllText(folder["Photos.Tests/ModelTests.cs"]).Replace("0.9)", "0.999)", StringComparison.Ordinal));
        var failed = Run(folder["Photos.Tests"], "test", "--nologo");
        Assert.AreEqual(1, failed.ExitCode, failed.Output);
        StringAssert.Contains(failed.Output, "FAILED  MicroAccuracy: expected at least 0.9990 at 95 % confidence, found ");
        StringAssert.Contains(failed.Output, "What to do: ");
        StringAssert.Contains(failed.Output, "report.html");
    }

    /// <summary>Where this machine has the packages that it has restored.</summary>
    static string Packages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    static void Good((int ExitCode, string Output) result) => Assert.AreEqual(0, result.ExitCode, result.Output);

    static (int ExitCode, string Output) Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment.Remove("NUGET_PACKAGES");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + error.Result);
    }
}
