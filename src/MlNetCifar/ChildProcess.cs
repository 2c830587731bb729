using System.Diagnostics;

namespace MlNetCifar;

/// <summary>Ends processes that this one began.</summary>
internal static class ChildProcess
{
    /// <summary>How long one that was killed may take to be gone.</summary>
    static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    /// <summary>Kills a process and those that it began; one that has ended is left alone.</summary>
    /// <param name="process">Not disposed.</param>
    public static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (HasEnded(e))
        {
            // It has ended.
        }
    }

    /// <summary>Lets a process end by itself, then kills it, and waits until it is gone.</summary>
    /// <param name="process">Not disposed.</param>
    /// <param name="patience">How long it may take.</param>
    public static void End(Process process, TimeSpan patience)
    {
        try
        {
            if (!process.WaitForExit(patience))
                Kill(process);
            process.WaitForExit(s_grace);
        }
        catch (Exception e) when (HasEnded(e))
        {
            // It has ended.
        }
    }

    /// <summary>Whether an error of a process only says that there is none any more.</summary>
    /// <param name="e">The error.</param>
    public static bool HasEnded(Exception e) => e is InvalidOperationException or System.ComponentModel.Win32Exception;
}
