using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Distributed;

/// <summary>The program with workers, and what happens to them.</summary>
static class WorkerPrograms
{
    /// <summary>How many are killed at random moments: as many as MLNETCIFAR_KILLS says.</summary>
    public static int Kills => int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_KILLS"), out var wanted) ? wanted : 20;

    public static TestFolder Pictures() => new TestFolder().AddPictures("in/", 3, 40);

    public static ProgramProcess Start(TestFolder folder, string name, params string[] more)
    {
        return new(
        [
            "train", "--json", "--data", folder["in"], "--size", "8", "--batch-size", "16", "--val-split", "0.2", "--threads", "2", "--checkpoint-every", "5", "--output", folder["runs"], "--name", name,
            .. Unless("--epochs", "6"), .. Unless("--preset", "seed-cnn"), .. more,
        ])
        { Patience = TimeSpan.FromMinutes(10) };

        string[] Unless(string option, string value) => more.Contains(option) ? [] : [option, value];
    }

    public static void UntilEpoch(ProgramProcess run, TestFolder folder, string name, int epoch) =>
        run.Until(() => File.Exists(folder[$"runs/train/{name}/results.csv"]) && File.ReadLines(folder[$"runs/train/{name}/results.csv"]).Count() > epoch, $"epoch {epoch}");

    public static string Finished(TestFolder folder, string name, params string[] more)
    {
        using var run = Start(folder, name, more);
        Assert.AreEqual(0, run.Exit(), run.Log);
        return Hash(run.Log);
    }

    public static string Hash(string log) => Regex.Match(log, "\"lastWeightsSha256\":\"([0-9a-f]{64})\"") is { Success: true } match ? match.Groups[1].Value : throw new AssertFailedException(log);

    public static int Losses(ProgramProcess run) => Regex.Count(run.Log, "was lost at step");

    /// <summary>How many updates of an asynchronous run there were, by its histogram of staleness.</summary>
    public static long Updates(TestFolder folder, string name)
    {
        using var workers = JsonDocument.Parse(File.ReadAllText(folder[$"runs/train/{name}/workers.json"]));
        return workers.RootElement.GetProperty("staleness").EnumerateArray().Sum(count => count.GetInt64());
    }

    public static void Signal(int process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.ToString(CultureInfo.InvariantCulture)])!;
        kill.WaitForExit();
    }

    /// <summary>The workers of a run that are not held.</summary>
    public static int[] Workers(int run)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("this test looks for processes under /proc");
        return [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, CultureInfo.InvariantCulture)).Where(id => State(id) is var (state, parent) && parent == run && state is not ('T' or 'Z'))];
    }

    public static bool IsAlive(int process) => State(process) is var (state, _) && state != 'Z';

    static (char State, int Parent)? State(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            var words = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (words[0][0], int.Parse(words[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
