using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Experiments;

/// <summary>Each advice where the figures carry it, and where they do not.</summary>
[TestClass]
public sealed class NextStepsTests
{
    [TestMethod]
    [DataRow(500, 374, 32, 0.7, true)]
    [DataRow(500, 374, 256, 0.7, false)]
    [DataRow(32, 32, 32, 0.7, false)]
    [DataRow(500, 374, 32, 0.99, false)]
    public void Size(int width, int height, int input, double accuracy, bool expected) =>
        Check(expected, "--size 64", Steps(accuracy, side: input) with { Pictures = new(width, height) });

    [TestMethod]
    [DataRow(0.98, 0.64, 800, true)]
    [DataRow(0.70, 0.66, 800, false)]
    [DataRow(0.84, 0.67, 9, false)]
    public void Overfitted(double train, double validation, int images, bool expected) =>
        Check(expected, "--augment standard", Steps(validation) with { History = History(train, validation, 20, best: 5), Validated = images, Options = new() { Augmentation = Augmentation.None } });

    [TestMethod]
    [DataRow(0.45, 0.45, 10, true)]
    [DataRow(0.45, 0.45, 5, false)]
    [DataRow(0.98, 0.64, 10, false)]
    public void Undertrained(double train, double validation, int best, bool expected) =>
        Check(expected, "--epochs 20, or a larger network", Steps(0.45) with { History = History(train, validation, 10, best), Validated = 800 });

    [TestMethod]
    [DataRow(1000, 100, 0.3, ClassWeighting.None, true)]
    [DataRow(1000, 900, 0.3, ClassWeighting.None, false)]
    [DataRow(1000, 100, 0.8, ClassWeighting.None, false)]
    [DataRow(1000, 100, 0.3, ClassWeighting.Balanced, false)]
    public void Balance(int most, int least, double recall, ClassWeighting weights, bool expected) =>
        Check(expected, "--class-weights balanced", Steps(0.8, firstRecall: recall) with { Counts = [least, most, most, most], Options = new() { ClassWeights = weights } });

    [TestMethod]
    [DataRow(0.25, true)]
    [DataRow(0.5, false)]
    public void Chance(double accuracy, bool expected) => Check(expected, "'doctor data'", Steps(accuracy));

    /// <summary>Of good answers a twentieth of the labels is wrong, in all parts of the ranking; or only the unsure ones are wrong.</summary>
    [TestMethod]
    [DataRow(true, 0.95, true)]
    [DataRow(false, 0.95, false)]
    [DataRow(true, 0.5, false)]
    public void Mislabelled(bool everywhere, double accuracy, bool expected) => Check(expected, "surest mistakes", Steps(accuracy, everywhere: everywhere));

    [TestMethod]
    [DataRow(60, true)]
    [DataRow(2000, false)]
    public void FewImages(int count, bool expected) => Check(expected, "evaluate on more pictures", Steps(0.7, count: count));

    [TestMethod]
    public void NothingIsSaid_OfRunsThatLearnByHeart() =>
        Assert.HasCount(0, (Steps(0.3) with { Options = new() { OverfitBatches = 1 }, Pictures = new(500, 500) }).Find());

    static void Check(bool expected, string advice, NextSteps steps)
    {
        var found = steps.Find();
        Assert.IsLessThanOrEqualTo(3, found.Count);
        Assert.AreEqual(expected, found.Any(step => step.Try.Contains(advice, StringComparison.Ordinal)), string.Join('\n', found));
    }

    static NextSteps Steps(double accuracy, int side = 32, int count = 2000, double? firstRecall = null, bool everywhere = false) => new()
    {
        Result = Result(accuracy, count, firstRecall, everywhere),
        Network = Architectures.Create("seed-cnn", side, side, 3, 4),
        Options = new() { Augmentation = Augmentation.Standard() },
    };

    /// <summary>Four classes of equal size. Wrong answers are the least sure ones, or spread over all.</summary>
    static EvaluationResult Result(double accuracy, int count, double? firstRecall, bool everywhere)
    {
        var labels = new int[count];
        var scores = new float[count * 4];
        for (var i = 0; i < count; i++)
        {
            labels[i] = i % 4;
            var place = (double)(i / 4) / (count / 4.0);
            var share = labels[i] == 0 && firstRecall is { } recall ? recall : accuracy;
            var right = everywhere ? (i / 4 * 0.618034 % 1) < share : place < share;
            var confidence = 0.99f - (0.6f * (float)place);
            for (var k = 0; k < 4; k++)
                scores[(4 * i) + k] = (1 - confidence) / 3;
            scores[(4 * i) + ((labels[i] + (right ? 0 : 1)) % 4)] = confidence;
        }

        return Evaluator.Evaluate(labels, scores, ["a", "b", "c", "d"], new EvaluationOptions { BootstrapResamples = 0 });
    }

    static IReadOnlyList<EpochRecord> History(double train, double validation, int epochs, int best) =>
        [.. Enumerable.Range(1, epochs).Select(epoch => new EpochRecord(epoch, 1, train, 1 + (0.01 * Math.Abs(epoch - best)), validation))];
}

/// <summary>Settings that a report shows.</summary>
[TestClass]
public sealed class ShownSettingsTests
{
    [TestMethod]
    public void Pairs_LeaveOutWhatHadNoEffect()
    {
        var sgd = TrainingTable.Pairs(new() { Optimizer = OptimizerKind.Sgd, TimeBudget = TimeSpan.FromMinutes(1) }).Select(pair => pair.Key).ToHashSet();
        Assert.IsTrue(sgd.Contains("momentum") && sgd.Contains("time-budget") && sgd.Contains("learning-rate"));
        Assert.IsFalse(sgd.Overlaps(["beta1", "epsilon", "muon-momentum", "epochs", "step-factor", "minimum-delta", "patience", "padding", "cutout", "groups", "class-weights"]));
        var adam = TrainingTable.Pairs(new() { Optimizer = OptimizerKind.Adam, Schedule = ScheduleKind.Step, Augmentation = Augmentation.Standard() }).Select(pair => pair.Key).ToHashSet();
        Assert.IsTrue(adam.IsSupersetOf(["beta1", "epsilon", "epochs", "step-factor", "padding", "flip", "shift"]));
        Assert.DoesNotContain("momentum", adam);
    }
}
