namespace MlNetCifar.App.Cli;

/// <summary>Environment variables of this program.</summary>
internal static class Variables
{
    const string Prefix = "MLNETCIFAR_";

    /// <summary>Those that stand for no option: of the kernels, the cluster and the tests.</summary>
    static readonly string[] s_others =
    [
        "MLNETCIFAR_SIMD", "MLNETCIFAR_WINOGRAD", "MLNETCIFAR_SHARED", "MLNETCIFAR_WORKER", "MLNETCIFAR_MASTER", "MLNETCIFAR_LOG", "MLNETCIFAR_PUBLISHED_WORKER",
        "MLNETCIFAR_FUZZ_SECONDS", "MLNETCIFAR_TORTURE", "MLNETCIFAR_UPDATE_GOLDEN", "MLNETCIFAR_UPDATE_SNAPSHOTS",
    ];

    /// <summary>Warns of variables that look like options but are none of any command: a slip in a name would else change nothing and say nothing.</summary>
    /// <param name="terminal">The world outside.</param>
    /// <param name="verbs">All commands.</param>
    public static void WarnOfUnknown(Terminal terminal, IReadOnlyList<Verb> verbs)
    {
        var given = terminal.VariableNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Except(s_others).Order(StringComparer.Ordinal).ToArray();
        if (given.Length == 0)
            return;
        var known = verbs.SelectMany(verb => verb.Verbs.Append(verb)).SelectMany(verb => verb.Options).Select(option => option.VariableName).ToHashSet();
        foreach (var name in given.Where(name => !known.Contains(name)))
            terminal.Warn($"the variable {name} stands for no option and changes nothing{Question(name, known)}");
    }

    static string Question(string name, IEnumerable<string> known) => OptionText.DidYouMean(name, known) is { Length: > 0 } question ? $".{question}" : "";
}
