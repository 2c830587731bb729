using System.Net;
using System.Text.RegularExpressions;
using MlNetCifar.Tests.Architecture;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Docs;

/// <summary>Every C# block of every document, and every example in the documentation of the code, is compiled: all at once, each as a program of its own. What they do is tested where it belongs; most of those of the front pages are run there.</summary>
[TestClass]
public sealed partial class SnippetTests
{
    /// <summary>What stands around a block that is no whole program.</summary>
    /// <param name="Usings">Namespaces.</param>
    /// <param name="Before">Statements before it; null where it is a member of a class of tests.</param>
    sealed record Frame(string[] Usings, string? Before);

    static readonly Frame s_gate = new(["Microsoft.VisualStudio.TestTools.UnitTesting", "MlNetCifar.MSTest"], null);

    static readonly Dictionary<(string Document, int Number), Frame> s_frames = new()
    {
        [("README.md", 3)] = new(["Microsoft.ML", "MlNetCifar.MLNet"], "var ml = new MLContext();"),
        [("README.md", 4)] = s_gate,
        [("docs/mlnet.md", 3)] = s_gate,
        [("docs/onnx.md", 1)] = new(["Microsoft.ML", "Microsoft.ML.Transforms.Image"], "var context = new MLContext();"),
        [("docs/serving.md", 1)] = new(["MlNetCifar.Server"], "var builder = WebApplication.CreateBuilder(args); var app = builder.Build();"),
        [("docs/serving.md", 2)] = new(["MlNetCifar.Client"], "var builder = WebApplication.CreateBuilder(args); var key = \"\";"),
        [("src/MlNetCifar.Interactive/PACKAGE.md", 1)] = new(["MlNetCifar"], "Trainer trainer = null!;"),
        [("src/MlNetCifar.MSTest/PACKAGE.md", 1)] = s_gate,
        [("src/MlNetCifar.Spark/README.md", 1)] = new(["MlNetCifar.Spark.Cluster", "MlNetCifar.Spark.Stage"], "System.IProgress<SparkPrepareProgress> progress = null!; CancellationToken cancellationToken = default;"),
        [("src/MlNetCifar.MSTest/ModelGate.cs", 1)] = s_gate,
        [("src/MlNetCifar/Evaluation/Statistics/QualityGate.cs", 1)] = new(["Microsoft.VisualStudio.TestTools.UnitTesting", "MlNetCifar.Evaluation"], ""),
        [("src/MlNetCifar/Nn/README.md", 2)] = new(["Microsoft.VisualStudio.TestTools.UnitTesting", "MlNetCifar", "MlNetCifar.CustomLayers", "MlNetCifar.Nn", "MlNetCifar.Numerics"], ""),
    };

    [TestMethod]
    public void Snippets_Compile()
    {
        var blocks = Documents.All.SelectMany(document => Documents.Blocks(document, Documents.Read(document))).Where(block => block.Language == "csharp").Concat(Examples()).ToArray();
        Assert.IsGreaterThan(25, blocks.Length);
        foreach (var (document, number) in s_frames.Keys)
            Assert.IsTrue(blocks.Any(block => (block.Document, block.Number) == (document, number)), $"{document} has no C# block {number}");
        using var folder = new TestFolder();
        FileProgram.CompileLibrary(folder, [.. blocks.Select((block, i) => Source(block, i))]);
    }

    [TestMethod]
    [DataRow("Console.WriteLine(new NoSuchType());", "docs/x.md(7,")]
    [DataRow("var a = 1;\nstring b = a;", "docs/x.md(8,")]
    public void WrongSnippets_AreFound(string code, string place)
    {
        using var folder = new TestFolder();
        var fault = Assert.ThrowsExactly<AssertFailedException>(() => FileProgram.CompileLibrary(folder, [Source(new("docs/x.md", 1, 7, "csharp", code), 0)]));
        StringAssert.Contains(fault.Message, place);
    }

    /// <summary>The examples in the documentation of the code.</summary>
    static IEnumerable<CodeBlock> Examples() =>
        from file in SourceCode.In("src")
        let text = File.ReadAllText(file).ReplaceLineEndings("\n")
        from example in Example().Matches(text).Select((match, i) => (Match: match, Number: i + 1))
        let code = WebUtility.HtmlDecode(CommentMark().Replace(example.Match.Groups[1].Value, ""))
        select new CodeBlock(SourceCode.Relative(file).Replace('\\', '/'), example.Number, text.AsSpan(0, example.Match.Groups[1].Index).Count('\n') + 1, "csharp", code);

    /// <summary>The source file of a block: its usings, its statements in a method, its types beside that.</summary>
    static string Source(CodeBlock block, int index)
    {
        // A whole file, as it stands.
        if (Regex.IsMatch(block.Text, "^namespace ", RegexOptions.Multiline))
            return $"#line {block.Line} \"{block.Document}\"\n{block.Text}";
        var frame = s_frames.GetValueOrDefault((block.Document, block.Number)) ?? new([], "");
        var usings = string.Join('\n', frame.Usings.Select(name => $"using {name};"));
        var (own, rest) = (Using().Matches(block.Text), Using().Replace(block.Text, ""));
        var types = FirstType().Match(rest) is { Success: true } type ? type.Index : rest.Length;
        var (open, close) = frame.Before is { } before ? ($"static class Program {{ static async Task Run(string[] args) {{ {before}", "await Task.CompletedTask; } }") : ("public sealed class Tests(TestContext TestContext) {", "}");
        return $$"""
            {{usings}}
            {{string.Join('\n', own.Select(match => match.Value.Trim()))}}
            namespace Snippet{{index}}
            {
            {{open}}
            #line {{block.Line}} "{{block.Document}}"
            {{rest[..types]}}
            #line default
            {{close}}
            {{rest[types..]}}
            }
            """;
    }

    [GeneratedRegex(@"/// <code>\n((?: *///.*\n)*?) */// </code>")]
    private static partial Regex Example();

    [GeneratedRegex("^ */// ?", RegexOptions.Multiline)]
    private static partial Regex CommentMark();

    // Lines stay where they are, so that an error tells the document's.
    [GeneratedRegex(@"^using [\w.]+;(?=\n)", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"^(public |internal |sealed |static )*(class|record|enum|struct|interface) ", RegexOptions.Multiline)]
    private static partial Regex FirstType();
}
