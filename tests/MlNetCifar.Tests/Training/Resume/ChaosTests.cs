using MlNetCifar.Numerics;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class ChaosTests
{
    /// <summary>Faults at random steps, one after the other, until the run is through in spite of them.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    public void Fit_ThroughAnySequenceOfFaults_LosesNoEpochAndNoBit(int seed)
    {
        using var folder = new TestFolder();
        var options = SmallRun.Adam with { Epochs = 6 };
        var whole = SmallRun.Fit(SmallRun.Trainer(options));
        var random = new SplitRandom((ulong)seed, RandomPurpose.Bootstrap);
        var epochs = 0;
        TrainingResult? result = null;
        for (var attempt = 0; result?.StopReason is not StopReason.Completed; attempt++)
        {
            Assert.IsTrue(attempt < 40, "no progress");
            result = Attempt(options with { Threads = 1 + random.Next(3) }, folder.Root, random.Next(5), 1 + random.Next(8), ref epochs);
        }

        SmallRun.AssertSame(whole, result);

        // The disk may have been full to the end; with room again the best weights reach it.
        SmallRun.AssertSame(whole, SmallRun.Fit(SmallRun.Trainer(options, folder.Root, resume: true)));
        using var best = SavedRun.LoadBest(folder.Root, new PreprocessSpec { Width = 8, Height = 8 });
        Assert.AreEqual(whole.WeightsSha256, best.WeightsSha256);
        Assert.AreEqual(whole.BestEpoch, best.BestEpoch);
    }

    [TestMethod]
    public void LoadBest_WhereNothingIs_SaysSo()
    {
        using var folder = new TestFolder();
        ResumeErrorTests.AssertError("MNC3018", () => SavedRun.LoadBest(folder.Root, new PreprocessSpec()));
    }

    static TrainingResult? Attempt(TrainingOptions options, string folder, int fault, int after, ref int epochs)
    {
        using var cancel = new CancellationTokenSource();
        var disk = new LimitedDisk();
        var trainer = new Trainer(SmallRun.Network, options) { Checkpoints = new CheckpointOptions { Folder = folder, EverySteps = 2, Every = null, Resume = true, Files = disk } };
        var done = 0;
        trainer.Observers.Add(new AfterStep(run =>
        {
            if (++done != after)
                return;
            disk.IsFull = fault == 0;
            if (fault == 1)
                cancel.Cancel();
            if (fault == 2)
                throw new InvalidOperationException("an observer fails");
        }));
        var data = new BreakingSource(SmallRun.Train) { ReadsLeft = fault == 3 ? 75 + (after * 16) : int.MaxValue };
        try
        {
            var result = trainer.Fit(data, SmallRun.Validation, cancellation: cancel.Token);
            Assert.IsTrue(result.History.Count >= epochs, "a finished epoch was lost");
            if (!disk.IsFull)
                epochs = result.History.Count;
            return result;
        }
        catch (Exception e) when (e is InvalidOperationException || (e is MlNetCifarException { Code: "MNC1030" }))
        {
            // Fault 4 is a torn file, on top of whichever came before.
            return null;
        }
        finally
        {
            if (fault == 4 && File.Exists(Path.Combine(folder, "previous.ckpt")))
            {
                using var file = File.OpenWrite(Path.Combine(folder, "last.ckpt"));
                file.SetLength(file.Length / 2);
                epochs = 0;
            }
        }
    }
}
