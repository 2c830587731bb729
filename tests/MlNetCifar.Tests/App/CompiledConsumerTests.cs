using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>The core's package in new programs that are compiled ahead of time, or trimmed: no warning, and everything that the package's page does.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed partial class CompiledConsumerTests
{
    [TestMethod]
    public void Core_TrainsInANativeProgram()
    {
        if (!new[] { "clang", "gcc" }.Any(IsInstalled))
            Assert.Inconclusive("There is no linker for native code on this machine: apt-get install clang (or gcc) zlib1g-dev");
        PublishedProgram_Trains("PublishAot");
    }

    [TestMethod]
    public void Core_TrainsInATrimmedProgram() => PublishedProgram_Trains("PublishTrimmed");

    static void PublishedProgram_Trains(string property)
    {
        using var folder = new Pictures();
        var project = PackageTests.Project(folder, "src/MlNetCifar", "MlNetCifar");
        File.WriteAllText(Path.Combine(project, "Program.cs"), PackageTests.Code("src/MlNetCifar"));

        // The compiler is a package that the machine's own sources have, or have not.
        Dotnet.UseFeed(folder, folder["feed"], Dotnet.Packages, alone: false);
        var (runtime, set) = (RuntimeInformation.RuntimeIdentifier, $"-p:{property}=true");
        if (Dotnet.TryRun(project, "restore", "-r", runtime, set) is (not 0, var missing) && Unavailable().IsMatch(missing))
            Assert.Inconclusive($"What {property} needs cannot be had here: {missing}");
        var said = Dotnet.Run(project, "publish", "-c", "Release", "-r", runtime, "--self-contained", set, "-p:TrimmerSingleWarn=false", "-o", folder["out"]);
        Assert.DoesNotMatchRegex(Warning(), said);
        Assert.AreEqual(property == "PublishTrimmed", File.Exists(folder["out/MlNetCifar.dll"]));

        folder.Splits("photos", train: 12, test: 4);
        File.Copy(folder["photos/test/red/000.png"], folder["photo.jpg"]);
        var output = OwnProcess.Run(new ProcessStartInfo(folder[OperatingSystem.IsWindows() ? "out/App.exe" : "out/App"]) { RedirectStandardOutput = true, WorkingDirectory = folder.Root });
        StringAssert.Matches(output, new Regex(@"^test accuracy [01]\.\d{3}; the rest is in .*report\.html$", RegexOptions.Multiline));
        StringAssert.Matches(output, new Regex(@"^(red|green|blue) [01]\.\d{3}$", RegexOptions.Multiline));
        Assert.IsTrue(File.Exists(folder["photos.safetensors"]));
    }

    static bool IsInstalled(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    // A package or a version that no source has, or a source that cannot be reached.
    [GeneratedRegex(@"\bNU(1101|1102|1301)\b")]
    private static partial Regex Unavailable();

    [GeneratedRegex(@"warning |\bIL[23]\d{3}\b")]
    private static partial Regex Warning();
}
