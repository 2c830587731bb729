using System.Diagnostics;

namespace MlNetCifar.Tests.Spark;

/// <summary>Processes of a test's cluster, found by their command lines, as it started none of them itself.</summary>
static class ProcessList
{
    /// <summary>Those whose command line holds all texts.</summary>
    public static List<int> Find(params string[] texts) =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => n!.All(char.IsAsciiDigit)).Select(int.Parse!).Where(id => Matches(id, texts))];

    /// <summary>Waits until there are some.</summary>
    public static async Task<List<int>> WaitForAsync(int least, params string[] texts)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(60);)
        {
            if (Find(texts) is var found && found.Count >= least)
                return found;
            await Task.Delay(100);
        }

        throw new TimeoutException($"No process {string.Join(' ', texts)}.");
    }

    public static void Kill(int id)
    {
        try
        {
            Process.GetProcessById(id).Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
    }

    static bool Matches(int id, string[] texts)
    {
        try
        {
            var line = File.ReadAllText($"/proc/{id}/cmdline");
            return texts.All(t => line.Contains(t, StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
