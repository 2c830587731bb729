using MlNetCifar.App.Runs;
using MlNetCifar.CustomLayers;
using MlNetCifar.Experiments;
using MlNetCifar.Explain;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Nn;

/// <summary>All that is done with a network, done with one that holds layers of another assembly, inside residual blocks too.</summary>
[TestClass]
public sealed class CustomNetworkTests
{
    static readonly NetworkSpec s_network = new()
    {
        Name = "custom", Height = 8, Width = 8, Channels = 3, Classes = 4,
        Layers =
        [
            new Conv2d(8, 3), new GroupNorm(4), new Activation(ActivationKind.Relu),
            new Residual(new Conv2d(8, 3), new GroupNorm(2) { Epsilon = 1e-3f }, new Activation(ActivationKind.Gelu), new StochasticDepth(0.2f)),
            new Pool2d(PoolKind.Max, 2), new Flatten(), new Linear(4),
        ],
    };

    static readonly PreprocessSpec s_preprocess = new() { Width = 8, Height = 8 };

    [ClassInitialize]
    public static void Register(TestContext context)
    {
        GroupNorm.Register();
        StochasticDepth.Register();
    }

    [TestMethod]
    public void Names_FollowPrefixAndBlock()
    {
        using var weights = NetworkWeights.Initialize(s_network, 0);
        CollectionAssert.AreEqual(
            new[]
            {
                "conv1.weight", "conv1.bias", "gn1.weight", "gn1.bias", "layer1.conv1.weight", "layer1.conv1.bias", "layer1.gn1.weight", "layer1.gn1.bias", "fc1.weight", "fc1.bias",
            },
            weights.Tensors.Select(t => t.Name).ToArray());
        Assert.AreEqual(1f, weights.Find("gn1.weight")!.Values[0]);
    }

    [TestMethod]
    [DataRow(OptimizerKind.Sgd)]
    [DataRow(OptimizerKind.Adam)]
    [DataRow(OptimizerKind.Muon)]
    public void Fit_WithAnyThreadsOrResumed_GivesTheSameBits(OptimizerKind optimizer)
    {
        var options = optimizer switch { OptimizerKind.Sgd => SmallRun.Sgd, OptimizerKind.Adam => SmallRun.Adam, _ => SmallRun.Muon };
        var whole = SmallRun.Fit(new Trainer(s_network, options with { Threads = 1 }));
        SmallRun.AssertSame(whole, SmallRun.Fit(new Trainer(s_network, options with { Threads = 3 })));
        using var folder = new TestFolder();
        var checkpoints = new CheckpointOptions { Folder = folder["run"], EverySteps = 3, Every = null };
        using var stop = new CancellationTokenSource();
        var trainer = new Trainer(s_network, options) { Checkpoints = checkpoints };
        trainer.Observers.Add(new AfterStep(run =>
        {
            if (run.Step == 7)
                stop.Cancel();
        }));
        SmallRun.Fit(trainer, stop.Token);
        var resumed = SmallRun.Fit(new Trainer(s_network, options) { Checkpoints = checkpoints with { Resume = true } });
        Assert.IsGreaterThanOrEqualTo(6, resumed.ResumedFrom ?? 0);
        SmallRun.AssertSame(whole, resumed);
    }

    [TestMethod]
    public void Model_IsSavedLoadedAndExplained()
    {
        using var folder = new TestFolder();
        using var model = Model();
        model.Save(folder["model.safetensors"]);
        using var loaded = ImageClassifier.Load(folder["model.safetensors"]);
        Assert.AreEqual(s_network, loaded.Network);
        Assert.AreEqual(model.WeightsSha256, loaded.WeightsSha256);
        var images = TestImages.Random(70, seed: 3);
        CollectionAssert.AreEqual(model.Score(images), loaded.Score(images));
        CollectionAssert.AreEqual(new[] { "conv1", "layer1.conv1" }, GradCam.Layers(loaded).ToArray());
        foreach (var layer in GradCam.Layers(loaded))
        {
            using var explain = new GradCam(loaded, layer, batchSize: 7, threads: 2);
            using var alone = new GradCam(loaded, layer, batchSize: 7, threads: 1);
            var pixels = new byte[7 * 8 * 8 * 3];
            new Random(1).NextBytes(pixels);
            var maps = explain.Explain(pixels, 1);
            Assert.IsTrue(maps.Any(map => !map.Degenerate));
            for (var i = 0; i < 7; i++)
                CollectionAssert.AreEqual(alone.Explain(pixels.AsSpan(i * 192, 192), 1)[0].Values.ToArray(), maps[i].Values.ToArray());
        }
    }

    [TestMethod]
    public void Model_AfterAFlattenedPicture_KeepsItsTensors()
    {
        // Neither of its dimensions has to do with the picture, the vector's does.
        var spec = s_network with { Layers = [new Conv2d(3, 3), new Flatten(), new Shifting(), new Linear(4)] };
        LayerRegistry.Register("shifting", Shifting.Read);
        using var weights = NetworkWeights.Initialize(spec, 5);
        using var model = new ImageClassifier(weights, ["a", "b", "c", "d"], s_preprocess, TestImages.Normalization(3));
        using var folder = new TestFolder();
        model.Save(folder["model.safetensors"]);
        using var loaded = ImageClassifier.Load(folder["model.safetensors"]);
        Assert.AreEqual(model.WeightsSha256, loaded.WeightsSha256);
        var file = SafeTensors.Read(File.ReadAllBytes(folder["model.safetensors"]), "").Tensors.ToDictionary(t => t.Name);
        CollectionAssert.AreEqual(new[] { 5, 2 }, file["shifting1.table"].Dimensions.ToArray());
        var shift = weights.Find("shifting1.shift")!.Values.ToArray();

        // Channels first in the file: [C, H, W] of 3 × 8 × 8.
        for (var i = 0; i < shift.Length; i++)
            Assert.AreEqual(shift[i], file["shifting1.shift"].Values[(i % 3 * 64) + (i / 3)]);
    }

    [TestMethod]
    public void SummaryPlanAndBenchmark_KnowTheLayer()
    {
        var options = new TrainingOptions { BatchSize = 16, Threads = 2 };
        var summary = NetworkSummary.Of(s_network, options, measure: false);
        Assert.AreEqual(new LayerSummary("2 (group_norm)", "4 groups", "8×8×8", 16, 512, "custom, image by image"), summary.Layers[1]);
        Assert.AreEqual(s_network.Flops, summary.Layers.Sum(layer => layer.Flops) + 512, "the sum of the block is counted with the block");
        var result = NetworkBenchmark.Train(s_network, options, seconds: 0.2);
        Assert.IsGreaterThan(0, result.Layers.Single(layer => layer.Layer == "4.4 (stochastic_depth)").BackwardMilliseconds);
        Assert.AreEqual(16, MemoryPlan.Fit(s_network, options, TestImages.Random(40), null, 1L << 32).Options.BatchSize);
    }

    [TestMethod]
    public void GradCam_SeesMapsOfOtherLayers()
    {
        var spec = s_network with { Layers = [new Shifting { Maps = true }, new BatchNorm(), new Pool2d(PoolKind.Average, 2), new Flatten(), new Linear(4)] };
        using var model = new ImageClassifier(NetworkWeights.Initialize(spec, 1), ["a", "b", "c", "d"], s_preprocess, TestImages.Normalization(3));
        CollectionAssert.AreEqual(new[] { "shifting1" }, GradCam.Layers(model).ToArray());
        using var explain = new GradCam(model, batchSize: 1);
        Assert.AreEqual((8, 8), (explain.Explain(new byte[192])[0].Height, explain.Explain(new byte[192])[0].Width));
    }

    [TestMethod]
    public void Example_OfTheDocument_IsTheTestedFile()
    {
        var document = File.ReadAllText(Repository.File("src", "MlNetCifar", "Nn", "README.md"));
        StringAssert.Contains(document, $"```csharp\n{File.ReadAllText(Repository.File("tests", "MlNetCifar.CustomLayers", "GroupNorm.cs"))}```");
    }

    static ImageClassifier Model() => SmallRun.Fit(new Trainer(s_network, SmallRun.Sgd with { Epochs = 1 })).ToClassifier(s_preprocess);

    /// <summary>y = x + shift, by elements of a flat input or channels of a picture; the table is there to be saved.</summary>
    sealed record Shifting : CustomLayer
    {
        public bool Maps { get; init; }

        public override string Kind => "shifting";

        public override bool MakesFeatureMaps => Maps;

        public static Shifting Read(LayerOptions json) => new();

        public override Shape OutputShape(Shape input) => input;

        public override IReadOnlyList<ParameterSpec> Parameters(Shape input) =>
        [
            new("table", [2, 5], ParameterRole.Weight, Initializer.GlorotUniform),
            new("shift", [input.C], ParameterRole.Bias, Initializer.UnitUniform) { FollowsInput = true },
        ];

        protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
        {
            var shift = pass.Parameter("shift");
            for (var i = 0; i < x.Length; i++)
                y[i] = x[i] + shift[i % shift.Length];
        }

        protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
        {
            var shift = pass.Gradient("shift");
            for (var i = 0; i < gradY.Length; i++)
                shift[i % shift.Length] += gradY[i];
            if (!gradX.IsEmpty)
                gradY.CopyTo(gradX);
        }
    }
}
