using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class ResumeErrorTests
{
    [TestMethod]
    public void Fit_WithTheLastCheckpointTorn_GoesOnFromThePrevious()
    {
        using var folder = new TestFolder();
        var whole = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root));
        Tear(Path.Combine(folder.Root, "last.ckpt"));
        var resumed = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        SmallRun.AssertSame(whole, resumed);
        StringAssert.Contains(resumed.Warnings.Single(), "last.ckpt");
        StringAssert.Contains(resumed.Warnings.Single(), "cut off");
    }

    [TestMethod]
    public void Fit_WithTheBestWeightsTorn_GoesOnFromACheckpointThatHasItsOwn()
    {
        using var folder = new TestFolder();
        var options = SmallRun.Adam with { Epochs = 8 };
        var whole = SmallRun.Fit(SmallRun.Trainer(options, folder.Root));
        var best = Directory.GetFiles(folder.Root, "best-*.ckpt");
        Assert.IsTrue(best.Length is 1 or 2);
        Assert.IsTrue(best.Any(b => b.EndsWith($"best-{whole.BestEpoch:D5}.ckpt", StringComparison.Ordinal)));
        foreach (var file in best)
            Tear(file);
        AssertError("MNC3010", () => SmallRun.Fit(SmallRun.Trainer(options, folder.Root, resume: true)));
    }

    [TestMethod]
    public void Fit_WithEveryCheckpointTorn_SaysSo()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)).Weights.Dispose();
        Tear(Path.Combine(folder.Root, "last.ckpt"));
        Tear(Path.Combine(folder.Root, "previous.ckpt"));
        var error = AssertError("MNC3010", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true)));
        StringAssert.Contains(error.Message, "previous.ckpt");
    }

    [TestMethod]
    public void Fit_ResumedWithAnotherOption_NamesIt()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)).Weights.Dispose();
        var error = AssertError("MNC3011", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { LearningRate = 0.02f }, folder.Root, resume: true)));
        StringAssert.Contains(error.Message, "learning_rate was 0.01 and is 0.02 now");
        error = AssertError("MNC3011", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Augmentation = Augmentation.None }, folder.Root, resume: true)));
        StringAssert.Contains(error.Message, "augmentation");
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Threads = 1, Patience = 9 }, folder.Root, resume: true)).Weights.Dispose();
    }

    [TestMethod]
    public void Fit_ResumedWithOtherImages_SaysWhatDiffers()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)).Weights.Dispose();
        var other = TestImages.Random(75, seed: 3);
        AssertError("MNC3012", () => SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true).Fit(other, SmallRun.Validation));
        var fewer = AssertError("MNC3012", () => SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true).Fit(SmallRun.Train.Sample(50, 1), SmallRun.Validation));
        StringAssert.Contains(fewer.Message, "75 training images then, 50 now");
    }

    [TestMethod]
    public void Fit_ResumedWithAnotherNetwork_IsAnError()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)).Weights.Dispose();
        var trainer = new Trainer(SmallRun.Network with { Layers = SmallRun.Network.Layers.RemoveAt(7) }, SmallRun.Adam)
        {
            Checkpoints = new CheckpointOptions { Folder = folder.Root, Resume = true },
        };
        AssertError("MNC3017", () => SmallRun.Fit(trainer));
    }

    [TestMethod]
    public void Fit_IntoAnotherRunsFolder_IsAnError()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)).Weights.Dispose();
        AssertError("MNC3015", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root)));
    }

    [TestMethod]
    public void Fit_IntoAFolderInUse_IsAnErrorAndLeavesTheOtherRunAlone()
    {
        using var folder = new TestFolder();
        var observer = new AfterStep(run =>
        {
            if (run.Step == 3)
                AssertError("MNC3014", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true)));
        });
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, observers: observer)));
    }

    public static MlNetCifarException AssertError(string code, Action action)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(action);
        Assert.AreEqual(code, error.Code, error.Message);
        Assert.IsNotNull(error.Action, "an error without a cure");
        return error;
    }

    static void Tear(string path)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(file.Length * 2 / 3);
    }
}
