using System.Diagnostics;

namespace MlNetCifar.App.Commands.Resuming;

/// <summary>This program as a child process.</summary>
internal static class SelfProcess
{
    /// <summary>Runs the program and waits.</summary>
    /// <returns>Exit code and standard output; standard error goes to <paramref name="log"/>.</returns>
    public static (int Code, string Output) Run(IEnumerable<string> arguments, TextWriter log, CancellationToken stop)
    {
        var start = Start(arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, false);
        using var process = Process.Start(start)!;
        using var registration = stop.Register(process.Kill);
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
                log.WriteLine(text);
        };
        process.BeginErrorReadLine();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        stop.ThrowIfCancellationRequested();
        return (process.ExitCode, output);
    }

    /// <summary>How the program begins.</summary>
    public static ProcessStartInfo Start(IEnumerable<string> arguments)
    {
        var (file, first) = Command();
        return new(file, [.. first, .. arguments]);
    }

    /// <summary>How the program begins with the options of this one, whatever the environment says: each by its variable, which no list of processes shows.</summary>
    /// <param name="arguments">Typed, and so going before all others.</param>
    /// <param name="values">Those of this process, wherever they came from.</param>
    public static ProcessStartInfo Start(IEnumerable<string> arguments, OptionValues values)
    {
        var start = Start(arguments);
        foreach (var option in values.Options)
        {
            if (option.IsRecorded && values.Given(option) is { } value)
                start.Environment[option.VariableName] = OptionText.Of(value);
            else
                start.Environment.Remove(option.VariableName);
        }

        return start;
    }

    static (string File, string[] First) Command()
    {
        var name = typeof(SelfProcess).Assembly.GetName().Name!;
        var host = Environment.ProcessPath ?? "dotnet";
        if (Path.GetFileNameWithoutExtension(host) == name)
            return (host, []);
        return (Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", [Path.Combine(AppContext.BaseDirectory, name + ".dll")]);
    }
}
