namespace MlNetCifar.App.Cli.Completion;

/// <summary>Writes the completion of fish.</summary>
internal static class FishCompletion
{
    public static void Write(TextWriter to, IReadOnlyList<CompletedCommand> commands)
    {
        to.WriteLine("# Completion of mlnetcifar for fish: mlnetcifar completion fish | source");
        to.WriteLine("function __mlnetcifar_at");
        to.WriteLine("  set -l at ''");
        to.WriteLine("  for word in (commandline -opc)[2..-1]");
        to.WriteLine("    switch \"$at|$word\"");
        foreach (var command in commands.Where(command => command.Steps.Count > 0))
        {
            to.WriteLine($"      case {string.Join(' ', command.Steps.Select(step => Quoted($"{step.From}|{step.Word}")))}");
            to.WriteLine($"        set at {Quoted(command.Path)}");
        }

        to.WriteLine("    end");
        to.WriteLine("  end");
        to.WriteLine("  test \"$at\" = \"$argv\"");
        to.WriteLine("end");
        to.WriteLine("complete -c mlnetcifar -f");
        foreach (var command in commands)
            Write(to, command);
    }

    static void Write(TextWriter to, CompletedCommand command)
    {
        var start = $"complete -c mlnetcifar -n {Quoted($"__mlnetcifar_at {command.Path}")}";
        foreach (var (name, help) in command.Verbs)
            to.WriteLine($"{start} -a {name} -d {Quoted(help)}");
        if (command.Words is null)
            to.WriteLine($"{start} -F");
        foreach (var word in command.Words ?? [])
            to.WriteLine($"{start} -a {word}");
        foreach (var option in command.Options)
        {
            var names = string.Join(' ', option.Names.Select(name => name.StartsWith("--", StringComparison.Ordinal) ? $"-l {name[2..]}" : $"-s {name[1..]}"));
            var value = option.IsFlag ? "" : option.IsPath ? " -r -F" : option.Choices.Count > 0 ? $" -x -a {Quoted(string.Join(' ', option.Choices))}" : " -x";
            to.WriteLine($"{start} {names}{value} -d {Quoted(option.Help)}");
        }
    }

    static string Quoted(string text) => $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
