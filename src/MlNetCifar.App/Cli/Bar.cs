using Spectre.Console;

namespace MlNetCifar.App.Cli;

/// <summary>A progress bar on standard error until it is disposed; where that is no terminal, a line every ten seconds.</summary>
internal sealed class Bar : IDisposable
{
    readonly ManualResetEventSlim _done = new();
    static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    readonly Thread? _drawing;
    readonly Timer? _telling;
    volatile string _text;
    ProgressTask? _task;

    /// <summary>Shows a bar.</summary>
    /// <param name="terminal">Where it is drawn.</param>
    /// <param name="title">Text before the first report.</param>
    public Bar(Terminal terminal, string title)
    {
        _text = title;
        if (!terminal.IsErrorTerminal)
        {
            _telling = new Timer(_ => terminal.Log(_text), null, s_interval, s_interval);
            return;
        }

        _drawing = new Thread(() => Draw(terminal.LogConsole, title)) { IsBackground = true };
        _drawing.Start();
    }

    /// <summary>Says how far work has come, as often as it likes, from any thread.</summary>
    /// <param name="share">0 … 1.</param>
    /// <param name="text">What is being done, with its speed.</param>
    public void Advance(double share, string text)
    {
        _text = text;
        if (Volatile.Read(ref _task) is not { } task)
            return;
        task.Value = share;
        task.Description = Markup.Escape(text);
    }

    public void Dispose()
    {
        _telling?.Dispose();
        _done.Set();
        _drawing?.Join();
        _done.Dispose();
    }

    void Draw(IAnsiConsole console, string title)
    {
        try
        {
            console.Progress().AutoClear(true).HideCompleted(false)
                .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new RemainingTimeColumn())
                .Start(context =>
                {
                    Volatile.Write(ref _task, context.AddTask(Markup.Escape(title), maxValue: 1));
                    _done.Wait();
                });
        }
        catch (IOException)
        {
            // The terminal is gone; the work goes on.
        }
    }
}

/// <summary>Progress that is told on the thread it happens on.</summary>
/// <param name="tell">Told each time.</param>
internal sealed class Reporter<T>(Action<T> tell) : IProgress<T>
{
    void IProgress<T>.Report(T value) => tell(value);
}
