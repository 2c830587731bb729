using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class WeightAverageTests
{
    [TestMethod]
    public void Swa_IsTheMeanOfTheEpochsFromItsStartOn_WithTheStatisticsOfTheTrainingImages()
    {
        var ends = new List<double[]>();
        var trainer = SmallRun.Trainer(SmallRun.Swa with { Augmentation = Augmentation.None }, observers: new AfterStep(run =>
        {
            if (run.StepInEpoch == run.StepsPerEpoch && run.Progress >= 0.5)
                ends.Add(Values(run.Weights));
        }));
        using var result = trainer.Fit(SmallRun.Train);
        Assert.AreEqual(4, result.BestEpoch);
        Assert.HasCount(3, ends);
        var actual = Values(result.Weights);
        for (var i = 0; i < actual.Length; i++)
            Assert.AreEqual(ends.Average(e => e[i]), actual[i], 1e-5, $"{i}");
        AssertStatistics(result);
    }

    [TestMethod]
    public void Swa_BeforeItsStart_ValidatesTheWeightsThemselves()
    {
        using var plain = SmallRun.Fit(SmallRun.Trainer(SmallRun.Swa with { SwaStart = null, SwaLearningRate = null }));
        using var late = SmallRun.Fit(SmallRun.Trainer(SmallRun.Swa with { SwaStart = 0.9f, SwaLearningRate = null }));
        for (var epoch = 0; epoch < 3; epoch++)
            Assert.AreEqual(plain.History[epoch].ValidationLoss, late.History[epoch].ValidationLoss, $"{epoch}");
        Assert.AreEqual(plain.LastWeightsSha256, late.LastWeightsSha256, "the average is not trained");
        Assert.AreNotEqual(plain.History[3].ValidationLoss, late.History[3].ValidationLoss, "the last epoch has statistics of its own");
    }

    [TestMethod]
    public void Swa_WithoutValidation_TellsTheBudgetHowLongItsStatisticsTook()
    {
        var told = new List<bool>();
        var trainer = SmallRun.Trainer(SmallRun.Swa with { SwaStart = 0.5f }, observers: new AfterStep(run => told.Add(run.State.ValidationSeconds > 0)));
        using var result = trainer.Fit(SmallRun.Train);
        Assert.IsFalse(told[0]);
        Assert.IsTrue(told[^1]);
    }

    [TestMethod]
    public void Swa_CancelledWhileItsStatisticsAreComputed_LosesNothingAndCountsNoEpochTwice()
    {
        using var whole = SmallRun.Fit(SmallRun.Trainer(SmallRun.Swa));
        using var folder = new TestFolder();
        using var cancel = new CancellationTokenSource();
        var images = new Cancelling(SmallRun.Train, cancel);
        var cut = SmallRun.Trainer(SmallRun.Swa, folder.Root, everySteps: 1000, observers: new AfterStep(run => images.IsArmed = run.Step == 15)).Fit(images, SmallRun.Validation, cancellation: cancel.Token);
        Assert.AreEqual(StopReason.Cancelled, cut.StopReason);
        Assert.HasCount(2, cut.History);
        using var resumed = SmallRun.Fit(SmallRun.Trainer(SmallRun.Swa, folder.Root, resume: true));
        SmallRun.AssertSame(whole, resumed);
    }

    [TestMethod]
    public void Lookahead_GoesOnFromTheAverageEveryFewSteps()
    {
        var images = TinyData.Balanced(3, 4);
        var normalization = Normalization.Compute(images);
        var options = new TrainingOptions { BatchSize = 12, LearningRate = 0.05f, Threads = 2, Optimizer = OptimizerKind.Sgd, Momentum = 0, Nesterov = false, EmaDecay = 0.9f, LookaheadSteps = 3 };
        var network = TinyData.Network(3, new BatchNorm());
        using var slow = new TrainingSession(network, options, images, normalization);
        using var fast = new TrainingSession(network, options with { EmaDecay = null }, images, normalization);
        using var loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = 12 });
        loader.Start(0);
        var batch = loader.Next()!;
        var begun = Values(slow.Weights);
        for (var step = 0; step < 3; step++)
        {
            Assert.AreEqual(fast.Weights.Sha256(), slow.Weights.Sha256(), "in between nothing differs");
            slow.Step(batch, 0.5, out _);
            fast.Step(batch, 0.5, out _);
        }

        var decay = Math.Pow(0.9, 3) / 8;
        var (expected, actual) = (Values(fast.Weights), Values(slow.Weights));
        for (var i = 0; i < actual.Length; i++)
            LaneCases.AssertClose((decay * begun[i]) + ((1 - decay) * expected[i]), actual[i], 10 * LaneCases.Unit * (1 + Math.Abs(expected[i])), $"{i}");
        Assert.AreEqual(slow.Weights.Sha256(), slow.Result.Sha256());
    }

    [TestMethod]
    public void SwaStartAndEmaDecay_AreOneOrTheOther() =>
        StringAssert.Contains(Assert.ThrowsExactly<MlNetCifarException>(() => new TrainingOptions { SwaStart = 0.5f, EmaDecay = 0.9f }.Validate()).Message, "expected one of them");

    [TestMethod]
    public void MemoryPlan_CountsTheMean()
    {
        long Total(TrainingOptions options) => MemoryPlan.Fit(SmallRun.Network, options, SmallRun.Train, null, 1L << 40).Parts.Where(p => p.Name != "program and data").Sum(p => p.Bytes);
        var plain = SmallRun.Swa with { SwaStart = null, SwaLearningRate = null };
        Assert.IsGreaterThan(Total(plain with { EmaDecay = 0.9f }), Total(SmallRun.Swa));
        Assert.IsGreaterThan(Total(plain), Total(plain with { EmaDecay = 0.9f }));
    }

    /// <summary>The mean over batches of mean and unbiased variance of the first convolution, in double precision from the weights alone.</summary>
    static void AssertStatistics(TrainingResult result)
    {
        using var loader = new BatchLoader(SmallRun.Train, result.Normalization, TrainingSetup.Loading(SmallRun.Swa with { Augmentation = Augmentation.None }) with { DropLast = true });
        loader.Start(0);
        double[] means = new double[8], variances = new double[8];
        var batches = 0;
        while (loader.Next() is { } batch)
        {
            batches++;
            var values = Convolved(batch, result.Weights.Find("conv1.weight")!);
            for (var k = 0; k < 8; k++)
            {
                var mean = values[k].Average();
                means[k] += mean;
                variances[k] += values[k].Sum(v => (v - mean) * (v - mean)) / (values[k].Count - 1);
            }
        }

        Assert.AreEqual(4, batches);
        for (var k = 0; k < 8; k++)
        {
            Assert.AreEqual(means[k] / batches, result.Weights.Find("bn1.running_mean")!.Values[k], 1e-4, $"mean {k}");
            Assert.AreEqual(variances[k] / batches, result.Weights.Find("bn1.running_var")!.Values[k], 1e-4 * (1 + variances[k]), $"variance {k}");
        }
    }

    static List<double>[] Convolved(Batch batch, WeightTensor filter)
    {
        var (pixels, weights) = (batch.Pixels.ToArray(), filter.Values.ToArray());
        var results = Enumerable.Range(0, 8).Select(_ => new List<double>()).ToArray();
        for (var n = 0; n < batch.Count; n++)
            for (var y = 0; y < 8; y++)
                for (var x = 0; x < 8; x++)
                    for (var k = 0; k < 8; k++)
                        results[k].Add(At(n, y, x, k));
        return results;

        double At(int n, int y, int x, int k)
        {
            var sum = 0.0;
            for (var r = 0; r < 3; r++)
                for (var s = 0; s < 3; s++)
                    for (var c = 0; c < 3; c++)
                    {
                        int row = y + r - 1, column = x + s - 1;
                        if (row is >= 0 and < 8 && column is >= 0 and < 8)
                            sum += (double)pixels[(((((n * 8) + row) * 8) + column) * 3) + c] * weights[(((((r * 3) + s) * 3) + c) * 8) + k];
                    }

            return sum;
        }
    }

    static double[] Values(NetworkWeights weights) => [.. weights.Tensors.Where(t => t.Spec.IsTrained).SelectMany(t => LaneCases.Doubles(t.Values))];

    /// <summary>Cancels when a picture is read and it is armed.</summary>
    sealed class Cancelling(ImageSource images, CancellationTokenSource cancel) : WrappedImages(images)
    {
        public volatile bool IsArmed;

        public override void CopyPixels(int index, Span<byte> destination)
        {
            if (IsArmed)
                cancel.Cancel();
            base.CopyPixels(index, destination);
        }
    }
}
