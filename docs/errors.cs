#:package Microsoft.CodeAnalysis.CSharp@4.14.0
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Writes the page of all error codes, as the code has them: dotnet run docs/errors.cs ROOT FILE
// An error is made where its code stands: after it come its kind, what was found, and what to do. What is only known when it happens is shown as "…".
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

var (root, path) = (args[0], args[1]);
var errors = Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories).SelectMany(Errors).Distinct().ToLookup(e => e.Code);

// What a range is about is said once, on the page of the architecture.
var about = Regex.Matches(File.ReadAllText(Path.Combine(root, "src", "MlNetCifar", "README.md")), @"([A-Za-z.& ]+?)\s+MNC(\d\d)xx").ToDictionary(m => m.Groups[2].Value, m => m.Groups[1].Value.Trim());
var page = new StringBuilder("""
    # All error codes

    Made from the code when this site is built. "…" is what is only known when it happens; several rows of one code are its variants. How to read them: [what an error says](../../docs/failures.md).

    """);
foreach (var range in errors.OrderBy(e => e.Key, StringComparer.Ordinal).GroupBy(e => e.Key[3..5]))
{
    page.Append($"\n## MNC{range.Key}xx{(about.TryGetValue(range.Key, out var what) ? $": {what}" : "")}\n\n| code | found | what to do |\n| --- | --- | --- |\n");
    foreach (var error in range.SelectMany(code => code))
        page.Append($"| {error.Code} | {Cell(error.Found)} | {Cell(error.Action)} |\n");
}

Directory.CreateDirectory(Path.GetDirectoryName(path)!);
File.WriteAllText(path, page.ToString());
Console.WriteLine($"{errors.Count} error codes");

static IEnumerable<Error> Errors(string file)
{
    var text = File.ReadAllText(file);
    if (!text.Contains("\"MNC", StringComparison.Ordinal))
        yield break;
    var tree = CSharpSyntaxTree.ParseText(text).GetRoot();
    var constants = tree.DescendantNodes().OfType<VariableDeclaratorSyntax>().Where(v => v.Initializer is { Value: LiteralExpressionSyntax l } && IsCode(l.Token.ValueText))
        .ToDictionary(v => v.Identifier.Text, v => ((LiteralExpressionSyntax)v.Initializer!.Value).Token.ValueText);
    foreach (var list in tree.DescendantNodes().OfType<ArgumentListSyntax>())
    {
        for (var i = 0; i < list.Arguments.Count; i++)
        {
            var code = list.Arguments[i].Expression switch
            {
                LiteralExpressionSyntax literal => literal.Token.ValueText,
                IdentifierNameSyntax name => constants.GetValueOrDefault(name.Identifier.Text),
                _ => null,
            };
            if (code is null || !IsCode(code))
                continue;
            var rest = list.Arguments.Skip(i + 1).SkipWhile(a => a.Expression is MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "ErrorKind" } }).ToArray();
            if (rest.Length > 0)
                yield return new(code, Words(rest[0].Expression), rest.Length > 1 && rest[1].NameColon is null or { Name.Identifier.Text: "action" } ? Words(rest[1].Expression) : "");
        }
    }
}

static bool IsCode(string text) => Regex.IsMatch(text, @"^MNC\d{4}$");

static string Words(ExpressionSyntax expression) => expression switch
{
    LiteralExpressionSyntax { RawKind: (int)SyntaxKind.StringLiteralExpression } literal => literal.Token.ValueText,
    LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NullLiteralExpression } => "",
    InterpolatedStringExpressionSyntax text => string.Concat(text.Contents.Select(part => part is InterpolatedStringTextSyntax t ? t.TextToken.ValueText : "…")),
    BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression } either => Words(either.Right),
    BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } both => Words(both.Left) + Words(both.Right),
    ConditionalExpressionSyntax choice => string.Join(" / ", new[] { Words(choice.WhenTrue), Words(choice.WhenFalse) }.Where(words => words.Length > 0)),
    ParenthesizedExpressionSyntax inner => Words(inner.Expression),
    InvocationExpressionSyntax { ArgumentList.Arguments: [var only] } => Words(only.Expression),
    _ => "…",
};

static string Cell(string text) => Regex.Replace(text.ReplaceLineEndings(" "), @"[|<>*_\[\]`]", match => match.Value == "|" ? "\\|" : $"&#{(int)match.Value[0]};");

sealed record Error(string Code, string Found, string Action);
