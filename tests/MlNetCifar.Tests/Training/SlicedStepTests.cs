using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Training;

/// <summary>Steps of batches in slices, against steps of whole batches and of the slices alone.</summary>
[TestClass]
public sealed class SlicedStepTests
{
    const int Batch = 26;
    const int Slices = 4;

    static readonly ImageSet s_images = TestImages.Random(Batch, seed: 3);
    static readonly Normalization s_scaling = Normalization.Compute(s_images);
    static readonly TrainingOptions s_options = new() { BatchSize = Batch, Threads = 2, Seed = 5, LabelSmoothing = 0.1f };

    /// <summary>Without what takes statistics or draws numbers, slices are nothing but another order of the sum.</summary>
    [TestMethod]
    [DataRow(ClassWeighting.None, 1)]
    [DataRow(ClassWeighting.Balanced, 1)]
    [DataRow(ClassWeighting.None, 3)]
    public void Gradients_AreThoseOfTheWholeBatch(ClassWeighting weighting, int threads)
    {
        var options = s_options with { ClassWeights = weighting, Threads = threads };
        using var whole = new Run(options, TinyData.Network(4));
        using var sliced = new Run(options with { Slices = Slices }, TinyData.Network(4));
        var loss = whole.Session.ComputeGradients(whole.Batch, out var correct);
        Assert.AreEqual(loss, sliced.Session.ComputeGradients(sliced.Batch, out var correctInSlices), 1e-6);
        Assert.AreEqual(correct, correctInSlices);
        Span<float> expected = whole.Session.Network.Gradients!.All, actual = sliced.Session.Network.Gradients!.All;
        var largest = LaneCases.Doubles(expected).Max(Math.Abs);
        Assert.IsGreaterThan(0.0, largest);
        LaneCases.AssertClose(expected, actual, 1e-4 * largest);
    }

    /// <summary>The slow reference: each slice by itself as a batch of its own from the same state, and the means weighted in double precision.</summary>
    [TestMethod]
    [DataRow(ClassWeighting.None)]
    [DataRow(ClassWeighting.Balanced)]
    public void GradientsAndStatistics_AreTheMeansOfTheSlices(ClassWeighting weighting)
    {
        var network = TinyData.Network(4, new BatchNorm(), new Dropout(0.25f));
        var options = s_options with { ClassWeights = weighting, Slices = Slices };
        using var run = new Run(options, network);
        using var alone = new Run(options, network);
        var before = LaneCases.Doubles(alone.Session.Weights.Statistics);
        var gradients = new double[alone.Session.Network.Gradients!.All.Length];
        var statistics = new double[before.Length];
        double weights = 0, losses = 0;
        using var pool = new WorkerPool(1);
        using var pass = new GradientPass(alone.Session.Weights, options, new GroupPlan(options, alone.Session.Weights), s_images, pool);
        var classWeights = weighting == ClassWeighting.None ? [] : TrainingSession.Balanced(s_images.ClassCounts());
        for (var slice = 0; slice < Slices; slice++)
        {
            var rows = alone.Batch.Rows(slice);
            pass.Begin();
            var loss = pass.Compute(rows, slice, null, out _, default);
            var weight = Losses.TotalWeight(rows.Labels, classWeights, default);
            (weights, losses) = (weights + weight, losses + (weight * loss));
            for (var i = 0; i < gradients.Length; i++)
                gradients[i] += weight * pass.Network.Gradients!.All[i];
            for (var i = 0; i < statistics.Length; i++)
                statistics[i] += (double)rows.Count / Batch * alone.Session.Weights.Statistics[i];
            pass.Restore();
        }

        Assert.AreEqual(losses / weights, run.Session.ComputeGradients(run.Batch, out _), 1e-6);
        for (var i = 0; i < gradients.Length; i++)
            LaneCases.AssertClose(gradients[i] / weights, run.Session.Network.Gradients!.All[i], 1e-6, $"gradient {i}");
        for (var i = 0; i < statistics.Length; i++)
            LaneCases.AssertClose(statistics[i], run.Session.Weights.Statistics[i], 1e-6, $"statistic {i}");
        CollectionAssert.AreNotEqual(before, LaneCases.Doubles(run.Session.Weights.Statistics), "the running statistics stand still");
    }

    /// <summary>Each slice has a dropout of its own: with one mask for all, equal pictures would have equal gradients in every slice.</summary>
    [TestMethod]
    public void Slices_DropOutOtherUnits()
    {
        var options = s_options with { Slices = 2, BatchSize = 2 };
        var same = new ImageSet([.. Enumerable.Repeat(s_images.Pixels[..s_images.ImageLength].ToArray(), 2).SelectMany(p => p)], [1, 1], 8, 8, 3, s_images.Classes);
        using var run = new Run(options, TinyData.Network(4, new Dropout(0.5f)), same);
        using var pool = new WorkerPool(1);
        using var pass = new GradientPass(run.Session.Weights, options, new GroupPlan(options, run.Session.Weights), same, pool);
        using var tree = new SliceTree(pass.Network.Gradients!.All.Length, run.Session.Weights.Statistics.Length, pool);
        pass.Compute(run.Part(new SlicePart(0, 1, 2)), 0, tree, TreeSums.Own, default);
        var first = tree.Root().Gradients.ToArray();
        tree.Clear();
        pass.Compute(run.Part(new SlicePart(1, 2, 2)), 0, tree, TreeSums.Own, default);
        CollectionAssert.AreNotEqual(first, tree.Root().Gradients.ToArray());
    }

    [TestMethod]
    [DoNotParallelize]
    public void Step_AllocatesNothing()
    {
        using var run = new Run(s_options with { Slices = Slices, EmaDecay = 0.9f, ClassWeights = ClassWeighting.Balanced }, TinyData.Network(4, new BatchNorm(), new Dropout(0.5f)));
        for (var i = 0; i < 3; i++)
            run.Session.Step(run.Batch, 0, out _);
        Assert.AreEqual(0, Allocation.Least(run.Session.Pool, () => run.Session.Step(run.Batch, 0, out _)));
    }

    [TestMethod]
    public void Cancelled_NothingHasChanged()
    {
        using var run = new Run(s_options with { Slices = Slices }, TinyData.Network(4, new BatchNorm()));
        run.Session.Step(run.Batch, 0, out _);
        var before = run.Session.Weights.Sha256();
        Assert.ThrowsExactly<OperationCanceledException>(() => run.Session.Step(run.Batch, 0, out _, cancellation: new(true)));
        Assert.AreEqual(before, run.Session.Weights.Sha256());
        run.Session.Step(run.Batch, 0, out _);
        Assert.AreNotEqual(before, run.Session.Weights.Sha256());
    }

    [TestMethod]
    public void Fit_InSlices_DoesNotDependOnThreads_AndGoesOn()
    {
        var options = SmallRun.Adam with { Slices = 5 };
        using var whole = SmallRun.Fit(SmallRun.Trainer(options));
        using var other = SmallRun.Fit(SmallRun.Trainer(options with { Threads = 3 }));
        SmallRun.AssertSame(whole, other);
        using var folder = new TestFolder();
        using (SmallRun.Fit(SmallRun.Trainer(options, folder["c"], observers: new AfterStep(run =>
        {
            if (run.Step == 8)
                run.RequestStop();
        }))))
        {
        }

        using var resumed = SmallRun.Fit(SmallRun.Trainer(options, folder["c"], resume: true));
        SmallRun.AssertSame(whole, resumed);
        using var uncut = SmallRun.Fit(SmallRun.Trainer(options with { Slices = 1 }));
        Assert.AreNotEqual(uncut.LastWeightsSha256, whole.LastWeightsSha256);
    }

    [TestMethod]
    public void Resume_WithOtherSlices_IsRefused()
    {
        using var folder = new TestFolder();
        using (SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Slices = 2, Epochs = 1 }, folder["c"])))
        {
        }

        var error = Assert.ThrowsExactly<MlNetCifarException>(() => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Slices = 4, Epochs = 2 }, folder["c"], resume: true)));
        Assert.AreEqual("MNC3011", error.Code);
        StringAssert.Contains(error.Message, "slices was 2 and is 4 now");
    }

    [TestMethod]
    public void Options_WithMoreSlicesThanPictures_AreRefused()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new TrainingOptions { BatchSize = 4, Slices = 5 }.Validate());
        StringAssert.Contains(error.Message, "Slices is 5, expected at most BatchSize, 4");
    }

    [TestMethod]
    public void OnePictureASlice_IsTooFewForNormalisation()
    {
        var network = TinyData.Network(4, new GlobalPool(PoolKind.Average), new BatchNorm());
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Run(s_options with { BatchSize = 8, Slices = 8 }, network));
        Assert.AreEqual("MNC3007", error.Code);
    }

    [TestMethod]
    public void NotFinite_NamesTheLayerInSlices()
    {
        var trainer = new Trainer(TinyData.Network(4), new() { BatchSize = 16, Slices = 4, Epochs = 30, Optimizer = OptimizerKind.Sgd, LearningRate = 1e30f, Threads = 1 });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => trainer.Fit(s_images));
        Assert.AreEqual("MNC3002", error.Code);
        Assert.DoesNotContain("a worker", error.Message);
    }

    /// <summary>Every part of a batch holds what the whole has at its place, mixtures with neighbours in the slice included.</summary>
    [TestMethod]
    public void Loader_MakesPartsOfTheWhole()
    {
        var options = new BatchLoaderOptions
        {
            BatchSize = 10, Slices = 4, Shuffle = true, Seed = 7, Augmentation = Augmentation.Standard(8) with { Mixup = 0.4f, CutMix = 1, Erasing = 0.5f },
        };
        var images = TestImages.Random(33, seed: 9);
        using var whole = new BatchLoader(images, s_scaling, options);
        using var part = new BatchLoader(images, s_scaling, options with { Threads = 2 });
        foreach (var members in new[] { 1, 2, 3, 5 })
        {
            var seen = new List<int>();
            for (var member = 0; member < members; member++)
            {
                whole.Start(3);
                part.Start(3, 0, new SlicePart(member, member + 1, members));
                while (whole.Next() is { } expected)
                {
                    var actual = part.Next()!;
                    Assert.AreEqual((expected.Whole, expected.Slices), (actual.Whole, actual.Slices));
                    seen.AddRange(actual.Indices);
                    for (var slice = actual.FirstSlice; slice < actual.EndSlice; slice++)
                        AssertSame(expected.Rows(slice), actual.Rows(slice));
                }
            }

            CollectionAssert.AreEquivalent(Enumerable.Range(0, 33).ToArray(), seen);
        }
    }

    static void AssertSame(BatchRows expected, BatchRows actual)
    {
        CollectionAssert.AreEqual(expected.Pixels.ToArray(), actual.Pixels.ToArray());
        CollectionAssert.AreEqual(expected.Labels.ToArray(), actual.Labels.ToArray());
        for (var i = 0; i < expected.Count; i++)
            Assert.AreEqual(expected.Mix.Parts(i, 0, []), actual.Mix.Parts(i, 0, []));
    }

    /// <summary>A session and one batch.</summary>
    sealed class Run : IDisposable
    {
        readonly BatchLoader _loader;
        readonly BatchLoader _parts;

        public Run(TrainingOptions options, NetworkSpec network, ImageSet? images = null)
        {
            images ??= s_images;
            Session = new TrainingSession(network, options, images, s_scaling);
            var loading = new BatchLoaderOptions { BatchSize = options.BatchSize, Slices = options.Slices };
            (_loader, _parts) = (new(images, s_scaling, loading), new(images, s_scaling, loading));
            _loader.Start(0);
            Batch = _loader.Next()!;
        }

        public TrainingSession Session { get; }

        public Batch Batch { get; }

        public Batch Part(SlicePart part)
        {
            _parts.Start(0, 0, part);
            return _parts.Next()!;
        }

        public void Dispose()
        {
            _loader.Dispose();
            _parts.Dispose();
            Session.Dispose();
        }
    }
}
