using System.Globalization;

namespace MlNetCifar.Tests.TestKit;

/// <summary>The most memory a process has had in use, as Linux counts it (VmHWM).</summary>
static class PeakMemory
{
    /// <summary>Makes the test inconclusive where nothing counts.</summary>
    public static void Require()
    {
        if (!Directory.Exists("/proc/self"))
            Assert.Inconclusive("There is no /proc here.");
    }

    /// <summary>Kilobytes; 0 once the process has ended.</summary>
    public static long Kilobytes(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(6, line.Length - 8), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
