using System.Text.Json;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>What a worker has computed is sent, and summed up with the others, while its backward pass goes on.</summary>
[TestClass]
public sealed class OverlapTests
{
    const int Workers = 2;

    static readonly NetworkSpec s_network = new()
    {
        Name = "gated", Height = 8, Width = 8, Channels = 3, Classes = 3, Loss = LossKind.SoftmaxCrossEntropy,
        Layers = [new Conv2d(8, 3), new Gate(), new Flatten(), new Linear(16), new Activation(ActivationKind.Relu), new Linear(3)],
    };

    [ClassInitialize]
    public static void Register(TestContext _) => LayerRegistry.Register("overlap_gate", _ => new Gate());

    /// <summary>
    /// The second layer's backward pass waits until the run has got the last parts of the sum, of which nothing is missing but the first layer's. So nothing here depends on the clock: if they were sent when the
    /// backward pass is over, it never would be.
    /// </summary>
    [TestMethod]
    [DataRow(true, GradientFormat.F32)]
    [DataRow(true, GradientFormat.Bf16)]
    [DataRow(false, GradientFormat.F32)]
    public void Fit_SendsWhileItComputes(bool isLinked, GradientFormat format)
    {
        var images = TestImages.Random(48, 8, 8, classes: 3);
        var options = new TrainingOptions { Epochs = 2, BatchSize = 12, Slices = Workers, Threads = 1, Seed = 3, GradientFormat = format };
        using var expected = new Trainer(s_network, options).Fit(images);
        using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
        using var group = new WorkerGroup(launcher, new() { Workers = Workers, PeerPorts = isLinked ? PortRange.Any : null });
        using var weights = new NetworkWeights(s_network);
        using var gradients = new WeightGradients(weights);
        var parts = new SumParts(gradients.All.Length);
        var ready = parts.FinalFrom((int)Arena.Align(3 * 3 * 3 * 8) + (int)Arena.Align(8));
        Assert.IsInRange(2, parts.Count - 1, ready);

        // Among workers each tells the run half of the sum, for which it has got that half of the other one's node: what comes from the one shows what the other has sent.
        var bytes = ready * (parts[0].End - parts[0].First) * GradientCodec.BytesOf(format) / (isLinked ? Workers : 1);
        try
        {
            Gate.WaitFor(bytes, isLinked ? () => launcher.Answered : () => [ThreadLauncher.AnsweredHere]);
            using var actual = new Trainer(s_network, options) { Workers = group }.Fit(images);
            Assert.IsEmpty(actual.Warnings, string.Join('\n', actual.Warnings));
            Assert.AreEqual(expected.LastWeightsSha256, actual.LastWeightsSha256);
            Assert.AreEqual(isLinked, group.IsPeering);
            Assert.AreEqual(Workers * actual.Steps, Gate.Waits, "every worker waited in every step");
        }
        finally
        {
            Gate.WaitFor(0, null);
        }

        // The last frame may have come before its sender counts it.
        Assert.IsTrue(group.Figures.All(f => f.BytesAhead >= 8 * (bytes - (bytes / ready))), string.Join('\n', group.Figures));
    }

    /// <summary>What is said to be final after a layer's backward pass stays as it is.</summary>
    [TestMethod]
    [DataRow("seed-cnn", 16)]
    [DataRow("advanced-cnn", 16)]
    [DataRow("airbench94", 32)]
    [DataRow("elephas-mlp", 16)]
    public void Backward_TellsWhatIsFinal(string preset, int side)
    {
        var images = TestImages.Random(6, side, side, classes: 3);
        using var pool = new WorkerPool(1);
        using var weights = NetworkWeights.Initialize(Architectures.Create(preset, side, side, 3, 3), 1);
        using var network = new Network(weights, images.Count, training: true, pool);
        var random = new Random(1);
        foreach (ref var value in network.Input(images.Count))
            value = random.NextSingle() - 0.5f;
        network.Forward(images.Count, training: true);
        network.Loss([.. Enumerable.Range(0, images.Count).Select(images.Label)], 0, [], out _);
        network.Gradients!.All.Fill(float.NaN);
        var told = new List<(int From, float[] Values)>();
        network.Backward(passed: from => told.Add((from, network.Gradients.All[from..].ToArray())));
        Assert.AreEqual(0, told[^1].From);
        Assert.IsGreaterThan(1, told.Select(t => t.From).Distinct().Count(), "all of it becomes final at the end");
        foreach (var (from, values) in told)
            CollectionAssert.AreEqual(network.Gradients.All[from..].ToArray().Select(BitConverter.SingleToInt32Bits).ToArray(), values.Select(BitConverter.SingleToInt32Bits).ToArray(), $"from {from}");
        foreach (var tensor in weights.Tensors.Where(network.Gradients.Has))
            Assert.IsTrue(Network.AllFinite(network.Gradients.Of(tensor)), tensor.Name);
    }

    /// <summary>Gives what it gets; backward it waits until so many bytes have come from each of some workers since it was passed forward.</summary>
    sealed record Gate : CustomLayer
    {
        static int s_waits;
        static long s_bytes;
        static Func<long[]>? s_answered;

        [ThreadStatic]
        static long[]? t_before;

        public static int Waits => s_waits;

        public override string Kind => "overlap_gate";

        protected internal override bool IsPerImage => false;

        public static void WaitFor(long bytes, Func<long[]>? answered) => (s_waits, s_bytes, s_answered) = (0, bytes, answered);

        public override void Write(Utf8JsonWriter json)
        {
        }

        public override Shape OutputShape(Shape input) => input;

        public override IReadOnlyList<ParameterSpec> Parameters(Shape input) => [];

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
        {
            x.CopyTo(y);
            t_before = s_answered?.Invoke();
        }

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
        {
            gradY.CopyTo(gradX);
            if (s_answered is not { } answered)
                return;
            var before = t_before!;
            Assert.IsTrue(SpinWait.SpinUntil(() => answered().Zip(before).All(count => count.First - count.Second >= s_bytes), TimeSpan.FromSeconds(20)), "nothing is sent before the backward pass is over");
            Interlocked.Increment(ref s_waits);
        }
    }
}
