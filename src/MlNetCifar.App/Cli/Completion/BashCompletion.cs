namespace MlNetCifar.App.Cli.Completion;

/// <summary>Writes the completion of bash.</summary>
internal static class BashCompletion
{
    public static void Write(TextWriter to, IReadOnlyList<CompletedCommand> commands)
    {
        to.WriteLine("# Completion of mlnetcifar for bash: source <(mlnetcifar completion bash)");
        to.WriteLine("_mlnetcifar() {");
        to.WriteLine("  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= i");
        to.WriteLine("  COMPREPLY=()");
        to.WriteLine("  for ((i = 1; i < COMP_CWORD; i++)); do");
        to.WriteLine("    case \"$at|${COMP_WORDS[i]}\" in");
        foreach (var command in commands.Where(command => command.Steps.Count > 0))
            to.WriteLine($"      {string.Join('|', command.Steps.Select(step => $"'{step.From}|{step.Word}'"))}) at='{command.Path}' ;;");
        to.WriteLine("    esac");
        to.WriteLine("  done");
        to.WriteLine("  case \"$at\" in");
        foreach (var command in commands)
            Write(to, command);
        to.WriteLine("  esac");
        to.WriteLine("}");
        to.WriteLine("complete -F _mlnetcifar mlnetcifar");
    }

    static void Write(TextWriter to, CompletedCommand command)
    {
        to.WriteLine($"    '{command.Path}')");
        to.WriteLine("      case \"$prev\" in");
        foreach (var option in command.Options.Where(option => !option.IsFlag))
        {
            var action = option.Choices.Count > 0 ? $"{Words(option.Choices)}; " : option.IsPath ? "compopt -o default; " : "";
            to.WriteLine($"        {string.Join('|', option.Names)}) {action}return ;;");
        }

        to.WriteLine("        *) ;;");
        to.WriteLine("      esac");
        to.WriteLine($"      if [[ $cur == -* ]]; then {Words(command.Options.SelectMany(option => option.Names))}");
        var words = command.Verbs.Count > 0 ? [.. command.Verbs.Select(verb => verb.Name)] : command.Words;
        to.WriteLine($"      else {(words is null ? "compopt -o default" : words.Count > 0 ? Words(words) : ":")}; fi ;;");
    }

    static string Words(IEnumerable<string> words) => $"COMPREPLY=($(compgen -W '{string.Join(' ', words)}' -- \"$cur\"))";
}
