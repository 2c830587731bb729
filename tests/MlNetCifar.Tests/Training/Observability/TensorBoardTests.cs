using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Observability;

[TestClass]
public sealed class TensorBoardTests
{
    static readonly long[] s_epochs = [5, 10, 15];

    [TestMethod]
    public void File_ReadsBack()
    {
        using var folder = new TestFolder();
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: new TensorBoardObserver(folder.Root, everySteps: 4)));
        var read = EventReader.Read(File.ReadAllBytes(Directory.GetFiles(folder.Root).Single()));
        Assert.AreEqual("brain.Event:2", read[0].Version);
        Assert.IsTrue(read[1].IsStart);
        Assert.AreEqual(0, read[1].Step);
        CollectionAssert.AreEqual(new long[] { 4, 8, 12 }, read.Where(e => e.Scalars.ContainsKey("step/loss")).Select(e => e.Step).ToArray());
        var epochs = read.Where(e => e.Scalars.ContainsKey("train/loss")).ToArray();
        CollectionAssert.AreEqual(s_epochs, epochs.Select(e => e.Step).ToArray());
        Assert.AreEqual((float)result.History[2].ValidationAccuracy!.Value, epochs[2].Scalars["validation/accuracy"]);
        Assert.IsTrue(read.All(e => e.WallTime > 1.7e9));
    }

    [TestMethod]
    public void Runs_InOneSecond_LeaveAFileEach_InTheirOrder()
    {
        using var folder = new TestFolder();
        var clock = new StandingClock(1_800_000_000);
        for (var run = 1; run <= 3; run++)
        {
            SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Epochs = run }, observers: new TensorBoardObserver(folder.Root, time: clock))).Weights.Dispose();
            Assert.AreEqual(run, Directory.GetFiles(folder.Root).Length);
            CollectionAssert.AreEqual(s_epochs[..run], EventReader.Points(folder.Root)["train/loss"]);
        }

        // A clock that was put back, and a file whose name is nobody's.
        clock.Second = 1_700_000_000;
        File.WriteAllText(Path.Combine(folder.Root, "events.out.tfevents.later.host.1"), "");
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Epochs = 1 }, observers: new TensorBoardObserver(folder.Root, time: clock))).Weights.Dispose();
        CollectionAssert.AreEqual(s_epochs[..1], EventReader.Points(folder.Root)["train/loss"]);
    }

    [TestMethod]
    public void Runs_AtOnce_LeaveAFileEach()
    {
        using var folder = new TestFolder();
        var clock = new StandingClock(1_800_000_000);
        Parallel.For(0, 8, i =>
        {
            using var observer = new TensorBoardObserver(folder.Root, time: clock);
            observer.OnFitStart(new TrainingRun(SmallRun.Network, SmallRun.Adam, 5));
        });
        Assert.AreEqual(8, Directory.GetFiles(folder.Root).Length);
    }

    [TestMethod]
    [DataRow(2, 9, true)]
    [DataRow(3, 11, true)]
    [DataRow(3, 10, true)]
    [DataRow(3, 10, false)]
    [DataRow(4, 15, false)]
    public void Resumed_DropsNoPointAndDoublesNone(int everySteps, int killedAfter, bool isBehind)
    {
        using var folder = new TestFolder();
        var (run, events) = (Path.Combine(folder.Root, "run"), Path.Combine(folder.Root, "events"));
        var options = SmallRun.Adam with { Epochs = 4 };
        var kill = new AfterStep(r =>
        {
            if (r.Step == killedAfter)
                throw new InvalidOperationException();
        });
        var killed = SmallRun.Trainer(options, run, everySteps: everySteps, observers: [new TensorBoardObserver(events, everySteps: 1), kill]);
        Assert.ThrowsExactly<InvalidOperationException>(() => SmallRun.Fit(killed));

        // As a process that was killed leaves it: the last checkpoint is older than the last point.
        if (isBehind)
            File.Move(Path.Combine(run, "previous.ckpt"), Path.Combine(run, "last.ckpt"), overwrite: true);
        var resumed = SmallRun.Fit(SmallRun.Trainer(options, run, resume: true, observers: new TensorBoardObserver(events, everySteps: 1)));
        Assert.AreEqual(20, resumed.Steps);
        var points = EventReader.Points(events);
        CollectionAssert.AreEqual(Enumerable.Range(1, 20).Select(step => (long)step).ToArray(), points["step/loss"]);
        CollectionAssert.AreEqual(new long[] { 5, 10, 15, 20 }, points["train/loss"]);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void Resumed_BetweenAnEpochsLastStepAndItsRecord_DoublesNoPoint(int everyPoint)
    {
        using var folder = new TestFolder();
        var (run, events) = (Path.Combine(folder.Root, "run"), Path.Combine(folder.Root, "events"));
        var options = SmallRun.Adam with { Epochs = 4 };

        // Killed after the record of the second epoch was written, and before the checkpoint with it: the last one is that after step 10, the epoch's last.
        void End(int step, string folder, params ITrainingObserver[] observers)
        {
            var kill = new AfterStep(r =>
            {
                if (r.Step == step)
                    throw new InvalidOperationException();
            });
            Assert.ThrowsExactly<InvalidOperationException>(() => SmallRun.Fit(SmallRun.Trainer(options, folder, observers: [.. observers, kill])));
        }

        End(11, Path.Combine(folder.Root, "other"), new TensorBoardObserver(events, everyPoint));
        End(10, run);
        var restart = new Started();
        var resumed = SmallRun.Fit(SmallRun.Trainer(options, run, resume: true, observers: [new TensorBoardObserver(events, everyPoint), restart]));
        Assert.AreEqual((10L, 5), (restart.Step, restart.StepInEpoch), "the checkpoint lies before the record");
        Assert.AreEqual(20, resumed.Steps);
        var points = EventReader.Points(events);
        CollectionAssert.AreEqual(Enumerable.Range(1, 20).Where(step => step % everyPoint == 0).Select(step => (long)step).ToArray(), points["step/loss"]);
        CollectionAssert.AreEqual(new long[] { 5, 10, 15, 20 }, points["train/loss"]);
    }

    sealed class Started : ITrainingObserver
    {
        public long Step { get; private set; }

        public int StepInEpoch { get; private set; }

        public void OnFitStart(TrainingRun run) => (Step, StepInEpoch) = (run.Step, run.StepInEpoch);
    }

    sealed class StandingClock(long second) : TimeProvider
    {
        public long Second { get; set; } = second;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Second);
    }
}
