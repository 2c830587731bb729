using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Resume;

/// <summary>Faults as the system makes them, against the program as users run it.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class ProgramChaosTests
{
    [TestMethod]
    public void Train_WithTheDiskFullMidRun_WarnsAndKeepsEveryEpochWritten()
    {
        using var folder = Pictures();
        using var disk = new Mount(folder["disk"], "size=24m");
        var filler = folder["disk/filler"];
        using (var run = Start(folder, "disk", "--epochs", "100000"))
        {
            run.Until("epoch   2/");
            using (var file = File.Create(filler))
                Fill(file);
            run.Until("MNC3013");
            StringAssert.Contains(run.Log, "No space left on device");
            StringAssert.Contains(run.Log, "Check the free space");

            // A checkpoint that failed gives its bytes back: the small files of the end may find room or not.
            Stop(run, "TERM", ExitCodes.Failure, ExitCodes.Terminated);
        }

        // The checkpoint of epoch 1 was waited for before that of epoch 2 began; 120 pictures make five steps.
        File.Delete(filler);
        GoesOn(folder["disk/train/a"], fromStep: 5);
    }

    [TestMethod]
    public void Train_IntoAReadOnlyFolder_FailsBeforeTraining()
    {
        using var folder = Pictures();
        using var disk = new Mount(folder["disk"], "size=1m");
        disk.Remount("ro");
        using var run = Start(folder, "disk", "--epochs", "1");
        Assert.AreEqual(ExitCodes.Failure, run.Exit());
        StringAssert.Contains(run.Log, "error MNC");
        StringAssert.Contains(run.Log, "Read-only file system");
        Assert.DoesNotContain("   at ", run.Log);
    }

    [TestMethod]
    public void Train_WithAShardDamagedMidRun_NamesItAndGoesOnWhenItIsRepaired()
    {
        using var folder = Pictures();
        var part = ShardToHarm(folder);
        var bytes = File.ReadAllBytes(part);
        using (var run = Start(folder, "runs", "--data", folder["shards"], "--epochs", "100000"))
        {
            run.Until("epoch   2/");
            using (var file = new FileStream(part, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                file.SetLength(200);
            Assert.AreEqual(ExitCodes.DataRejected, run.Exit(), run.Log);
            StringAssert.Contains(run.Log, "X_part_00001.npy");
            Assert.DoesNotContain("   at ", run.Log);
        }

        File.WriteAllBytes(part, bytes);
        GoesOn(folder["runs/train/a"]);
    }

    [TestMethod]
    public void Train_WithAShardDeletedMidRun_LosesNothing()
    {
        using var folder = Pictures();
        var part = ShardToHarm(folder);
        var bytes = File.ReadAllBytes(part);
        using (var run = Start(folder, "runs", "--data", folder["shards"], "--epochs", "100000"))
        {
            run.Until("epoch   2/");
            File.Delete(part);

            // An open file outlives its name: the run does not need the name again.
            run.Until("epoch   9/");
            run.Signal("KILL");
            run.Exit();
        }

        using (var without = new ProgramProcess(["train", "--resume", folder["runs/train/a"]]))
        {
            Assert.AreEqual(ExitCodes.DataRejected, without.Exit(), without.Log);
            StringAssert.Contains(without.Log, "X_part_00001.npy");
        }

        File.WriteAllBytes(part, bytes);
        GoesOn(folder["runs/train/a"]);
    }

    [TestMethod]
    public void Train_WithALossThatIsNotFinite_NamesStepLayerAndRate()
    {
        using var folder = Pictures();
        using var run = Start(folder, "runs", "--epochs", "50", "--optimizer", "sgd", "--learning-rate", "1e30", "--schedule", "constant");
        Assert.AreEqual(ExitCodes.Failure, run.Exit(), run.Log);
        foreach (var part in new[] { "error MNC3002", "at step ", "learning rate 1E+30", "first values that are not finite are in ", "The checkpoint of step " })
            StringAssert.Contains(run.Log, part);
    }

    [TestMethod]
    public void Train_InAFolderInUse_IsRefusedAndTheFirstRunGoesOn()
    {
        using var folder = Pictures();
        using var first = Start(folder, "runs", "--epochs", "100000");
        first.Until("epoch   1/");
        using (var second = new ProgramProcess(["train", "--resume", folder["runs/train/a"]]))
        {
            Assert.AreEqual(ExitCodes.Failure, second.Exit(), second.Log);
            StringAssert.Contains(second.Log, "error MNC3014");
        }

        var epochs = File.ReadAllLines(folder["runs/train/a/results.csv"]).Length;
        first.Until(() => File.ReadAllLines(folder["runs/train/a/results.csv"]).Length > epochs, "another epoch");
        Stop(first, "TERM", ExitCodes.Terminated);
    }

    [TestMethod]
    [DataRow("INT", ExitCodes.Interrupted)]
    [DataRow("TERM", ExitCodes.Terminated)]
    [DataRow("HUP", ExitCodes.HungUp)]
    public void Train_Interrupted_LeavesAModelAndAReport(string signal, int code)
    {
        if (signal switch { "INT" => Ignores(2), "HUP" => Ignores(1), _ => false })
            Assert.Inconclusive("The signal is ignored here, as a shell has it for what it starts in the background; programs inherit that.");
        using var folder = Pictures();
        using (var run = Start(folder, "runs", "--epochs", "100000"))
        {
            run.Until("epoch   2/");
            Stop(run, signal, code);
        }

        using var model = ImageClassifier.Load(folder["runs/train/a/weights/best.safetensors"]);
        Assert.IsTrue(model.History.Count >= 2);
        StringAssert.EndsWith(File.ReadAllText(folder["runs/train/a/report.html"]).TrimEnd(), "</html>");
        StringAssert.Contains(File.ReadAllText(folder["runs/train/a/report.html"]), "(interrupted)");
        GoesOn(folder["runs/train/a"]);
    }

    static bool Ignores(int signal)
    {
        const string name = "SigIgn:";
        var line = File.Exists("/proc/self/status") ? File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) : null;
        return line is not null && (ulong.Parse(line.AsSpan(name.Length).Trim(), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture) & (1UL << (signal - 1))) != 0;
    }

    static TestFolder Pictures() => new TestFolder().AddPictures("in/", 3, 40);

    static ProgramProcess Start(TestFolder folder, string output, params string[] more) =>
        new([
            "train", .. (more.Contains("--data") ? Array.Empty<string>() : ["--data", folder["in"], "--size", "8"]),
            "--batch-size", "16", "--val-split", "0.2", "--threads", "1", "--checkpoint-every", "5", "--output", folder[output], "--name", "a", .. more]);

    static void Stop(ProgramProcess run, string signal, params int[] codes)
    {
        run.Signal(signal);
        Assert.Contains(run.Exit(), codes, run.Log);
        Assert.DoesNotContain("   at ", run.Log);
    }

    /// <summary>
    /// Resumes, and finds every epoch that the file of results had. It may be ahead of the checkpoint, so the schedule stays as it was: an epoch that is run
    /// again must come out the same.
    /// </summary>
    static void GoesOn(string run, int fromStep = 0)
    {
        var results = Path.Combine(run, "results.csv");
        var before = File.ReadAllLines(results);
        using var resumed = new ProgramProcess(["train", "--resume", run]);
        resumed.Until(() => File.ReadAllLines(results).Length >= before.Length + 5, "five more epochs");
        Stop(resumed, "TERM", ExitCodes.Terminated);
        var step = Regex.Match(resumed.Log, @"Going on from step ([\d,]+)").Groups[1].Value;
        Assert.IsGreaterThanOrEqualTo(fromStep, int.Parse(step, NumberStyles.AllowThousands, CultureInfo.InvariantCulture), resumed.Log);
        var after = File.ReadAllLines(results);
        CollectionAssert.AreEqual(before.Select(Timeless).ToArray(), after[..before.Length].Select(Timeless).ToArray());
    }

    /// <summary>A line without its last two columns: an epoch that is run again takes another time.</summary>
    static string Timeless(string line) => string.Join(',', line.Split(',')[..^2]);

    static void Fill(FileStream file)
    {
        try
        {
            var block = new byte[4096];
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Now it is full.
        }
    }

    /// <summary>Three shards of the pictures, and the path of the second one's.</summary>
    static string ShardToHarm(TestFolder folder)
    {
        using var prepare = new ProgramProcess(["prepare", "--data", folder["in"], "--size", "8", "--to", folder["shards"], "--parts", "3"]);
        Assert.AreEqual(0, prepare.Exit(), prepare.Log);
        return Directory.GetFiles(folder["shards"], "X_part_00001.npy", SearchOption.AllDirectories).Single();
    }

    /// <summary>A file system in memory, where the user may mount one.</summary>
    sealed class Mount : IDisposable
    {
        readonly string _path;

        public Mount(string path, string options)
        {
            _path = Directory.CreateDirectory(path).FullName;
            if (!OperatingSystem.IsLinux() || Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", _path) != 0)
                Assert.Inconclusive("this test mounts a file system, which takes Linux and its root user");
        }

        public void Remount(string mode) => Assert.AreEqual(0, Run("mount", "-o", $"remount,{mode}", _path));

        public void Dispose() => Run("umount", "-l", _path);

        static int Run(string file, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}
