using System.Diagnostics;

namespace MlNetCifar.Tuning;

/// <summary>
/// Runs each trial in a process of its own: one that crashes, eats memory or never ends is a failed trial, and nothing else happens. The process is killed when the trial is cancelled, takes too long, or has more memory than it may.
/// </summary>
/// <param name="child">How a process begins that reads a request from its standard input and answers on its standard output, as <see cref="Sweep.RunTrial"/> does.</param>
/// <param name="memory">Bytes that it may have in use; null for no limit.</param>
internal sealed class IsolatedTrialRunner(Func<ProcessStartInfo> child, long? memory) : ITrialRunner
{
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a process that was cancelled waits for the word that the sweep was, too.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    public async Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var process = Process.Start(Start())!;
        var words = new LastWords(process);
        using var tooLarge = new CancellationTokenSource();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation, tooLarge.Token);
        using var kill = ended.Token.Register(() => ChildProcess.Kill(process));
        using var watch = memory is { } most ? new Timer(_ => Watch(process, most, tooLarge), null, s_look, s_look) : null;
        try
        {
            if (await Talk(process, settings, cancellation).ConfigureAwait(false) is { } result)
                return result;
        }
        catch (IOException)
        {
            // Its end of a pipe is gone: so is the process, or will be.
        }
        finally
        {
            ChildProcess.Kill(process);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
        throw tooLarge.IsCancellationRequested ? TuningErrors.TooMuchMemory(memory!.Value) : TuningErrors.ProcessEnded(process.ExitCode, words.ToString());
    }

    ProcessStartInfo Start()
    {
        var start = child();
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, true, false);
        return start;
    }

    /// <summary>Null where it ended without a word.</summary>
    static async Task<TrialResult?> Talk(Process process, TrialSettings settings, CancellationToken cancellation)
    {
        await Say(process, TrialWire.Request(settings)).ConfigureAwait(false);
        while (await process.StandardOutput.ReadLineAsync(CancellationToken.None).ConfigureAwait(false) is { } line)
        {
            if (TrialWire.ToResult(line, settings) is { } result)
                return result;
            if (line == TrialWire.Cancelled)
                await Task.Delay(s_patience, cancellation).ConfigureAwait(false);
            if (!line.StartsWith(TrialWire.Step, StringComparison.Ordinal))
                continue;
            var (step, metric) = TrialWire.ToStep(line);
            await Say(process, settings.Report(step, metric) ? TrialWire.Go : TrialWire.Stop).ConfigureAwait(false);
        }

        return null;
    }

    static async Task Say(Process process, string line)
    {
        await process.StandardInput.WriteLineAsync(line).ConfigureAwait(false);
        await process.StandardInput.FlushAsync().ConfigureAwait(false);
    }

    static void Watch(Process process, long most, CancellationTokenSource tooLarge)
    {
        try
        {
            process.Refresh();
            if (process.WorkingSet64 > most)
                tooLarge.Cancel();
        }
        catch (Exception e) when (ChildProcess.HasEnded(e))
        {
            // It has ended.
        }
    }
}
