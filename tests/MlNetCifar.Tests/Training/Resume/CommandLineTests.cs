using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class CommandLineTests
{
    [TestMethod]
    public void Train_ResumedWithMoreEpochs_GoesOnInItsFolder()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 20);
        Run(0, "train", "--data", folder["in"], "--size", "8", "--epochs", "2", "--batch-size", "8", "--output", folder["runs"], "--name", "a", "--checkpoint-every", "2", "--tensorboard");
        var run = folder["runs/train/a"];
        Assert.IsTrue(File.Exists(Path.Combine(run, "checkpoints", "last.ckpt")));
        Assert.AreEqual(1, Directory.GetFiles(Path.Combine(run, "tensorboard")).Length);
        var (_, log) = Run(0, "train", "--resume", run, "--epochs", "3");
        StringAssert.Contains(log, "over 3 epochs instead of 2");
        Assert.AreEqual(4, File.ReadAllLines(Path.Combine(run, "results.csv")).Length);
        Assert.AreEqual(1, Directory.GetDirectories(folder["runs/train"]).Length);
        (_, log) = Run(2, "train", "--resume", run, "--learning-rate", "0.5");
        StringAssert.Contains(log, "MNC3011");
        StringAssert.Contains(log, "learning_rate was 0.001 and is 0.5 now");
        (_, log) = Run(0, "train", "--resume", run, "--epochs", "4");
        StringAssert.Contains(log, "over 4 epochs instead of 3");
        Run(0, "train", "--data", folder["in"], "--size", "8", "--epochs", "1", "--output", folder["runs"], "--name", "a", "--exist-ok");
    }

    [TestMethod]
    public void Train_WithAMemoryLimitTooLow_SaysWhatItTakes()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 20);
        var (_, log) = Run(2, "train", "--data", folder["in"], "--size", "8", "--output", folder["runs"], "--memory-limit", "10m");
        StringAssert.Contains(log, "MNC3019");
        StringAssert.Contains(log, "activations");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void VerifyResume_OfKilledProcesses_Passes()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 40);
        var (output, log) = Run(0, "verify-resume", "--data", folder["in"], "--size", "8", "--images", "90", "--kills", "3");
        Assert.IsTrue(Regex.IsMatch(output, "^PASS 3 of 3 identical [0-9a-f]{64}\n$"), output);
        Assert.AreEqual(3, Regex.Count(log, "identical"));
    }

    static (string Output, string Log) Run(int expected, params string[] arguments)
    {
        var (output, log) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        var code = CommandLine.Run(arguments, new Terminal { Out = output, Error = log }, AllVerbs.Create());
        Assert.AreEqual(expected, code, log.ToString());
        return (output.ToString(), log.ToString());
    }
}
