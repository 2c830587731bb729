using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;

namespace MlNetCifar.Tests.App;

/// <summary>Runs the program in this process and keeps what it prints.</summary>
sealed class Cli
{
    readonly StringWriter _out = new() { NewLine = "\n" };
    readonly StringWriter _error = new() { NewLine = "\n" };

    public int ExitCode { get; private init; }

    public string Out => _out.ToString();

    public string Error => _error.ToString();

    /// <summary>Standard output as JSON, one object a line.</summary>
    public IReadOnlyList<JsonElement> Lines => [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public static Cli Run(params string[] args) => Run(args, []);

    public static Cli Run(string[] args, Dictionary<string, string> variables, CancellationToken stop = default, byte[]? input = null, int stopCode = ExitCodes.Interrupted)
    {
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var terminal = new Terminal
        {
            Out = output,
            Error = error,
            Variable = variables.GetValueOrDefault,
            VariableNames = () => variables.Keys,
            Stop = stop,
            StopCode = () => stopCode,
            Input = () => new MemoryStream(input ?? []),
        };
        return new Cli(output, error) { ExitCode = CommandLine.Run(args, terminal, AllVerbs.Create()) };
    }

    Cli(StringWriter output, StringWriter error) => (_out, _error) = (output, error);

    /// <summary>Expects success.</summary>
    public Cli Good()
    {
        Assert.AreEqual(ExitCodes.Ok, ExitCode, Error);
        return this;
    }

    /// <summary>Expects one line with this code, and no stack trace.</summary>
    public Cli Bad(int exitCode, string code)
    {
        Assert.AreEqual(exitCode, ExitCode, $"{Out}\n{Error}");
        var line = Error.Split('\n').SingleOrDefault(l => l.StartsWith("error ", StringComparison.Ordinal));
        Assert.IsNotNull(line, Error);
        StringAssert.StartsWith(line, $"error {code}: ");
        Assert.DoesNotContain("   at ", Error);
        return this;
    }
}
