using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using MlNetCifar.Client;
using MlNetCifar.Interactive;
using MlNetCifar.MLNet;
using MlNetCifar.MSTest;
using MlNetCifar.Pretrained;
using MlNetCifar.Server;
using MlNetCifar.Spark;
using MlNetCifar.Tests.Architecture;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Docs;

/// <summary>The documentation as a site, made by its script.</summary>
[TestClass]
public sealed partial class SiteTests
{
    static readonly Assembly[] s_libraries =
    [
        typeof(MlNetCifarException).Assembly, typeof(ModelClient).Assembly, typeof(NotebookViews).Assembly, typeof(ImageNetworkOptions).Assembly,
        typeof(ModelGate).Assembly, typeof(PretrainedBackbones).Assembly, typeof(ModelServer).Assembly, typeof(SparkDoctor).Assembly,
    ];

    /// <summary>Broken links and unknown references are errors of the script; here is what it cannot see: what is missing.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void Site_HasEveryType_EveryPage_AndEveryErrorCode()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("The script that makes the site is one of bash.");
        if (!AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}release", StringComparison.Ordinal))
            Assert.Inconclusive("The site is made of the release build: dotnet test -c Release.");
        if (Dotnet.TryRun(Repository.Root, "tool", "restore") is (not 0, var missing))
            Assert.Inconclusive($"docfx cannot be had here (dotnet tool restore): {missing}");
        Build();
        var site = Repository.File("artifacts", "docs", "site");
        SourceCode.AssertNone(
            from type in s_libraries.SelectMany(library => library.GetExportedTypes())
            where type is not { IsNested: true, IsNestedPublic: false } && type.Namespace?.StartsWith("MlNetCifar", StringComparison.Ordinal) == true
            let page = $"api/{type.FullName!.Replace('+', '.').Replace('`', '-')}.html"
            where !File.Exists(Path.Combine(site, page))
            select $"{page} is not there");
        SourceCode.AssertNone(
            from document in Documents.All
            where !document.StartsWith("tests/", StringComparison.Ordinal) && document != "docs/site/index.md" && !File.Exists(Path.Combine(site, Path.ChangeExtension(document, ".html")))
            select $"{document} is not on the site");

        var errors = File.ReadAllText(Path.Combine(site, "errors.html"));
        SourceCode.AssertNone(
            from file in SourceCode.In("src")
            from Match code in Code().Matches(File.ReadAllText(file))
            where !errors.Contains($">{code.Groups[1].Value}<", StringComparison.Ordinal)
            select $"{code.Groups[1].Value} is not on the page of errors ({SourceCode.Relative(file)})");
        Assert.DoesNotMatchRegex(Loaded(), File.ReadAllText(Path.Combine(site, "index.html")), "the site loads nothing from elsewhere");
    }

    static void Build()
    {
        var start = new ProcessStartInfo("/bin/bash", [Repository.File("docs", "build.sh"), "--no-build"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, output + error.Result);
    }

    [GeneratedRegex("\"(MNC[0-9]{4})\"")]
    private static partial Regex Code();

    [GeneratedRegex("(src|<link[^>]*href)=\"https?://")]
    private static partial Regex Loaded();
}
