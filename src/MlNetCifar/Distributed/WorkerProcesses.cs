using System.Diagnostics;
using System.Net;

namespace MlNetCifar.Distributed;

/// <summary>Starts and ends the workers of a run; used by one thread at a time.</summary>
internal interface IWorkerLauncher : IDisposable
{
    /// <summary>Starts one.</summary>
    /// <param name="worker">Which, from 0; an earlier one of that number has been ended.</param>
    /// <param name="address">Where it is to dial.</param>
    /// <param name="token">What it is to say there.</param>
    void Start(int worker, IPEndPoint address, string token);

    /// <summary>Why one has ended by itself; null where it has not.</summary>
    string? Ended(int worker);

    /// <summary>Ends one that is of no use any more.</summary>
    void End(int worker);
}

/// <summary>Workers as processes on this machine. Address and token go over their standard input, where no other user sees them.</summary>
/// <param name="program">How one begins that calls <see cref="Experiment.RunWorker"/>.</param>
internal sealed class WorkerProcesses(Func<ProcessStartInfo> program) : IWorkerLauncher
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    readonly Dictionary<int, (Process Process, LastWords Words)> _processes = [];

    public void Start(int worker, IPEndPoint address, string token)
    {
        var start = program();
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, true, false);
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

    public string? Ended(int worker)
    {
        lock (_processes)
        {
            return _processes.TryGetValue(worker, out var found) && found.Process.HasExited
                ? FormattableString.Invariant($"its process ended with exit code {found.Process.ExitCode}{(found.Words.ToString() is { Length: > 0 } words ? $": {words}" : "")}")
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
