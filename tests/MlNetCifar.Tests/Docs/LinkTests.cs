using MlNetCifar.Tests.Architecture;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Docs;

/// <summary>Links between documents lead somewhere, to the heading that they name.</summary>
[TestClass]
public sealed class LinkTests
{
    [TestMethod]
    public void Links_LeadSomewhere()
    {
        SourceCode.AssertNone(Documents.All.SelectMany(document => Faults(document, Documents.Read(document))));
        Assert.IsGreaterThan(100, Documents.All.Sum(document => Documents.Links(Documents.Read(document)).Count()));
    }

    [TestMethod]
    public void BrokenLinks_AreFound()
    {
        const string text = """
            # Twice
            # Twice
            ## `Code` and a [link](README.md), 100 %
            [here](#twice-1) [a](docs/serving.md#routes) [code](#code-and-a-link-100-) [web](https://example.org/x) `[not](a-link.md)`
            [none](docs/none.md) [wrong](docs/serving.md#rutes) [wrong](#thrice)
            ```
            [not](a-link.md)
            ```
            """;
        CollectionAssert.AreEqual(
            new[] { "x.md: docs/none.md is not there", "x.md: docs/serving.md#rutes: there is no such heading", "x.md: #thrice: there is no such heading" }, Faults("x.md", text).ToArray());
    }

    /// <summary>What the documentation shows is reached from its table of contents.</summary>
    [TestMethod]
    public void EveryPage_IsInTheTableOfContents()
    {
        var contents = File.ReadAllText(Repository.File("docs", "site", "toc.yml"));
        var folder = Repository.File("docs", "site");
        foreach (var page in Documents.All.Where(page => page.StartsWith("docs/", StringComparison.Ordinal)))
            StringAssert.Contains(contents, $"href: {Path.GetRelativePath(folder, Repository.File(page.Split('/'))).Replace('\\', '/')}\n", page);
    }

    static IEnumerable<string> Faults(string document, string text)
    {
        foreach (var link in Documents.Links(text).Where(link => !link.Contains("://", StringComparison.Ordinal)))
        {
            var (file, anchor) = link.Split('#') is [var before, var after] ? (before, after) : (link, null);
            var path = file.Length == 0 ? null : Path.Combine(Path.GetDirectoryName(Repository.File(document.Split('/')))!, file);

            if (path is not null && !File.Exists(path) && !Directory.Exists(path))
                yield return $"{document}: {link} is not there";
            else if (anchor is not null && !Documents.Anchors(path is null ? text : File.ReadAllText(path).ReplaceLineEndings("\n")).Contains(anchor))
                yield return $"{document}: {link}: there is no such heading";
        }
    }
}
