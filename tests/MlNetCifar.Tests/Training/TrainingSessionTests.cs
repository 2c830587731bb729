using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class TrainingSessionTests
{
    static readonly TrainingOptions s_options = new() { BatchSize = 12, LearningRate = 0.05f, Threads = 2, Optimizer = OptimizerKind.Sgd, Momentum = 0, Nesterov = false };

    [TestMethod]
    public void Step_KeepsTheMovingAverageWithItsWarmUp()
    {
        using var run = new Run(s_options with { EmaDecay = 0.5f }, TinyData.Network(3, new BatchNorm()));
        var average = Values(run.Session.Weights);
        for (var step = 0; step < 20; step++)
        {
            run.Step();
            var decay = Math.Min(0.5, (1.0 + step) / (10 + step));
            average = [.. average.Zip(Values(run.Session.Weights), (a, w) => (decay * a) + ((1 - decay) * w))];
        }

        var actual = Values(run.Session.Average!);
        for (var i = 0; i < actual.Length; i++)
            LaneCases.AssertClose(average[i], actual[i], 40 * LaneCases.Unit * (1 + Math.Abs(average[i])), $"{i}");
        Assert.AreNotEqual(run.Session.Weights.Sha256(), run.Session.Result.Sha256());
        Assert.AreEqual(run.Session.Average!.Sha256(), run.Session.Result.Sha256());
    }

    [TestMethod]
    [DataRow(ClassWeighting.None, 0f)]
    [DataRow(ClassWeighting.Balanced, 0f)]
    [DataRow(ClassWeighting.None, 0.3f)]
    [DataRow(ClassWeighting.Balanced, 0.3f)]
    public void Step_WeighsClassesAndSmoothsLabels(ClassWeighting weighting, float smoothing)
    {
        int[] counts = [8, 3, 1];
        using var run = new Run(s_options with { ClassWeights = weighting, LabelSmoothing = smoothing }, TinyData.Network(3), counts);
        var labels = run.Batch.Labels.ToArray();
        run.Session.Network.Forward(12);
        run.Batch.Pixels.CopyTo(run.Session.Network.Input(12));
        run.Session.Network.Forward(12);
        var logits = LaneCases.Doubles(run.Session.Network.Logits(12));
        var weights = weighting == ClassWeighting.None ? null : counts.Select(n => 12.0 / (3 * n)).ToArray();
        Assert.AreEqual(ReferenceLayers.SoftmaxCrossEntropy(logits, labels, 3, smoothing, weights), run.Step(), 1e-6);
    }

    [TestMethod]
    public void Step_ClipsTheGlobalNorm()
    {
        foreach (var limit in new[] { 1e-3f, 1e6f })
        {
            using var run = new Run(s_options with { GradientClipNorm = limit }, TinyData.Network(3));
            var before = Values(run.Session.Weights);
            run.Step();
            var norm = Math.Sqrt(LaneCases.Doubles(run.Session.Network.Gradients!.All).Sum(g => g * g));
            var moved = Math.Sqrt(Values(run.Session.Weights).Zip(before, (a, b) => (a - b) * (a - b)).Sum());
            var expected = 0.05 * Math.Min(norm, limit);

            // Each weight is rounded once.
            Assert.AreEqual(expected, moved, 1e-3 * expected + LaneCases.Unit, $"limit {limit}");
        }
    }

    [TestMethod]
    public void Step_DecaysWeightsOnly()
    {
        using var plain = new Run(s_options, TinyData.Network(3, new BatchNorm()));
        using var decayed = new Run(s_options with { WeightDecay = 0.5f }, TinyData.Network(3, new BatchNorm()));
        using var first = plain.Session.Weights.Clone();
        plain.Step();
        decayed.Step();
        foreach (var tensor in plain.Session.Weights.Tensors)
        {
            Span<float> a = tensor.Values, b = decayed.Session.Weights.Find(tensor.Name)!.Values, w = first.Find(tensor.Name)!.Values;
            for (var i = 0; i < a.Length; i++)
                Assert.AreEqual(tensor.Role == ParameterRole.Weight ? a[i] - (0.05 * 0.5 * w[i]) : a[i], b[i], 1e-6, $"{tensor.Name}[{i}]");
        }
    }

    [TestMethod]
    [DataRow(OptimizerKind.Sgd)]
    [DataRow(OptimizerKind.Adam)]
    [DataRow(OptimizerKind.AdamW)]
    [DataRow(OptimizerKind.Muon)]
    [DoNotParallelize]
    public void Step_AllocatesNothing(OptimizerKind optimizer)
    {
        using var run = new Run(s_options with { Optimizer = optimizer, EmaDecay = 0.9f, GradientClipNorm = 1, ClassWeights = ClassWeighting.Balanced }, TinyData.Network(3, new BatchNorm(), new Dropout(0.5f)));
        for (var i = 0; i < 3; i++)
            run.Step();
        Assert.AreEqual(0, Allocation.Least(run.Session.Pool, () => run.Step()));
    }

    [TestMethod]
    public void Dispose_FreesTheWeights()
    {
        var run = new Run(s_options with { EmaDecay = 0.9f }, TinyData.Network(3));
        var (weights, average) = (run.Session.Weights, run.Session.Average!);
        run.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => weights.Sha256());
        Assert.ThrowsExactly<ObjectDisposedException>(() => average.Sha256());
    }

    [TestMethod]
    public void Validate_IsTheMeanOverAllImages()
    {
        using var run = new Run(s_options, TinyData.Network(3));
        var images = TinyData.Balanced(3, 10, seed: 5);
        double Loss(int batchSize)
        {
            using var loader = new BatchLoader(images, Normalization.Compute(images), new BatchLoaderOptions { BatchSize = batchSize });
            return run.Session.Validate(loader, default).Loss;
        }

        Assert.AreEqual(Loss(1), Loss(12), 1e-6);
        Assert.AreEqual(Loss(1), Loss(7), 1e-6);
    }

    static double[] Values(NetworkWeights weights) => [.. weights.Tensors.SelectMany(t => LaneCases.Doubles(t.Values))];

    /// <summary>A session and one batch of twelve pictures.</summary>
    sealed class Run : IDisposable
    {
        readonly BatchLoader _loader;

        public Run(TrainingOptions options, NetworkSpec network, int[]? counts = null)
        {
            var images = TinyData.Images(counts ?? [4, 4, 4]);
            var normalization = Normalization.Compute(images);
            Session = new TrainingSession(network, options, images, normalization);
            _loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = 12 });
            _loader.Start(0);
            Batch = _loader.Next()!;
        }

        public TrainingSession Session { get; }

        public Batch Batch { get; }

        public double Step() => Session.Step(Batch, 0, out _);

        public void Dispose()
        {
            _loader.Dispose();
            Session.Dispose();
        }
    }
}
