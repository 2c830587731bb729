using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class ResumeTests
{
    [TestMethod]
    [DataRow(OptimizerKind.Adam, 2, 1)]
    [DataRow(OptimizerKind.Adam, 1, 3)]
    [DataRow(OptimizerKind.Sgd, 3, 2)]
    [DataRow(OptimizerKind.Sgd, 2, 2)]
    [DataRow(OptimizerKind.Muon, 2, 3)]
    public void Fit_ResumedFromTheFilesOfAnyStep_GivesTheSameBits(OptimizerKind optimizer, int threadsBefore, int threadsAfter) =>
        AssertAnyStepGoesOn(Options(optimizer), threadsBefore, threadsAfter);

    [TestMethod]
    public void Fit_WithAveragedWeights_ResumedFromTheFilesOfAnyStep_GivesTheSameBits()
    {
        AssertAnyStepGoesOn(SmallRun.Swa, 2, 1);
        AssertAnyStepGoesOn(SmallRun.Lookahead, 1, 2);
    }

    static void AssertAnyStepGoesOn(TrainingOptions options, int threadsBefore, int threadsAfter)
    {
        using var folder = new TestFolder();
        var steps = new List<long>();
        var live = Path.Combine(folder.Root, "live");
        var copier = new AfterStep(run =>
        {
            // What a process killed now would leave: whatever is on the disk, with the writer at work.
            CopyFolder(live, Path.Combine(folder.Root, $"{run.Step}"));
            steps.Add(run.Step);
        });
        var whole = SmallRun.Fit(SmallRun.Trainer(options with { Threads = threadsBefore }, live, observers: copier));
        Assert.AreEqual(5 * options.Epochs, steps.Count);
        foreach (var step in steps)
        {
            var resumed = SmallRun.Fit(SmallRun.Trainer(options with { Threads = threadsAfter }, Path.Combine(folder.Root, $"{step}"), resume: true));
            SmallRun.AssertSame(whole, resumed);
            Assert.IsTrue(resumed.ResumedFrom is null || resumed.ResumedFrom <= step);
        }
    }

    [TestMethod]
    [DataRow(OptimizerKind.Adam)]
    [DataRow(OptimizerKind.Sgd)]
    [DataRow(OptimizerKind.Muon)]
    public void Fit_WithAnyNumberOfThreads_GivesTheSameBits(OptimizerKind optimizer)
    {
        var options = Options(optimizer);
        var one = SmallRun.Fit(SmallRun.Trainer(options with { Threads = 1 }));
        foreach (var threads in new[] { 2, 3, 8 })
            SmallRun.AssertSame(one, SmallRun.Fit(SmallRun.Trainer(options with { Threads = threads })));
        Assert.AreNotEqual(one.WeightsSha256, SmallRun.Fit(SmallRun.Trainer(options with { Seed = 6 })).WeightsSha256);
    }

    [TestMethod]
    public void Fit_WithCheckpoints_GivesTheBitsOfARunWithout()
    {
        using var folder = new TestFolder();
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, everySteps: 1)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    [DataRow(8)]
    public void Fit_CancelledAndResumed_LosesNoStep(int at)
    {
        using var folder = new TestFolder();
        using var cancel = new CancellationTokenSource();
        var stopper = new AfterStep(run =>
        {
            if (run.Step == at)
                cancel.Cancel();
        });
        var cut = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, everySteps: 1000, observers: stopper), cancel.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        Assert.AreEqual(at, cut.Steps);
        Assert.AreEqual((at - 1) / 5, cut.History.Count);
        var resumed = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        Assert.AreEqual(at, resumed.ResumedFrom);
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam)), resumed);
    }

    [TestMethod]
    public void Fit_CancelledWithinAStep_TakesTheStepBack()
    {
        using var folder = new TestFolder();
        using var cancel = new CancellationTokenSource();
        var seen = 0L;
        var stopper = new AfterStep(run =>
        {
            Volatile.Write(ref seen, run.Step);

            // On a busy machine the thread may come late.
            if (run.Step == 30)
                cancel.Token.WaitHandle.WaitOne();
        });
        var thread = new Thread(() =>
        {
            while (Volatile.Read(ref seen) < 20)
                Thread.SpinWait(10);
            cancel.Cancel();
        });
        thread.IsBackground = true;
        thread.Start();
        var many = SmallRun.Adam with { Epochs = 8 };
        var cut = SmallRun.Fit(SmallRun.Trainer(many, folder.Root, observers: stopper), cancel.Token);
        thread.Join();
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        SmallRun.AssertSame(SmallRun.Fit(SmallRun.Trainer(many)), SmallRun.Fit(SmallRun.Trainer(many, folder.Root, resume: true)));
    }

    [TestMethod]
    public void Fit_ResumedAfterItsEnd_ReturnsTheSameResult()
    {
        using var folder = new TestFolder();
        var whole = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root));
        var again = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        SmallRun.AssertSame(whole, again);
        Assert.AreEqual(whole.Steps, again.ResumedFrom);
    }

    [TestMethod]
    public void Fit_ResumedWithMoreEpochs_SaysWhichScheduleItUses()
    {
        using var folder = new TestFolder();
        var first = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root));
        var rates = new List<float>();
        var more = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Epochs = 6 }, folder.Root, resume: true, observers: new AfterStep(r => rates.Add(r.LearningRate))));
        Assert.AreEqual(6, more.History.Count);
        CollectionAssert.AreEqual(first.History.ToArray(), more.History.Take(3).ToArray());
        StringAssert.Contains(more.ResumeNote, "Cosine over 6 epochs instead of 3");
        StringAssert.Contains(more.ResumeNote, "50 %");
        Assert.AreEqual(0.005f, rates[0], 1e-7f);
        var best = more.History.MaxBy(r => r.ValidationAccuracy)!;
        Assert.AreEqual(best.ValidationAccuracy, more.History[more.BestEpoch - 1].ValidationAccuracy);
    }

    [TestMethod]
    public void Fit_ResumedAfterEarlyStopping_StopsAgainUnlessPatienceGrew()
    {
        using var folder = new TestFolder();
        var impatient = SmallRun.Adam with { Epochs = 30, Patience = 1, MinimumDelta = 0.5 };
        var first = SmallRun.Fit(SmallRun.Trainer(impatient, folder.Root));
        Assert.AreEqual(StopReason.EarlyStopping, first.StopReason);
        SmallRun.AssertSame(first, SmallRun.Fit(SmallRun.Trainer(impatient, folder.Root, resume: true)));
        var patient = SmallRun.Fit(SmallRun.Trainer(impatient with { Patience = 3 }, folder.Root, resume: true));
        Assert.AreEqual(first.History.Count + 2, patient.History.Count);
    }

    [TestMethod]
    public void Fit_ResumedWhereNothingIs_StartsAndWarns()
    {
        using var folder = new TestFolder();
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true));
        Assert.IsNull(result.ResumedFrom);
        StringAssert.Contains(result.Warnings.Single(), "no checkpoint");
    }

    static TrainingOptions Options(OptimizerKind optimizer) =>
        optimizer switch { OptimizerKind.Adam => SmallRun.Adam, OptimizerKind.Sgd => SmallRun.Sgd, _ => SmallRun.Muon };

    public static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
        {
            try
            {
                if (!file.EndsWith(".lock", StringComparison.Ordinal))
                    File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
            }
            catch (IOException)
            {
                // Being written or renamed at this moment.
            }
        }
    }
}
