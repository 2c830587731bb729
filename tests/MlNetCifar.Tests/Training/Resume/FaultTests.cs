using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class FaultTests
{
    [TestMethod]
    public void Fit_WithTheDiskFullInBetween_WarnsAndGoesOn()
    {
        using var folder = new TestFolder();
        var disk = new LimitedDisk();
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam) { Checkpoints = new CheckpointOptions { Folder = folder.Root, EverySteps = 1, Every = null, Files = disk } };
        trainer.Observers.Add(new AfterStep(run => disk.IsFull = run.Step is >= 4 and < 14));
        var result = SmallRun.Fit(trainer);
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), result);
        Assert.IsTrue(result.Warnings.Count > 0);
        StringAssert.Contains(result.Warnings[0], "MNC3013");
        StringAssert.Contains(result.Warnings[0], "No space left");
        Assert.AreEqual(0, Directory.GetFiles(folder.Root, "*.tmp").Length);
        SmallRun.AssertSame(result, SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true)));
    }

    [TestMethod]
    public void Fit_WithTheDiskFullToTheEnd_KeepsTheLastWholeCheckpoint()
    {
        using var folder = new TestFolder();
        var disk = new LimitedDisk();
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam) { Checkpoints = new CheckpointOptions { Folder = folder.Root, EverySteps = 1, Every = null, Files = disk } };
        trainer.Observers.Add(new AfterStep(run => disk.IsFull = run.Step >= 7));
        var result = SmallRun.Fit(trainer);
        Assert.IsTrue(result.Warnings.Count > 0);
        var resumed = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        // Checkpoints are written beside the training, which goes on where the machine is slow: any but the first steps' may be the last whole one.
        Assert.IsTrue(resumed.ResumedFrom is >= 1 and <= 7, $"{resumed.ResumedFrom}");
        SmallRun.AssertSame(result, resumed);
    }

    [TestMethod]
    public void Fit_WithTheDiskFullFromTheStart_FailsBeforeTraining()
    {
        using var folder = new TestFolder();
        var steps = 0;
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam) { Checkpoints = new CheckpointOptions { Folder = folder.Root, Files = new LimitedDisk { IsFull = true } } };
        trainer.Observers.Add(new AfterStep(_ => steps++));
        ResumeErrorTests.AssertError("MNC3013", () => SmallRun.Fit(trainer));
        Assert.AreEqual(0, steps);
    }

    [TestMethod]
    public void Fit_WithAnOutputThatCannotBeWritten_FailsBeforeTraining()
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder.Root, "file");
        File.WriteAllText(file, "in the way");
        ResumeErrorTests.AssertError("MNC3013", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, Path.Combine(file, "run"))));
    }

    [TestMethod]
    public void Fit_WhenTheDataFail_KeepsEveryStepDone()
    {
        using var folder = new TestFolder();
        var broken = new BreakingSource(SmallRun.Train) { ReadsLeft = 75 + 120 };
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => SmallRun.Trainer(SmallRun.Adam, folder.Root, everySteps: 1000).Fit(broken, SmallRun.Validation));
        Assert.AreEqual("MNC1030", error.Code);
        var resumed = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        Assert.IsTrue(resumed.ResumedFrom is >= 4 and <= 7, $"{resumed.ResumedFrom}");
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), resumed);
    }

    [TestMethod]
    public void Fit_WithALossThatIsNotFinite_NamesStepLayerAndRateAndKeepsTheCheckpoint()
    {
        using var folder = new TestFolder();
        var wild = SmallRun.Sgd with { LearningRate = 1e30f, GradientClipNorm = null, Schedule = ScheduleKind.Constant, Epochs = 20 };
        var error = ResumeErrorTests.AssertError("MNC3002", () => SmallRun.Fit(SmallRun.Trainer(wild, folder.Root, everySteps: 1)));
        foreach (var part in new[] { "at step ", "learning rate 1E+30", "first values that are not finite are in ", "The checkpoint of step ", " is good" })
            StringAssert.Contains(error.Message, part);
        using var stream = File.OpenRead(Path.Combine(folder.Root, "last.ckpt"));
        CheckpointFile.Verify(stream);
    }

    [TestMethod]
    public void Fit_WithAClockThatIsSet_GivesTheSameBitsAndSaneTimes()
    {
        using var folder = new TestFolder();
        var trainer = new Trainer(SmallRun.Network, SmallRun.Adam) { Time = new JumpingClock(), Checkpoints = new CheckpointOptions { Folder = folder.Root, EverySteps = 1 } };
        var result = SmallRun.Fit(trainer);
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), result);
        Assert.IsTrue(result.Elapsed > TimeSpan.Zero && result.Elapsed < TimeSpan.FromHours(1));
        Assert.IsTrue(result.History.All(r => r.Seconds is > 0 and < 3600 && r.ImagesPerSecond > 0));
    }

    /// <summary>A wall clock that leaps by years at every look; the monotonic one runs on.</summary>
    sealed class JumpingClock : TimeProvider
    {
        int _looks;

        public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero).AddYears(Interlocked.Increment(ref _looks) % 2 == 0 ? -5 : 5);
    }
}
