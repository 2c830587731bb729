using System.Diagnostics;
using System.Net;

namespace MlNetCifar.Distributed;

/// <summary>Workers as processes on this machine. Address and token go over their standard input, where no other user sees them.</summary>
/// <param name="program">How one begins that calls <see cref="Experiment.RunWorker"/>.</param>
/// <param name="secret">The file of the run's secret; null for none.</param>
internal sealed class WorkerProcesses(Func<ProcessStartInfo> program, string? secret = null) : IWorkerLauncher
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    readonly Dictionary<int, (Process Process, LastWords Words)> _processes = [];

    public void Start(int worker, IPEndPoint address, string token)
    {
        var start = program();
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, true, false);
        if (secret is not null)
            start.Environment[WorkerSecret.Variable] = Path.GetFullPath(secret);
        var process = Process.Start(start)!;
        lock (_processes)
            _processes[worker] = (process, new LastWords(process, drainOutput: true));
        try
        {
            process.StandardInput.WriteLine($"{address} {token}");
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already; Ended tells.
        }
    }

    public Exception? Ended(int worker)
    {
        lock (_processes)
        {
            return _processes.TryGetValue(worker, out var found) && found.Process.HasExited
                ? new InvalidOperationException(FormattableString.Invariant($"its process ended with exit code {found.Process.ExitCode}{(found.Words.ToString() is { Length: > 0 } words ? $": {words}" : "")}"))
                : null;
        }
    }

    public void End(int worker)
    {
        lock (_processes)
        {
            if (_processes.Remove(worker, out var found))
                End(found.Process, TimeSpan.Zero);
        }
    }

    public void Dispose()
    {
        lock (_processes)
        {
            foreach (var (process, _) in _processes.Values)
                End(process, s_patience);
            _processes.Clear();
        }
    }

    static void End(Process process, TimeSpan patience)
    {
        using (process)
            ChildProcess.End(process, patience);
    }
}
