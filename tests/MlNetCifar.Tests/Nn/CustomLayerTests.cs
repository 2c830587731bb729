using MlNetCifar.CustomLayers;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Nn;

/// <summary>Layers of another assembly inside a network: values, blocks, threads, memory, and what happens when they misbehave.</summary>
[TestClass]
public sealed class CustomLayerTests
{
    [TestMethod]
    public void GroupNorm_EqualsItsFormula()
    {
        const int Count = 3, Side = 5, Channels = 6, Groups = 2;
        using var run = new Run([new GroupNorm(Groups)], Count, threads: 2, side: Side, channels: Channels);
        var y = run.Forward(training: true);
        for (var n = 0; n < Count; n++)
            for (var g = 0; g < Groups; g++)
            {
                int[] part = [.. Enumerable.Range(n * Side * Side * Channels, Side * Side * Channels).Where(i => i % Channels / (Channels / Groups) == g)];
                var mean = part.Average(i => (double)run.X[i]);
                var deviation = Math.Sqrt(part.Average(i => (run.X[i] - mean) * (run.X[i] - mean)) + 1e-5);
                foreach (var i in part)
                    LaneCases.AssertClose((run["gn1.weight"][i % Channels] * (run.X[i] - mean) / deviation) + run["gn1.bias"][i % Channels], y[i], 1e-5, $"element {i}");
            }
    }

    [TestMethod]
    public void StochasticDepth_LeavesOutWholeImagesAtItsRate()
    {
        using var run = new Run([new StochasticDepth(0.25f)], 200, threads: 2, side: 2, channels: 1);
        var y = run.Forward(training: true);
        var kept = 0;
        for (var n = 0; n < 200; n++)
        {
            var image = y.AsSpan(n * 4, 4).ToArray();
            var dropped = image.All(v => v == 0);
            kept += dropped ? 0 : 1;
            for (var i = 0; i < 4 && !dropped; i++)
                Assert.AreEqual(run.X[(n * 4) + i] / 0.75f, image[i], 1e-6f);
        }

        // Five standard deviations of a binomial distribution.
        Assert.AreEqual(150, kept, 31);
        CollectionAssert.AreEqual(y, run.Forward(training: true));
        CollectionAssert.AreNotEqual(y, run.Forward(training: true, step: 1));
        CollectionAssert.AreEqual(run.X, run.Forward(training: false));
    }

    [TestMethod]
    public void TwoRandomLayers_DrawDifferentNumbers()
    {
        using var run = new Run([new StochasticDepth(0.5f), new StochasticDepth(0.5f)], 400, threads: 1, side: 1, channels: 2);
        var kept = run.Forward(training: true).Count(v => v != 0) / 2;
        Assert.AreEqual(100, kept, 44, "a quarter passes two independent layers, a half two equal ones");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(64)]
    [DataRow(65)]
    [DataRow(130)]
    public void Threads_DoNotShow(int count)
    {
        LayerSpec[] layers = [new Conv2d(4, 3), new GroupNorm(2), new StochasticDepth(0.3f), new Centering(), new ScaledTanh()];
        using var one = new Run(layers, count, threads: 1, side: 3, channels: 2);
        one.Forward(training: true);
        one.Backward();
        foreach (var threads in new[] { 2, 3, 8 })
        {
            using var run = new Run(layers, count, threads, side: 3, channels: 2);
            run.Forward(training: true);
            run.Backward();
            CollectionAssert.AreEqual(one.Logits, run.Logits, $"{threads} threads");
            CollectionAssert.AreEqual(one.Gradients, run.Gradients, $"{threads} threads");
            Assert.AreEqual(one.Sha256, run.Sha256, "statistics");
        }
    }

    [TestMethod]
    public void Gradients_AddUpOverAllBlocks()
    {
        // 130 images are 44 blocks; one image at a time is the reference.
        LayerSpec[] layers = [new GroupNorm(2), new ScaledTanh()];
        using var all = new Run(layers, 130, threads: 2, side: 3, channels: 2);
        all.Forward(training: true);
        all.Backward();
        var sum = new double[all.Gradients.Length];
        for (var n = 0; n < 130; n++)
        {
            all.Forward(training: true, image: n);
            all.Backward(image: n);
            for (var i = 0; i < sum.Length; i++)
                sum[i] += all.Gradients[i];
        }

        all.Forward(training: true);
        all.Backward();
        for (var i = 0; i < sum.Length; i++)
            LaneCases.AssertClose(sum[i], all.Gradients[i], 1e-3, $"gradient {i}");
    }

    [TestMethod]
    public void SmallerBatches_MayHaveMoreBlocks()
    {
        LayerSpec[] layers = [new GroupNorm(2), new ScaledTanh(), new Doubling()];
        using var large = new Run(layers, 65, threads: 2, side: 3, channels: 2);
        using var exact = new Run(layers, 64, threads: 2, side: 3, channels: 2);
        CollectionAssert.AreEqual(exact.Forward(training: true, x: large.X), large.Forward(training: true, count: 64));
        exact.Backward(direction: large.Direction);
        large.Backward(count: 64);
        CollectionAssert.AreEqual(exact.Gradients, large.Gradients);
    }

    [TestMethod]
    [DoNotParallelize]
    public void Steps_AllocateNothing()
    {
        using var run = new Run([new Conv2d(4, 3), new GroupNorm(2), new StochasticDepth(0.3f), new Centering(), new ScaledTanh()], 20, threads: 2, side: 3, channels: 2);
        for (var i = 0; i < 3; i++)
            run.Step();
        Assert.AreEqual(0, Allocation.Least(run.Pool, run.Step));
    }

    [TestMethod]
    public void Statistics_ChangeInTrainingAlone()
    {
        using var run = new Run([new Centering()], 8, threads: 1, side: 2, channels: 3);
        run.Forward(training: false);
        CollectionAssert.AreEqual(new float[3], run["centering1.running_mean"]);
        run.Forward(training: true);
        for (var c = 0; c < 3; c++)
            Assert.AreEqual(0.1 * Enumerable.Range(0, 32).Average(i => (double)run.X[(3 * i) + c]), run["centering1.running_mean"][c], 1e-6);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void Exceptions_AreThoseOfTheFirstBlock(int threads)
    {
        using var run = new Run([new Throwing()], 9, threads, side: 1, channels: 2);
        Assert.AreEqual($"{run.X[0]}", Assert.ThrowsExactly<NotSupportedException>(() => run.Forward(training: true)).Message);
        run.Forward(training: false);
    }

    [TestMethod]
    public void Pass_RefusesWhatIsNotDeclared()
    {
        static void Check<TException>(Action<LayerPass> call, string message, bool perImage = true, bool training = true)
            where TException : Exception
        {
            using var run = new Run([new Asking(call, perImage)], 2, threads: 1, side: 1, channels: 2);
            StringAssert.StartsWith(Assert.ThrowsExactly<TException>(() => run.Forward(training)).Message, message);
        }

        Check<ArgumentException>(pass => pass.Parameter("gamma"), "Layer 1 (asking) declares no parameter 'gamma'.");
        Check<ArgumentException>(pass => pass.Statistic("weight"), "Layer 1 (asking) declares no statistic 'weight'.", perImage: false);
        Check<InvalidOperationException>(pass => pass.Statistic("mean"), "Statistics change in training only");
        Check<InvalidOperationException>(pass => pass.Statistic("mean"), "Statistics change in training only", perImage: false, training: false);
        Check<InvalidOperationException>(pass => pass.Gradient("weight"), "There are no gradients in a forward pass.");
    }

    [TestMethod]
    public void Declarations_ThatCannotBe_AreNamed()
    {
        static void Check(Declaring layer, string message)
        {
            var spec = new NetworkSpec { Name = "net", Height = 2, Width = 2, Channels = 3, Classes = 3, Layers = [layer, new Flatten(), new Linear(3)] };
            var error = Assert.ThrowsExactly<MlNetCifarException>(spec.Validate);
            Assert.AreEqual($"Layer 1 (declaring) declares {message}. Correct the layer's class.", error.Message);
            Assert.AreEqual("MNC2008", error.Code);
        }

        static ParameterSpec Vector(string name, params int[] dimensions) => new(name, [.. dimensions], ParameterRole.Bias, Initializer.Zeros);
        Check(new Declaring(null!), "null for its parameters; expected a list");
        Check(new Declaring([null!]), "a parameter named ''; expected names without a dot, each once");
        Check(new Declaring([Vector("a.b", 1)]), "a parameter named 'a.b'; expected names without a dot, each once");
        Check(new Declaring([Vector("a", 1), Vector("a", 2)]), "a parameter named 'a'; expected names without a dot, each once");
        Check(new Declaring([Vector("a", 2, 0)]), "parameter 'a' of shape [2, 0]; expected every dimension at least 1");
        Check(new Declaring([new ParameterSpec("a", default, ParameterRole.Bias, Initializer.Zeros)]), "parameter 'a' of shape []; expected every dimension at least 1");
        Check(new Declaring([Vector("a", 2) with { FollowsInput = true }]), "parameter 'a' of shape [2] that follows the input; expected 3 as its first dimension");
        Check(new Declaring([Vector("a", 1)]) { Prefix = "x1" }, "the weight prefix 'x1'; expected ASCII letters and underscores");
        Check(new Declaring([Vector("a", 1)]) { Prefix = null }, "the weight prefix ''; expected ASCII letters and underscores");
        Check(new Declaring([]) { Output = new Shape(1, 0, 2, 3) }, "the output [1, 0, 2, 3] for the input [1, 2, 2, 3]; expected the same N, and every side at least 1");
        Check(new Declaring([]) { Output = new Shape(2, 2, 2, 3) }, "the output [2, 2, 2, 3] for the input [1, 2, 2, 3]; expected the same N, and every side at least 1");
    }

    [TestMethod]
    public void NegativeLengths_AreNamed()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Run([new Negative()], 2, 1, 2, 2));
        Assert.AreEqual("Layer 1 (negative) declares SavedLength -1; expected at least 0. Correct the layer's class.", error.Message);
    }

    /// <summary>A network of nothing but some layers, its weights disturbed.</summary>
    sealed class Run : IDisposable
    {
        readonly NetworkWeights _weights;
        readonly Network _network;
        readonly int _count;
        long _step;

        public Run(LayerSpec[] layers, int count, int threads, int side, int channels)
        {
            var spec = new NetworkSpec { Name = "run", Height = side, Width = side, Channels = channels, Classes = 1, Layers = [.. layers] };
            _count = count;
            _weights = new NetworkWeights(spec, new LayerResolver().Resolve(spec.Layers, spec.InputShape(1)));
            _weights.Initialize(1);
            var seed = 10;
            foreach (var tensor in _weights.Tensors.Where(t => t.Spec.IsTrained))
            {
                var spread = LaneCases.Draw(seed++, tensor.Length, -0.3, 0.3);
                for (var i = 0; i < spread.Length; i++)
                    tensor.Values[i] += spread[i];
            }

            _weights.Changed();
            Pool = new WorkerPool(threads);
            _network = new Network(_weights, count, training: true, Pool);
            X = LaneCases.Draw(1, spec.InputShape(count).Length);
            Direction = LaneCases.Draw(2, _network.Logits(count).Length);
        }

        public WorkerPool Pool { get; }

        public float[] X { get; }

        public float[] Logits => _network.Logits(_count).ToArray();

        public float[] Gradients => _network.Gradients!.All.ToArray();

        public string Sha256 => _weights.Sha256();

        public float[] this[string name] => _weights.Find(name)!.Values.ToArray();

        public float[] Direction { get; }

        public float[] Forward(bool training, long step = 0, int? image = null, int? count = null, float[]? x = null)
        {
            var length = X.Length / _count;
            var images = image is null ? count ?? _count : 1;
            (x ?? X).AsSpan((image ?? 0) * length, images * length).CopyTo(_network.Input(images));
            _network.Forward(images, training, seed: 7, step);
            return _network.Logits(images).ToArray();
        }

        public void Backward(int? image = null, int? count = null, float[]? direction = null)
        {
            var length = Direction.Length / _count;
            var images = image is null ? count ?? _count : 1;
            (direction ?? Direction).AsSpan((image ?? 0) * length, images * length).CopyTo(_network.Ops[^1].Output.GradientRows(images));
            _network.Backward();
        }

        public void Step()
        {
            X.CopyTo(_network.Input(_count));
            _network.Forward(_count, training: true, seed: 7, _step++);
            Backward();
        }

        public void Dispose()
        {
            _network.Dispose();
            _weights.Dispose();
            Pool.Dispose();
        }
    }

    /// <summary>y = 2x by way of scratch.</summary>
    sealed record Doubling : CustomLayer
    {
        public override string Kind => "doubling";

        public override Shape OutputShape(Shape input) => input;

        protected internal override int ScratchLength(Shape input) => input.Length;

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y) => Double(pass, x, y);

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX) =>
            Double(pass, gradY, gradX);

        static void Double(LayerPass pass, ReadOnlySpan<float> from, Span<float> to)
        {
            for (var i = 0; i < from.Length; i++)
                pass.Scratch[i] = 2 * from[i];
            pass.Scratch[..from.Length].CopyTo(to);
        }
    }

    sealed record Throwing : CustomLayer
    {
        public override string Kind => "throwing";

        public override Shape OutputShape(Shape input) => input;

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
        {
            x.CopyTo(y);
            if (pass.Training)
                throw new NotSupportedException($"{x[0]}");
        }

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX) => gradY.CopyTo(gradX);
    }

    sealed record Asking(Action<LayerPass> Call, bool PerImage) : CustomLayer
    {
        public override string Kind => "asking";

        public override Shape OutputShape(Shape input) => input;

        public override IReadOnlyList<ParameterSpec> Parameters(Shape input) =>
            [new("weight", [1], ParameterRole.Gain, Initializer.Ones), new("mean", [1], ParameterRole.Statistic, Initializer.Zeros)];

        protected internal override bool IsPerImage => PerImage;

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y) => Call(pass);

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX) => Call(pass);
    }

    sealed record Declaring(ParameterSpec[] Tensors) : CustomLayer
    {
        public string? Prefix { get; init; } = "declaring";

        public Shape? Output { get; init; }

        public override string Kind => "declaring";

        public override string? WeightPrefix => Prefix;

        public override Shape OutputShape(Shape input) => Output ?? input;

        public override IReadOnlyList<ParameterSpec> Parameters(Shape input) => Tensors;

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y) => x.CopyTo(y);

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX) => gradY.CopyTo(gradX);
    }

    sealed record Negative : CustomLayer
    {
        public override string Kind => "negative";

        public override Shape OutputShape(Shape input) => input;

        protected internal override int SavedLength(Shape input) => -1;

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y) => x.CopyTo(y);

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX) => gradY.CopyTo(gradX);
    }
}
