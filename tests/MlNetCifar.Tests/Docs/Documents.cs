using System.Text.RegularExpressions;
using MlNetCifar.Tests.Architecture;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Docs;

/// <summary>A block of code in a document.</summary>
/// <param name="Document">The document, from the root of the repository.</param>
/// <param name="Number">Which of the document's blocks of this language, from 1.</param>
/// <param name="Line">The document's line at which its text begins.</param>
/// <param name="Language">What it says it is; empty where it says nothing.</param>
/// <param name="Text">What is in it.</param>
sealed record CodeBlock(string Document, int Number, int Line, string Language, string Text);

/// <summary>The Markdown files that people write.</summary>
static partial class Documents
{
    static readonly string[] s_folders = ["docs", "models", "notebooks", "samples", "src", "templates", "tests"];

    /// <summary>All of them, from the root of the repository, with slashes.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.md").Concat(s_folders.SelectMany(folder => SourceCode.Files(Repository.File(folder), "*.md")))
            .Where(file => !file.Contains("node_modules", StringComparison.Ordinal)).Select(file => SourceCode.Relative(file).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    public static string Read(string document) => File.ReadAllText(Repository.File(document.Split('/'))).ReplaceLineEndings("\n");

    /// <summary>The blocks of code of a text.</summary>
    public static IReadOnlyList<CodeBlock> Blocks(string document, string text)
    {
        Dictionary<string, int> numbers = [];
        return
        [
            .. from fence in Fence().Matches(text)
               let language = fence.Groups["language"].Value
               select new CodeBlock(document, numbers[language] = numbers.GetValueOrDefault(language) + 1, text.AsSpan(0, fence.Groups["text"].Index).Count('\n') + 1, language, fence.Groups["text"].Value),
        ];
    }

    /// <summary>A text without its blocks of code.</summary>
    public static string Prose(string text) => Fence().Replace(text, "");

    /// <summary>What stands between backticks in a text, outside its blocks.</summary>
    public static IEnumerable<string> Spans(string text) => Span().Matches(Prose(text)).Select(match => match.Groups[1].Value);

    /// <summary>Where the links of a text lead.</summary>
    public static IEnumerable<string> Links(string text) => Link().Matches(Span().Replace(Prose(text), "")).Select(match => match.Groups[1].Value);

    /// <summary>The anchors of a text's headings, as GitHub and the documentation make them.</summary>
    public static IReadOnlySet<string> Anchors(string text)
    {
        Dictionary<string, int> seen = [];
        HashSet<string> anchors = [];
        foreach (Match heading in Heading().Matches(Prose(text)))
        {
            var anchor = NoAnchor().Replace(LinkText().Replace(heading.Groups[1].Value, "$1").Trim().ToLowerInvariant(), "").Replace(' ', '-');
            var again = seen[anchor] = seen.GetValueOrDefault(anchor) + 1;
            anchors.Add(again == 1 ? anchor : $"{anchor}-{again - 1}");
        }

        return anchors;
    }

    [GeneratedRegex(@"^(?<fence>`{3,})(?<language>[^\n`]*)\n(?<text>.*?)^\k<fence>`*$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"`([^`\n]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex LinkText();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NoAnchor();
}
