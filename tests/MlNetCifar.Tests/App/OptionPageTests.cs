using System.Text;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Experiments;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>The page of all options is made of their descriptions. To write it anew: MLNETCIFAR_UPDATE_SNAPSHOTS=1.</summary>
[TestClass]
public sealed class OptionPageTests
{
    const string Head = """
        # Options

        All options of all commands, made of the descriptions in the code: a test writes this page, and fails where it is not up to date. Each option may be given on the command
        line (`--batch-size 32`), as a variable (`MLNETCIFAR_BATCH_SIZE=32`) or in the file of `--config` (`{"batch-size": 32}`), in this order of precedence. The column C# names
        the property of `ExperimentOptions`, `PreprocessSpec`, `TrainingOptions`, `Augmentation` or `EvaluationExperimentOptions` that the option sets.

        """;

    [TestMethod]
    public void Page_IsCurrent()
    {
        var page = Page();
        var path = Repository.File("src", "MlNetCifar.App", "OPTIONS.md");
        if (Environment.GetEnvironmentVariable("MLNETCIFAR_UPDATE_SNAPSHOTS") == "1")
            File.WriteAllText(path, page);
        Assert.AreEqual(page, File.ReadAllText(path), "run with MLNETCIFAR_UPDATE_SNAPSHOTS=1 and look at OPTIONS.md");
    }

    static string Page()
    {
        var page = new StringBuilder(Head.ReplaceLineEndings("\n"));
        var uses = AllVerbs.Create().SelectMany(verb => Commands(verb, "")).SelectMany(c => c.Verb.Shown.Select(option => (c.Command, Option: option))).ToArray();
        foreach (var group in uses.GroupBy(use => use.Option.Group))
        {
            page.Append($"\n## {group.Key}\n\n| option | C# | values | default | what it does | commands |\n| --- | --- | --- | --- | --- | --- |\n");
            foreach (var use in group.GroupBy(use => use.Option))
                page.Append($"| {string.Join(" | ", Cells(use.Key, [.. use.Select(u => u.Command)]).Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |\n");
        }

        return page.ToString();
    }

    static IEnumerable<(string Command, Verb Verb)> Commands(Verb verb, string parent) =>
        verb.Verbs.Count == 0 ? [(parent + verb.Name, verb)] : verb.Verbs.SelectMany(inner => Commands(inner, $"{parent}{verb.Name} "));

    static string[] Cells(OptionDescription option, string[] commands) =>
    [
        option.IsFlag ? $"`{option.Option}`" : $"`{option.Option} {option.ValueName}`",
        Property(option) is { } property ? $"`{property}`" : "",
        Values(option),
        option.DefaultText ?? (option.IsFlag ? "false" : ""),
        option.Help,
        commands.Length > 10 ? "all" : string.Join(", ", commands),
    ];

    static string? Property(OptionDescription option) =>
        TrainingTable.All.Find(option)?.Property ?? ExperimentTable.All.Find(option)?.Property ?? EvaluationTable.All.Find(option)?.Property;

    static string Values(OptionDescription option)
    {
        var kind = option.Kind switch
        {
            _ when option.Choices.Count > 0 => string.Join(", ", option.Choices),
            OptionKind.Flag => "true, false",
            OptionKind.Integer => "whole number",
            var other => other.ToString().ToLowerInvariant(),
        };
        return option.Range is null ? kind : $"{kind}, {option.Range}{(option.Kind == OptionKind.Duration ? " s" : "")}";
    }
}
