using System.Text;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Experiments;
using MlNetCifar.Tests.Architecture;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Docs;

/// <summary>Every command that a document shows is one that the program takes: parsed by it, values and all, and not run.</summary>
[TestClass]
public sealed partial class DocumentCommandTests
{
    static readonly string[] s_shells = ["", "sh", "bash"];

    [TestMethod]
    public void Commands_AreUnderstood()
    {
        var commands = Documents.All.SelectMany(document => Commands(document, Documents.Read(document))).ToArray();
        Assert.IsGreaterThan(100, commands.Length);
        SourceCode.AssertNone(
            from command in commands
            let fault = Fault(command.Words)
            where fault is not null && !(command.IsMention && fault.Contains("Required argument missing", StringComparison.Ordinal))
            select $"{command.Document}: {string.Join(' ', command.Words)}: {fault}");
    }

    [TestMethod]
    [DataRow("trian photos", "MNC9001")]
    [DataRow("train photos --seed one", "MNC9002")]
    [DataRow("train photos --no-such-option 1", "MNC9001")]
    [DataRow("predict --batch-size x", "MNC9001")]
    public void WrongCommands_AreFound(string command, string code) => StringAssert.Contains(Fault(command.Split(' ')), code);

    [TestMethod]
    public void Commands_AreTakenOutOfShells()
    {
        const string text = """
            ```sh
            mlnetcifar train photos   # mlnetcifar is no command here
            for seed in 1 2; do mlnetcifar train a --seed $seed --name "two words"; done | mlnetcifar runs > x
            eval "$(mlnetcifar cluster start \
              --manager yarn)"
            dotnet run --project src/MlNetCifar.App -- quickstart
            mlnetcifar ensemble seed?
            ```
            `mlnetcifar train --workers N` trains; see `train --seed 1` and `mlnetcifar`.
            """;
        CollectionAssert.AreEqual(
            new[] { "train|photos", "train|a|--seed|1|--name|two words", "runs", "cluster|start|--manager|yarn", "quickstart", "ensemble|seed1|seed2", "train|--workers", "train|--seed|1" },
            Commands("x.md", text).Select(command => string.Join('|', command.Words)).ToArray());
    }

    /// <summary>The commands of a text: whole ones in its blocks, and those that it mentions, where values may be missing or placeholders.</summary>
    static IEnumerable<(string Document, string[] Words, bool IsMention)> Commands(string document, string text)
    {
        var lines = Documents.Blocks(document, text).Where(block => s_shells.Contains(block.Language)).SelectMany(block => block.Text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n')).Select(line => Comment().Replace(line, ""));
        var verbs = AllVerbs.Create().Select(verb => verb.Name).ToHashSet();
        var spans = Documents.Spans(text).Select(span => span.Split(' ') is [var verb, var next, ..] && verbs.Contains(verb) && next.StartsWith("--", StringComparison.Ordinal) ? $"mlnetcifar {span}" : span);
        return lines.SelectMany(line => Calls(line).Select(words => (document, words, false)))
            .Concat(spans.SelectMany(span => Calls(span).Select(words => (document, words.Where(word => !Placeholder().IsMatch(word)).ToArray(), true))));
    }

    static IEnumerable<string[]> Calls(string line) => Call().Matches(line).Select(call => Words(line[(call.Index + call.Length)..]));

    /// <summary>What the program says of a command; null where it takes it.</summary>
    static string? Fault(string[] words)
    {
        using var folder = new TestFolder();
        var settings = folder.Write("args.json", "{}");
        string[] args = [.. words.Select((word, i) => i > 0 && words[i - 1] == Verb.Config.Option ? settings : word)];
        using var error = new StringWriter();
        var terminal = new Terminal { Out = TextWriter.Null, Error = error };
        return CommandLine.Run(args, terminal, [.. AllVerbs.Create().Select(verb => new IdleVerb(verb))]) == ExitCodes.Ok ? null : error.ToString().Trim();
    }

    /// <summary>The words of a command up to its end, as a shell has them: a variable is 1, a pattern two files.</summary>
    static string[] Words(string text)
    {
        List<string> words = [];
        var word = new StringBuilder();
        var (quote, begun) = ('\0', false);
        foreach (var letter in text)
        {
            if (quote == '\0' && "|;&)>\"'` ".Contains(letter) || letter == quote)
            {
                if (letter is '"' or '\'')
                {
                    (quote, begun) = (letter == quote ? '\0' : letter, true);
                    continue;
                }

                if (begun)
                    words.Add(word.ToString());
                word.Clear();
                begun = false;
                if (letter != ' ')
                    break;
            }
            else
            {
                word.Append(letter);
                begun = true;
            }
        }

        if (begun)
            words.Add(word.ToString());
        return [.. words.Select(w => Variable().Replace(w, "1")).SelectMany(w => w.EndsWith('?') ? new[] { $"{w[..^1]}1", $"{w[..^1]}2" } : [w])];
    }

    /// <summary>A command that does nothing.</summary>
    sealed class IdleVerb(Verb verb) : Verb(verb.Name, verb.Help)
    {
        public override IReadOnlyList<string> Aliases => verb.Aliases;

        public override IReadOnlyList<Verb> Verbs { get; } = [.. verb.Verbs.Select(inner => new IdleVerb(inner))];

        public override OptionDescription? ArgumentOption => verb.ArgumentOption;

        public override string? Arguments => verb.Arguments;

        public override (int Least, int Most) ArgumentCount => verb.ArgumentCount;

        protected override IEnumerable<OptionDescription> OwnOptions => verb.Options.Except([Json, Config, Verbose]);

        public override int Run(Call call) => ExitCodes.Ok;
    }

    [GeneratedRegex(@"(?<![\w/.-])(mlnetcifar|src/MlNetCifar\.App --) (?=[a-z-])")]
    private static partial Regex Call();

    [GeneratedRegex("(^|\\s)#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^([A-Z]+|…)$")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\$[a-z]+")]
    private static partial Regex Variable();
}
