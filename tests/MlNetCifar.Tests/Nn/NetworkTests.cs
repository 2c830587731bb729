using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Nn;

[TestClass]
public sealed class NetworkTests
{
    const int Side = 16;
    const int Batch = 5;

    static readonly string[] s_deep = ["resnet18", "resnet34"];

    public static IEnumerable<object[]> Presets => Architectures.Names.Select(name => new object[] { name });

    public static IEnumerable<object[]> QuickPresets => Presets.Where(row => !s_deep.Contains(row[0]));

    [TestMethod]
    [DynamicData(nameof(QuickPresets))]
    public void TrainingSteps_AreBitIdenticalForAnyThreadCount(string preset)
    {
        // The second step is the first with weights that another made.
        var one = Train(preset, threads: 1, steps: 2);
        foreach (var threads in new[] { 2, 3, 8 })
            Assert.AreEqual(one, Train(preset, threads, steps: 2), $"{threads} threads");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void TrainingSteps_OfDeepNetworks_AreBitIdenticalForAnyThreadCount() => Array.ForEach(s_deep, TrainingSteps_AreBitIdenticalForAnyThreadCount);

    [TestMethod]
    [DynamicData(nameof(Presets))]
    [DoNotParallelize]
    public void TrainingStep_AllocatesNothing(string preset)
    {
        using var run = new Run(preset, threads: 2, Options(preset));
        for (var step = 0; step < 3; step++)
            run.Step(step);
        var next = 3;
        var least = Allocation.Least(run.Pool, () => run.Step(next++));
        Assert.AreEqual(0, least);
    }

    [TestMethod]
    [DynamicData(nameof(Presets))]
    public void Forward_OutOfTraining_ChangesNothingAndRepeats(string preset)
    {
        using var run = new Run(preset, 2, Options(preset));
        run.Step(0);
        var before = run.Weights.Sha256();
        var first = run.Infer(Batch);
        CollectionAssert.AreEqual(first, run.Infer(Batch));
        Assert.AreEqual(before, run.Weights.Sha256());
    }

    [TestMethod]
    [DynamicData(nameof(Presets))]
    public void SmallerBatches_GiveTheSameRows(string preset)
    {
        using var run = new Run(preset, 2, Options(preset));
        run.Step(0);
        var all = run.Infer(Batch);
        foreach (var count in new[] { 1, 2, 4 })
            CollectionAssert.AreEqual(all[..(count * all.Length / Batch)], run.Infer(count), $"{count} images");
    }

    [TestMethod]
    public void Forward_RefusesImpossibleCounts()
    {
        using var run = new Run("seed-cnn", 1, Options("seed-cnn"));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => run.Network.Forward(0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => run.Network.Forward(Batch + 1));
        using var pool = new WorkerPool(1);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Network(run.Weights, 0, false, pool));
    }

    [TestMethod]
    public void Probabilities_OfTheSigmoidGiveBothColumns()
    {
        using var run = new Run("cats-dogs-cnn", 1, Options("cats-dogs-cnn"), classes: 2);
        run.Images.CopyTo(run.Network.Input(Batch));
        run.Network.Forward(Batch);
        var scores = ClassScores.Probabilities(run.Weights.Spec, run.Network.Logits(Batch));
        for (var i = 0; i < Batch; i++)
        {
            Assert.AreEqual(1 / (1 + Math.Exp(-run.Network.Logits(Batch)[i])), scores[(2 * i) + 1], 1e-7);
            Assert.AreEqual(1, scores[2 * i] + scores[(2 * i) + 1], 1e-6);
        }
    }

    [TestMethod]
    public void FirstNotFinite_NamesTheLayer()
    {
        using var run = new Run("seed-cnn", 1, Options("seed-cnn"));
        run.Weights.Find("conv2.bias")!.Values[3] = float.NaN;
        run.Weights.Changed();
        run.Infer(Batch);
        Assert.AreEqual("the output of layer 4 (conv2d)", run.Network.FirstNotFinite(Batch));
        run.Weights.Find("conv2.bias")!.Values[3] = 0;
        run.Weights.Changed();
        run.Infer(Batch);
        Assert.IsNull(run.Network.FirstNotFinite(Batch));
    }

    [TestMethod]
    public void Dropout_ActsInTrainingOnlyAndDiffersEachStep()
    {
        using var run = new Run("elephas-mlp", 1, Options("elephas-mlp"));

        // The preset's head begins at zero, where nothing before it shows.
        run.Weights.Tensors.Last(tensor => tensor.Role == ParameterRole.Weight).Values.Fill(0.1f);
        run.Weights.Changed();
        float[] Logits(bool training, long step)
        {
            run.Images.CopyTo(run.Network.Input(Batch));
            run.Network.Forward(Batch, training, 1, step);
            return run.Network.Logits(Batch).ToArray();
        }

        CollectionAssert.AreEqual(Logits(true, 1), Logits(true, 1));
        CollectionAssert.AreNotEqual(Logits(true, 1), Logits(true, 2));
        CollectionAssert.AreNotEqual(Logits(true, 1), Logits(false, 1));
        CollectionAssert.AreEqual(Logits(false, 1), Logits(false, 2));
    }

    static TrainingOptions Options(string preset) => Recipes.For(preset, Side) with { LearningRate = 0.01f };

    static string Train(string preset, int threads, int steps)
    {
        using var run = new Run(preset, threads, Options(preset));
        for (var step = 0; step < steps; step++)
            run.Step(step);
        return run.Weights.Sha256();
    }

    /// <summary>A network, its optimizer and one batch.</summary>
    sealed class Run : IDisposable
    {
        readonly Optimizer _optimizer;
        readonly int[] _labels;

        public Run(string preset, int threads, TrainingOptions options, int classes = 4)
        {
            Pool = new WorkerPool(threads);
            Weights = NetworkWeights.Initialize(Architectures.Create(preset, Side, Side, 3, classes), 1);
            Network = new Network(Weights, Batch, training: true, Pool);
            _optimizer = new Optimizer(new GroupPlan(options, Weights), Network.Gradients!, Pool, SimdLevel.Active);
            Images = LaneCases.Draw(1, Weights.Spec.InputShape(Batch).Length);
            _labels = [.. Enumerable.Range(0, Batch).Select(i => i % classes)];
        }

        public WorkerPool Pool { get; }

        public NetworkWeights Weights { get; }

        public Network Network { get; }

        public float[] Images { get; }

        public void Step(int step)
        {
            Images.CopyTo(Network.Input(Batch));
            Network.Forward(Batch, training: true, 1, step);
            Network.Loss(_labels, 0.1f, [], out _);
            Network.Backward();
            _optimizer.Step(0.01 * step);
        }

        public float[] Infer(int count)
        {
            Images.AsSpan(0, Weights.Spec.InputShape(count).Length).CopyTo(Network.Input(count));
            Network.Forward(count);
            return Network.Logits(count).ToArray();
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            Network.Dispose();
            Weights.Dispose();
            Pool.Dispose();
        }
    }
}
