using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MlNetCifar.Spark.Cluster;

/// <summary>A daemon: its process id, and its start time so that a recycled id is never mistaken for it.</summary>
/// <param name="Name">For example <c>namenode</c>.</param>
/// <param name="ProcessId">Also the id of its process group.</param>
/// <param name="StartTime">In the kernel's ticks.</param>
/// <param name="Log">Where it writes.</param>
public sealed record ClusterDaemon(string Name, int ProcessId, long StartTime, string Log)
{
    /// <summary>Whether it runs.</summary>
    public bool IsAlive => StartTimeOf(ProcessId) == StartTime;

    /// <summary>Starts a command in a session of its own, so that it outlives this process and can be ended with all its children.</summary>
    internal static ClusterDaemon Start(string name, string command, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment, string log)
    {
        var start = new ProcessStartInfo("/bin/bash", ["-c", "exec nice -n 5 setsid \"$@\" >>\"$MLNETCIFAR_LOG\" 2>&1 </dev/null", "bash", command, .. arguments])
        {
            WorkingDirectory = Path.GetDirectoryName(log),
        };
        foreach (var (key, value) in environment)
            start.Environment[key] = value;
        start.Environment["MLNETCIFAR_LOG"] = log;
        using var process = Process.Start(start)!;
        return new(name, process.Id, StartTimeOf(process.Id) ?? 0, log);
    }

    /// <summary>Asks it to end; after the wait its whole process group is killed.</summary>
    internal async Task StopAsync(TimeSpan wait)
    {
        if (IsAlive)
            Kill(ProcessId, Terminate);
        for (var watch = Stopwatch.StartNew(); IsAlive && watch.Elapsed < wait;)
            await Task.Delay(50).ConfigureAwait(false);
        Kill(-ProcessId, KillNow);
    }

    /// <summary>Sends a signal to the daemon alone.</summary>
    internal void Signal(int signal) => Kill(ProcessId, signal);

    internal const int KillNow = 9;
    internal const int Pause = 19;
    internal const int Continue = 18;
    const int Terminate = 15;

    /// <summary>The last lines of its log.</summary>
    internal string LogTail(int lines = 5)
    {
        try
        {
            return string.Join(" | ", File.ReadLines(Log).Where(l => l.Trim().Length > 0).TakeLast(lines));
        }
        catch (IOException)
        {
            return "(nothing)";
        }
    }

    static long? StartTimeOf(int id)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    static extern int Kill(int id, int signal);
}
