using MlNetCifar.App.Cli;
using MlNetCifar.App.Cli.Completion;

namespace MlNetCifar.App.Commands;

/// <summary>Prints the script that makes a shell complete commands, options and their values.</summary>
internal sealed class CompletionCommand() : Verb("completion", "Print the script that makes a shell complete commands, options and their values.")
{
    static readonly Dictionary<string, Action<TextWriter, IReadOnlyList<CompletedCommand>>> s_shells = new()
    {
        ["bash"] = BashCompletion.Write,
        ["zsh"] = ZshCompletion.Write,
        ["fish"] = FishCompletion.Write,
        ["powershell"] = PowerShellCompletion.Write,
    };

    public override string Arguments => string.Join('|', s_shells.Keys);

    public override string ArgumentsHelp => "The shell";

    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override IReadOnlyList<string> Examples =>
        ["bash > ~/.local/share/bash-completion/completions/mlnetcifar", "zsh > ~/.zfunc/_mlnetcifar", "fish > ~/.config/fish/completions/mlnetcifar.fish", "powershell >> $PROFILE"];

    public override int Run(Call call)
    {
        if (!s_shells.TryGetValue(call.Arguments[0], out var write))
            throw CliErrors.Value("The shell", call.Arguments[0], $"one of {string.Join(", ", s_shells.Keys)}", s_shells.Keys);
        write(call.Terminal.Out, CompletionTree.Of(AllVerbs.Create()));
        return ExitCodes.Ok;
    }
}
