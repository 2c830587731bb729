namespace MlNetCifar.App.Cli.Completion;

/// <summary>Writes the completion of PowerShell.</summary>
internal static class PowerShellCompletion
{
    public static void Write(TextWriter to, IReadOnlyList<CompletedCommand> commands)
    {
        to.WriteLine("# Completion of mlnetcifar for PowerShell: mlnetcifar completion powershell | Out-String | Invoke-Expression");
        to.WriteLine("Register-ArgumentCompleter -Native -CommandName mlnetcifar -ScriptBlock {");
        to.WriteLine("  param($wordToComplete, $commandAst, $cursorPosition)");
        to.WriteLine("  $steps = @{");
        foreach (var command in commands)
        {
            foreach (var (from, word) in command.Steps)
                to.WriteLine($"    {Quoted($"{from}|{word}")} = {Quoted(command.Path)}");
        }

        to.WriteLine("  }");
        to.WriteLine("  $words = @{");
        foreach (var command in commands)
            to.WriteLine($"    {Quoted(command.Path)} = @({List(command.Verbs.Select(verb => verb.Name).Concat(command.Words ?? []).Concat(command.Options.SelectMany(option => option.Names)))})");
        to.WriteLine("  }");
        to.WriteLine("  $values = @{");
        foreach (var command in commands)
        {
            foreach (var option in command.Options.Where(option => !option.IsFlag))
            {
                foreach (var name in option.Names)
                    to.WriteLine($"    {Quoted($"{command.Path}|{name}")} = @({List(option.Choices)})");
            }
        }

        to.WriteLine("  }");
        to.WriteLine("  $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })");
        to.WriteLine("  $at = ''");
        to.WriteLine("  foreach ($word in $before) { if ($steps.ContainsKey(\"$at|$word\")) { $at = $steps[\"$at|$word\"] } }");
        to.WriteLine("  $key = if ($before.Count -gt 0) { \"$at|$($before[-1])\" } else { '' }");
        to.WriteLine("  $found = if ($values.ContainsKey($key)) { $values[$key] } else { $words[$at] }");
        to.WriteLine("  $found | Where-Object { $_ -like \"$wordToComplete*\" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }");
        to.WriteLine("}");
    }

    static string List(IEnumerable<string> words) => string.Join(", ", words.Select(Quoted));

    static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
