using System.Diagnostics;
using System.Xml.Linq;

namespace MlNetCifar.Tests.TestKit;

/// <summary>The command dotnet, for tests that do what users of packages do. Nothing outside the test's folder is written to.</summary>
static class Dotnet
{
    /// <summary>The one version of all packages.</summary>
    public static string Version { get; } = XDocument.Load(Repository.File("Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>Where this machine has the packages that it has restored.</summary>
    public static string Packages { get; } =
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    // The core's package has an assembly of its own, which the first compiles.
    static readonly Lock s_packing = new();

    /// <summary>Packs what was built with the tests.</summary>
    /// <param name="feed">The folder of the packages.</param>
    /// <param name="projects">Folders of projects, from the root of the repository.</param>
    public static void Pack(string feed, params IEnumerable<string> projects)
    {
        lock (s_packing)
        {
            foreach (var project in projects)
                Run(Repository.Root, "pack", "--no-build", "-c", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)), "--nologo", "-o", feed, Repository.File(project));
        }
    }

    /// <summary>Makes everything below a folder see packages of a feed alone, and keep them below it.</summary>
    /// <param name="folder">Below which the projects lie.</param>
    /// <param name="feed">A folder of packages.</param>
    /// <param name="fallback">Where packages of others lie unpacked; null for none.</param>
    /// <param name="alone">Whether the user's own sources are left out.</param>
    public static void UseFeed(TestFolder folder, string feed, string? fallback = null, bool alone = true) => folder.Write("nuget.config", $"""
        <configuration>
          <packageSources>{(alone ? "<clear />" : "")}<add key="feed" value="{feed}" /></packageSources>
          <fallbackPackageFolders><clear />{(fallback is null ? "" : $"<add key=\"machine\" value=\"{fallback}\" />")}</fallbackPackageFolders>
          <config><add key="globalPackagesFolder" value="{folder["packages"]}" /></config>
        </configuration>
        """);

    /// <summary>Runs a command that must succeed.</summary>
    /// <returns>What it said.</returns>
    public static string Run(string folder, params string[] arguments)
    {
        var (code, output) = TryRun(folder, arguments);
        Assert.AreEqual(0, code, output);
        return output;
    }

    /// <summary>Runs a command.</summary>
    public static (int ExitCode, string Output) TryRun(string folder, params string[] arguments)
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
