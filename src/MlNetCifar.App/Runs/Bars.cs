using MlNetCifar.App.Cli;
using Spectre.Console;

namespace MlNetCifar.App.Runs;

/// <summary>Told how far work has come.</summary>
/// <param name="share">0 … 1.</param>
/// <param name="text">What is being done, with its speed.</param>
internal delegate void Advance(double share, string text);

/// <summary>A progress bar on standard error while work is done; none where nobody looks.</summary>
internal static class Bars
{
    /// <summary>Does the work under a bar.</summary>
    /// <param name="terminal">Where the bar is drawn.</param>
    /// <param name="title">Text before the first report.</param>
    /// <param name="work">Reports as often as it likes, from any thread.</param>
    public static T Run<T>(Terminal terminal, string title, Func<Advance, T> work)
    {
        if (!terminal.IsErrorTerminal)
            return work((_, _) => { });
        return terminal.LogConsole.Progress().AutoClear(true).HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title), maxValue: 1);
                return work((share, text) =>
                {
                    task.Value = share;
                    task.Description = Markup.Escape(text);
                });
            });
    }
}
