using System.Diagnostics;

namespace MlNetCifar.App.Commands.Resuming;

/// <summary>Ends the process without warning (SIGKILL) a moment after a step, in the middle of whatever it does then: the test of all that is said about resuming.</summary>
/// <param name="step">The step, counted over the whole run; 0 for never.</param>
/// <param name="share">When within the following step, as a share of the last step's duration, 0 … 1.</param>
internal sealed class KillSwitch(long step, double share) : ITrainingObserver
{
    long _last = Stopwatch.GetTimestamp();

    public void OnStep(TrainingRun run)
    {
        var took = Stopwatch.GetElapsedTime(_last);
        _last = Stopwatch.GetTimestamp();
        if (run.Step != step)
            return;
        var thread = new Thread(() =>
        {
            Thread.Sleep(took * share);
            Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true };
        thread.Start();
    }
}
