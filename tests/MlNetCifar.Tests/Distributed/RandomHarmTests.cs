using System.Globalization;
using System.Text.RegularExpressions;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using static MlNetCifar.Tests.Distributed.WorkerPrograms;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Workers killed and held at random moments, as often as MLNETCIFAR_KILLS says (20): the weights are the same, or as good as those of undisturbed runs where no two are the same.</summary>
[TestClass]
[TestCategory("Slow")]
[TestCategory("Long")]
public sealed class RandomHarmTests
{
    /// <summary>Losses of one run at most: each of three workers is started again twice.</summary>
    const int MostInRun = 5;

    const int Undisturbed = 5;

    static readonly string[] s_common = ["--workers", "3", "--epochs", "300", "--worker-timeout", "2s", "--join-timeout", "60s"];

    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("KILL", "--slices 8")]
    [DataRow("STOP", "--slices 8")]
    [DataRow("KILL", "--slices 8 --sync-batch-norm true --preset advanced-cnn")]
    [DataRow("STOP", "--slices 8 --sync-batch-norm true --preset advanced-cnn")]
    [DataRow("KILL", "--slices 3 --distributed-mode averaged --update-frequency 2")]
    [DataRow("STOP", "--slices 3 --distributed-mode averaged --update-frequency 2")]
    public void Train_HarmedAtRandomMoments_GivesTheSameWeights(string signal, string mode)
    {
        using var folder = Pictures();
        string[] options = [.. mode.Split(' '), .. s_common];
        var expected = Finished(folder, "one", [.. mode.Split(' '), "--epochs", "300"]);
        Harm(folder, signal, options, run => Assert.AreEqual(expected, Hash(run.Log)));
    }

    [TestMethod]
    [DataRow("KILL", "asynchronous", "batch")]
    [DataRow("STOP", "asynchronous", "batch")]
    [DataRow("KILL", "asynchronous", "epoch")]
    [DataRow("STOP", "asynchronous", "epoch")]
    [DataRow("KILL", "hogwild", "epoch")]
    [DataRow("STOP", "hogwild", "epoch")]
    public void Train_HarmedAtRandomMoments_IsAsAccurate(string signal, string mode, string frequency)
    {
        using var folder = Noisy();
        string[] options = ["--distributed-mode", mode, "--update-frequency", frequency, .. s_common];
        List<double> expected = [], actual = [];
        for (var i = 0; i < Undisturbed; i++)
        {
            using var run = Start(folder, $"undisturbed{i}", options);
            Assert.AreEqual(0, run.Exit(), run.Log);
            expected.Add(Accuracy(run.Log));
        }

        var updates = Updates(folder, "undisturbed0");
        Harm(folder, signal, options, run => actual.Add(Accuracy(run.Log)), name => Assert.AreEqual(updates, Updates(folder, name), "every batch is taken once"));
        var spread = Math.Sqrt(expected.Sum(a => Math.Pow(a - expected.Average(), 2)) / (expected.Count - 1));
        // No spread is finer than one of the 48 test images.
        var allowed = 3 * Math.Max(spread, 1.0 / 48) * Math.Sqrt((1.0 / expected.Count) + (1.0 / actual.Count));
        var found = FormattableString.Invariant($"undisturbed {Text(expected)}, harmed {Text(actual)}: {actual.Average() - expected.Average():+0.000;-0.000} where {allowed:0.000} are allowed");
        TestContext.WriteLine(found);
        Assert.IsLessThanOrEqualTo(allowed, Math.Abs(actual.Average() - expected.Average()), found);

        static string Text(IEnumerable<double> values) => string.Join(' ', values.Select(value => value.ToString("0.000", CultureInfo.InvariantCulture)));
    }

    /// <summary>Harms workers of one run after the other.</summary>
    void Harm(TestFolder folder, string signal, string[] options, Action<ProgramProcess> ended, Action<string>? checkedRun = null)
    {
        var random = new Random(17);
        var (harmed, runs) = (0, 0);
        for (; harmed < Kills; runs++)
        {
            var name = $"harmed{runs}";
            using var run = Start(folder, name, options);
            UntilEpoch(run, folder, name, 1);
            for (var inRun = 0; harmed < Kills && inRun < MostInRun && !run.HasExited; inRun++)
            {
                Thread.Sleep(random.Next(1500));
                var losses = Losses(run);
                if (Workers(run.Id) is not [_, _, ..] workers)
                    break;

                // The oldest is surely at work; who is held before it is ready is only missed when the time to come is over.
                Signal(signal == "STOP" ? workers.Min() : workers[random.Next(workers.Length)], signal);
                while (Losses(run) == losses && !run.HasExited)
                    Thread.Sleep(20);
                harmed += Losses(run) - losses;
            }

            Assert.AreEqual(0, run.Exit(), run.Log);
            Assert.IsEmpty(Workers(run.Id), "workers outlive their run");
            ended(run);
            checkedRun?.Invoke(name);
        }

        TestContext.WriteLine($"{signal}, {string.Join(' ', options)}: {harmed} workers lost in {runs} runs");
    }

    static double Accuracy(string log) => double.Parse(Regex.Match(log, "\"microAccuracy\":([0-9.]+)").Groups[1].Value, CultureInfo.InvariantCulture);

    /// <summary>Three classes that differ in brightness, less than pictures of one do, so that some are taken for others.</summary>
    static TestFolder Noisy()
    {
        var folder = new TestFolder();
        var random = new Random(5);
        for (var c = 0; c < 3; c++)
        {
            for (var i = 0; i < 80; i++)
            {
                var middle = 100 + (12 * c) + random.Next(-18, 19);
                folder.Add($"in/class{c}/{i:D3}.png", PngEncoder.Encode([.. Enumerable.Range(0, 8 * 8 * 3).Select(_ => (byte)(middle + random.Next(-60, 61)))], 8, 8, 3));
            }
        }

        return folder;
    }
}
