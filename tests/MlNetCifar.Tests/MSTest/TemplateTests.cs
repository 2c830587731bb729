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
        central["MlNetCifar.MSTest"] = Dotnet.Version;
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
        Dotnet.Pack(folder["feed"], s_packages);
        string[] hive = ["--debug:custom-hive", folder["hive"]];
        Dotnet.Run(folder.Root, ["new", "install", Directory.GetFiles(folder["feed"], "MlNetCifar.Templates.*.nupkg").Single(), .. hive]);
        Dotnet.UseFeed(folder, folder["feed"], Dotnet.Packages);

        // The model is given from the project's folder, the pictures from that above.
        Directory.CreateDirectory(folder["Photos.Tests"]);
        File.Copy(Path.Combine(folder.Runs, "train", "seed-cnn", "weights", "best.safetensors"), folder["Photos.Tests/best.safetensors"]);
        Dotnet.Run(folder.Root, ["new", "mlnetcifar-gate", "-n", "Photos.Tests", "-o", "Photos.Tests", "--model", "best.safetensors", "--data", "data", "--accuracy", "0.9", "--recall", "0.8", .. hive]);
        StringAssert.Contains(File.ReadAllText(folder["Photos.Tests/ModelTests.cs"]), "namespace Photos.Tests;");
        Dotnet.Run(folder["Photos.Tests"], "test", "--nologo", "--logger", "trx;LogFileName=good.trx");
        var attached = XDocument.Load(folder["Photos.Tests/TestResults/good.trx"]).Descendants().Where(e => e.Name.LocalName == "ResultFile").Select(e => e.Attribute("path")!.Value);
        Assert.EndsWith("report.html", attached.Single());

        File.WriteAllText(folder["Photos.Tests/ModelTests.cs"], File.ReadAllText(folder["Photos.Tests/ModelTests.cs"]).Replace("0.9)", "0.999)", StringComparison.Ordinal));
        var failed = Dotnet.TryRun(folder["Photos.Tests"], "test", "--nologo");
        Assert.AreEqual(1, failed.ExitCode, failed.Output);
        StringAssert.Contains(failed.Output, "FAILED  MicroAccuracy: expected at least 0.9990 at 95 % confidence, found ");
        StringAssert.Contains(failed.Output, "What to do: ");
        StringAssert.Contains(failed.Output, "report.html");
    }
}
