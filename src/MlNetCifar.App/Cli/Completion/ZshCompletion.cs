namespace MlNetCifar.App.Cli.Completion;

/// <summary>Writes the completion of zsh.</summary>
internal static class ZshCompletion
{
    public static void Write(TextWriter to, IReadOnlyList<CompletedCommand> commands)
    {
        to.WriteLine("#compdef mlnetcifar");
        to.WriteLine("# Completion of mlnetcifar for zsh: source <(mlnetcifar completion zsh), after compinit");
        to.WriteLine("_mlnetcifar() {");
        to.WriteLine("  local -a found");
        to.WriteLine("  local at= i");
        to.WriteLine("  for ((i = 2; i < CURRENT; i++)); do");
        to.WriteLine("    case \"$at|${words[i]}\" in");
        foreach (var command in commands.Where(command => command.Steps.Count > 0))
            to.WriteLine($"      {string.Join('|', command.Steps.Select(step => Quoted($"{step.From}|{step.Word}")))}) at={Quoted(command.Path)} ;;");
        to.WriteLine("    esac");
        to.WriteLine("  done");
        to.WriteLine("  case \"$at\" in");
        foreach (var command in commands)
            Write(to, command);
        to.WriteLine("  esac");
        to.WriteLine("}");
        to.WriteLine("if [[ $funcstack[1] == _mlnetcifar ]]; then _mlnetcifar \"$@\"; else compdef _mlnetcifar mlnetcifar; fi");
    }

    static void Write(TextWriter to, CompletedCommand command)
    {
        to.WriteLine($"    {Quoted(command.Path)})");
        to.WriteLine("      case \"${words[CURRENT-1]}\" in");
        foreach (var option in command.Options.Where(option => !option.IsFlag))
        {
            var action = option.Choices.Count > 0 ? $"compadd -- {string.Join(' ', option.Choices)}; " : option.IsPath ? "_files; " : "";
            to.WriteLine($"        {string.Join('|', option.Names)}) {action}return ;;");
        }

        to.WriteLine("        *) ;;");
        to.WriteLine("      esac");
        to.WriteLine("      if [[ ${words[CURRENT]} == -* ]]; then");
        Describe(to, "option", command.Options.SelectMany(option => option.Names.Select(name => (name, option.Help))));
        to.WriteLine("      else");
        if (command.Verbs.Count > 0)
            Describe(to, "command", command.Verbs);
        else
            to.WriteLine(command.Words is null ? "        _files" : command.Words.Count > 0 ? $"        compadd -- {string.Join(' ', command.Words)}" : "        :");
        to.WriteLine("      fi ;;");
    }

    static void Describe(TextWriter to, string what, IEnumerable<(string Name, string Help)> rows)
    {
        to.WriteLine($"        found=({string.Join(' ', rows.Select(row => Quoted($"{row.Name}:{row.Help.Replace(":", "\\:", StringComparison.Ordinal)}")))})");
        to.WriteLine($"        _describe {(what == "option" ? "-o " : "")}{what} found");
    }

    static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
