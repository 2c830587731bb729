using System.Text;
using Spectre.Console;

namespace MlNetCifar.App.Cli;

/// <summary>Everything a command sees of the world outside: streams, variables, the wish to stop. Data goes to <see cref="Out"/>, the rest to <see cref="Error"/>.</summary>
internal sealed class Terminal
{
    const int PipeWidth = 160;

    readonly Lazy<IAnsiConsole> _tables;
    readonly Lazy<IAnsiConsole> _log;

    public Terminal()
    {
        _tables = new(() => Console(Out!, IsOutTerminal));
        _log = new(() => Console(Error!, IsErrorTerminal));
    }

    /// <summary>Data, without the secrets of addresses.</summary>
    public required TextWriter Out { get; init => field = new MaskingWriter(value); }

    /// <summary>Log lines and progress, without the secrets of addresses.</summary>
    public required TextWriter Error { get; init => field = new MaskingWriter(value); }

    /// <summary>Opens standard input.</summary>
    public Func<Stream> Input { get; init; } = () => Stream.Null;

    /// <summary>Environment variables.</summary>
    public Func<string, string?> Variable { get; init; } = _ => null;

    /// <summary>Their names.</summary>
    public Func<IEnumerable<string>> VariableNames { get; init; } = () => [];

    /// <summary>Whether a person looks at <see cref="Out"/>.</summary>
    public bool IsOutTerminal { get; init; }

    /// <summary>Whether a person looks at <see cref="Error"/>; only then is there a progress bar.</summary>
    public bool IsErrorTerminal { get; init; }

    /// <summary>Columns of the terminal.</summary>
    public int Width { get; init; } = 100;

    /// <summary>Set when the user or the system asks to stop.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Exit code of an interrupted command: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP, 141 when nobody reads its output any more.</summary>
    public Func<int> StopCode { get; init; } = () => ExitCodes.Interrupted;

    /// <summary>Tables on standard output.</summary>
    public IAnsiConsole Tables => _tables.Value;

    /// <summary>Log and progress on standard error.</summary>
    public IAnsiConsole LogConsole => _log.Value;

    /// <summary>The process's own terminal.</summary>
    public static Terminal OfProcess(Signals signals)
    {
        var dumb = System.Environment.GetEnvironmentVariable("TERM") is "dumb";
        var (outputStream, streamOfErrors) = (
            Watched(System.Console.OpenStandardOutput(), System.Console.IsOutputRedirected, 1), Watched(System.Console.OpenStandardError(), System.Console.IsErrorRedirected, 2));
        var output = new StreamWriter(outputStream, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };
        var error = new StreamWriter(streamOfErrors, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };
        return new Terminal
        {
            Out = output,
            Error = error,
            Input = System.Console.OpenStandardInput,
            Variable = System.Environment.GetEnvironmentVariable,
            VariableNames = () => System.Environment.GetEnvironmentVariables().Keys.OfType<string>(),
            IsOutTerminal = !dumb && !System.Console.IsOutputRedirected,
            IsErrorTerminal = !dumb && !System.Console.IsErrorRedirected,
            Width = WindowWidth(),
            Stop = signals.Token,
            StopCode = () => signals.ExitCode,
        };

        // Of a terminal that is gone SIGHUP tells, which a program may have been asked to ignore.
        Stream Watched(Stream stream, bool redirected, int descriptor) =>
            redirected ? new WatchedPipe(stream, descriptor, () => signals.Ask(ExitCodes.PipeClosed)) : stream;
    }

    /// <summary>Writes a log line.</summary>
    public void Log(string text)
    {
        if (IsErrorTerminal)
            LogConsole.WriteLine(Secrets.InText(text));
        else
            Error.WriteLine(text);
    }

    /// <summary>Writes a log line with a part of it coloured, where a person looks at it.</summary>
    /// <param name="text">The line.</param>
    /// <param name="part">The part: its last occurrence.</param>
    /// <param name="style">A colour or style of Spectre.Console.</param>
    public void Log(string text, string part, string style)
    {
        text = Secrets.InText(text);
        var at = part.Length == 0 ? -1 : text.LastIndexOf(part, StringComparison.Ordinal);
        if (!IsErrorTerminal || at < 0)
            Log(text);
        else
            LogConsole.MarkupLine($"{Markup.Escape(text[..at])}[{style}]{Markup.Escape(part)}[/]{Markup.Escape(text[(at + part.Length)..])}");
    }

    /// <summary>Writes a warning.</summary>
    public void Warn(string text) => Log($"warning: {text}", "warning:", "yellow");

    IAnsiConsole Console(TextWriter writer, bool terminal) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = terminal ? AnsiSupport.Yes : AnsiSupport.No,
        ColorSystem = terminal && string.IsNullOrEmpty(Variable("NO_COLOR")) ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
        Interactive = terminal ? InteractionSupport.Yes : InteractionSupport.No,
        Out = new Output(writer, terminal, terminal ? Width : PipeWidth),
        Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
    });

    static int WindowWidth()
    {
        try
        {
            return Math.Clamp(System.Console.WindowWidth, 40, 400);
        }
        catch (IOException)
        {
            return PipeWidth;
        }
    }

    sealed class Output(TextWriter writer, bool terminal, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => terminal;

        public int Width => width;

        public int Height => 50;

        public void SetEncoding(Encoding encoding)
        {
        }
    }
}
