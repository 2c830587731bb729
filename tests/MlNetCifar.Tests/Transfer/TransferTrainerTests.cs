using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tests.Transfer;

/// <summary>Heads on frozen backbones: one ordinary network, learnt from cached features.</summary>
[TestClass]
public sealed class TransferTrainerTests
{
    [TestMethod]
    public void Fit_GivesOneNetworkThatClassifies()
    {
        using var backbone = SmallBackbone.Create();
        using var result = new TransferTrainer(backbone).Fit(SmallBackbone.Images(20));
        using var model = result.ToClassifier();
        var test = SmallBackbone.Images(30, seed: 9);
        Assert.IsGreaterThan(0.95, model.Evaluate(test).MicroAccuracy);
        Assert.AreEqual(backbone.Network.WithHead(3), model.Network);
        CollectionAssert.AreEqual((string[])["class0", "class1", "class2"], model.Classes.ToArray());
        foreach (var tensor in backbone.Weights.Tensors)
            CollectionAssert.AreEqual(tensor.Values.ToArray(), model.Weights.Find(tensor.Name)!.Values.ToArray(), tensor.Name);
    }

    [TestMethod]
    public void Fit_TheModelIsSavedLoadedAndCalibratedLikeAnyOther()
    {
        using var folder = new TestFolder();
        using var backbone = SmallBackbone.Create();
        using var result = new TransferTrainer(backbone).Fit(SmallBackbone.Images(10));
        using var model = result.ToClassifier();
        using var calibrated = model.Calibrate(SmallBackbone.Images(40, seed: 3));
        calibrated.Save(folder["m.safetensors"]);
        using var loaded = ImageClassifier.Load(folder["m.safetensors"]);
        var test = SmallBackbone.Images(5, seed: 4);
        CollectionAssert.AreEqual(model.Score(test), loaded.Score(test));
        Assert.AreEqual(result.WeightsSha256, loaded.WeightsSha256);
        StringAssert.Contains(loaded.TrainingSettings, backbone.WeightsSha256);
        using var again = FeatureExtractor.Load(folder["m.safetensors"]);
        CollectionAssert.AreEqual(backbone.Features(test), again.Features(test));
    }

    [TestMethod]
    public void Score_FromKnownFeatures_HasTheNetworksBits()
    {
        using var folder = new TestFolder();
        using var backbone = SmallBackbone.Create();
        foreach (var cache in new[] { null, folder.Root })
        {
            var trainer = new TransferTrainer(backbone, new() { CacheFolder = cache });
            using var result = trainer.Fit(SmallBackbone.Images(10));
            using var plain = result.ToClassifier();
            using var knowing = result.ToClassifier(trainer);
            foreach (var count in new[] { 1, 2, 7, 300 })
            {
                var images = SmallBackbone.Images(100, seed: 6).Subset([.. Enumerable.Range(0, count)]);
                CollectionAssert.AreEqual(plain.Score(images), knowing.Score(images));
                CollectionAssert.AreEqual(plain.Features(images), knowing.Features(images));
                CollectionAssert.AreEqual(plain.Score(images, views: TestTimeViews.Flip), knowing.Score(images, views: TestTimeViews.Flip));
            }
        }
    }

    [TestMethod]
    public void Score_OfPicturesThatWereTrainedOn_TakesTheirFeatures()
    {
        using var backbone = SmallBackbone.Create();
        ImageSource train = SmallBackbone.Images(10), validation = SmallBackbone.Images(5, seed: 6), other = SmallBackbone.Images(5, seed: 7);
        var trainer = new TransferTrainer(backbone);
        using var result = trainer.Fit(train, validation);
        using var model = result.ToClassifier(trainer);
        backbone.Weights.Find("conv1.bias")!.Values[0] = float.NaN;
        backbone.Weights.Changed();
        foreach (var known in new[] { train, validation })
            Assert.IsTrue(model.Score(known).All(float.IsFinite));
        Assert.AreEqual("MNC3103", Code(() => model.Score(other)));
    }

    [TestMethod]
    public void Features_DoNotDependOnTheBatch()
    {
        using var backbone = SmallBackbone.Create();
        var images = SmallBackbone.Images(60);
        var alone = Enumerable.Range(0, images.Count).SelectMany(i => backbone.Features(images.Subset([i]))).ToArray();
        foreach (var count in new[] { 1, 2, 3, 127, 128, 129, images.Count })
            CollectionAssert.AreEqual(alone[..(count * backbone.Count)], backbone.Features(images.Subset([.. Enumerable.Range(0, count)]), new TransferOptions()), $"{count} pictures");
    }

    [TestMethod]
    public void Features_AreTheClassifiersOwn_OnAnyThreads()
    {
        using var model = SmallBackbone.Classifier();
        using var backbone = FeatureExtractor.Of(model);
        var images = SmallBackbone.Images(20);
        var expected = model.Features(images);
        foreach (var threads in new[] { 1, 2, 5 })
            CollectionAssert.AreEqual(expected, backbone.Features(images, new TransferOptions { Threads = threads }), $"{threads} threads");
    }

    [TestMethod]
    public void Features_Flipped_AreThoseOfMirroredPictures()
    {
        using var backbone = SmallBackbone.Create();
        var images = SmallBackbone.Images(4);
        var mirrored = new byte[images.Pixels.Length];
        for (var i = 0; i < mirrored.Length; i++)
        {
            var (pixel, c) = Math.DivRem(i, 3);
            var (row, x) = Math.DivRem(pixel, SmallBackbone.Side);
            mirrored[i] = images.Pixels.Span[(((row * SmallBackbone.Side) + SmallBackbone.Side - 1 - x) * 3) + c];
        }

        var flipped = new ImageSet(mirrored, images.Labels.ToArray(), images.Width, images.Height, 3, images.Classes);
        CollectionAssert.AreEqual(backbone.Features(flipped), backbone.Features(images, new TransferOptions(), flipped: true));
        CollectionAssert.AreNotEqual(backbone.Features(images), backbone.Features(images, new TransferOptions(), flipped: true));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(130)]
    [DataRow(399)]
    [DataRow(500)]
    [DataRow(779)]
    public void Fit_CancelledAnywhere_GoesOnBitIdentically(int after)
    {
        using var folder = new TestFolder();
        using var backbone = SmallBackbone.Create();
        var images = SmallBackbone.Images(130);
        using var whole = new TransferTrainer(backbone).Fit(images);
        var trainer = new TransferTrainer(backbone, new() { CacheFolder = folder.Root });
        using var stop = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(images, null, Each(p =>
        {
            if (p.Done >= after)
                stop.Cancel();
        }), stop.Token));
        var kept = Directory.EnumerateFiles(folder.Root, "*.features", SearchOption.AllDirectories).Count();
        var reports = 0;
        using var resumed = trainer.Fit(images, null, Each(_ => Interlocked.Increment(ref reports)));
        Assert.AreEqual(whole.WeightsSha256, resumed.WeightsSha256);

        // What was kept is told at once for all plain and all mirrored pictures, the rest part by part.
        var parts = 2 * ((images.Count + 127) / 128);
        Assert.AreEqual((parts + 1) * after / (2 * images.Count), kept, 1);
        Assert.IsLessThanOrEqualTo(parts - kept + 2, reports);
        var again = 0;
        using var third = trainer.Fit(images, null, Each(_ => Interlocked.Increment(ref again)));
        Assert.AreEqual(2, again);
        Assert.AreEqual(whole.WeightsSha256, third.WeightsSha256);
    }

    [TestMethod]
    public void Cache_DamagedPartsCountForNothing()
    {
        using var folder = new TestFolder();
        using var backbone = SmallBackbone.Create();
        var images = SmallBackbone.Images(100);
        var options = new TransferOptions { CacheFolder = folder.Root };
        var expected = backbone.Features(images, options);
        var parts = Directory.EnumerateFiles(folder.Root, "*.features", SearchOption.AllDirectories).ToArray();
        Assert.HasCount(3, parts);
        var bytes = File.ReadAllBytes(parts[0]);
        bytes[^3] ^= 1;
        File.WriteAllBytes(parts[0], bytes);
        File.WriteAllBytes(parts[1], File.ReadAllBytes(parts[1])[..^5]);
        File.WriteAllBytes(parts[2], []);
        CollectionAssert.AreEqual(expected, backbone.Features(images, options));
    }

    [TestMethod]
    public void Cache_IsOfOneBackboneAndOneContent()
    {
        using var folder = new TestFolder();
        var options = new TransferOptions { CacheFolder = folder.Root };
        var images = SmallBackbone.Images(10);
        foreach (var seed in new[] { 1UL, 2UL })
        {
            using var backbone = SmallBackbone.Create(seed);
            CollectionAssert.AreEqual(backbone.Features(images), backbone.Features(images, options));
            CollectionAssert.AreEqual(backbone.Features(SmallBackbone.Images(10, seed: 5)), backbone.Features(SmallBackbone.Images(10, seed: 5), options));
        }

        // Whatever the order and the split.
        using var first = SmallBackbone.Create();
        var done = 0;
        var subset = images.Subset([20, 3, 11]);
        CollectionAssert.AreEqual(first.Features(subset), first.Features(subset, options, progress: _ => Interlocked.Increment(ref done)));
        Assert.AreEqual(1, done);
    }

    [TestMethod]
    public void Cache_EqualPictures_AndPartsOfOthers()
    {
        using var folder = new TestFolder();
        var options = new TransferOptions { CacheFolder = folder.Root };
        using var backbone = SmallBackbone.Create();
        backbone.Features(SmallBackbone.Images(10, seed: 5), options);
        var images = SmallBackbone.Images(4);
        backbone.Features(images.Subset([1, 7]), options);
        int[] twice = [7, 1, 3, 7, 7, 3];
        var done = new List<int>();
        CollectionAssert.AreEqual(backbone.Features(images.Subset(twice)), backbone.Features(images.Subset(twice), options, progress: done.Add));

        // Known are 7 and 1, wherever they stand.
        Assert.AreEqual(4, done[0]);
    }

    [TestMethod]
    public void Cache_OverItsLimit_LosesWhatWasNotUsedForLongest()
    {
        using var folder = new TestFolder();
        var options = new TransferOptions { CacheFolder = folder.Root };
        using var backbone = SmallBackbone.Create();
        var now = DateTime.UtcNow;
        foreach (var seed in new[] { 1, 2, 3 })
        {
            backbone.Features(SmallBackbone.Images(2, seed: seed), options);
            foreach (var part in Parts().Where(p => File.GetLastWriteTimeUtc(p) > now.AddHours(-1)))
                File.SetLastWriteTimeUtc(part, now.AddDays(-seed));
        }

        // A reading is a use.
        backbone.Features(SmallBackbone.Images(2, seed: 3), options);
        var size = new FileInfo(Parts()[0]).Length;
        Assert.AreEqual((0, 0L), FeatureStore.Prune(folder.Root, 3 * size, DateTime.UtcNow));
        Assert.AreEqual((1, size), FeatureStore.Prune(folder.Root, 2 * size, DateTime.UtcNow));
        Assert.IsTrue(IsKnown(1) && !IsKnown(2) && IsKnown(3));

        // What is in use stays, whatever the limit.
        Assert.AreEqual((0, 0L), FeatureStore.Prune(folder.Root, 1, now.AddDays(-2)));
        Assert.AreEqual(Parts().Length, FeatureStore.Prune(folder.Root, 1, DateTime.UtcNow.AddHours(1)).Parts);
        Assert.AreEqual((0, 0L), FeatureStore.Prune(folder["none"], 1, DateTime.UtcNow));

        string[] Parts() => Directory.GetFiles(folder.Root, "*.features", SearchOption.AllDirectories);

        bool IsKnown(int seed)
        {
            var before = Parts().Length;
            backbone.Features(SmallBackbone.Images(2, seed: seed), options);
            return Parts().Length == before;
        }
    }

    [TestMethod]
    public void Cache_UnwritableFolder_IsNamed()
    {
        using var folder = new TestFolder().Text("file", "x");
        using var backbone = SmallBackbone.Create();
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => backbone.Features(SmallBackbone.Images(2), new TransferOptions { CacheFolder = folder["file"] }));
        Assert.AreEqual("MNC3102", error.Code);
    }

    [TestMethod]
    public void Fit_FewAndUnequalClasses()
    {
        using var backbone = SmallBackbone.Create();
        var images = SmallBackbone.Images(60, classes: 2, noise: 90);

        // 60 of one class, 6 of the other.
        var unequal = images.Subset([.. Enumerable.Range(0, images.Count).Where(i => images.Label(i) == 0 || i < 12)]);
        using var result = new TransferTrainer(backbone, new() { ClassWeights = ClassWeighting.Balanced }).Fit(unequal);
        using var model = result.ToClassifier();
        Assert.IsGreaterThan(0.9, model.Evaluate(SmallBackbone.Images(50, classes: 2, seed: 8, noise: 90)).BalancedAccuracy);

        // One of each: nothing to hold out.
        using var least = new TransferTrainer(backbone).Fit(images.Subset([0, 1]));
        Assert.AreEqual("nothing", least.HeldOut);
        using var few = least.ToClassifier();
        Assert.IsGreaterThan(0.8, few.Evaluate(SmallBackbone.Images(50, classes: 2, seed: 8)).MicroAccuracy);
    }

    [TestMethod]
    public void Fit_ValidationChooses_AndThreadsDoNotMatter()
    {
        using var backbone = SmallBackbone.Create();
        var (train, validation) = (SmallBackbone.Images(30, noise: 100), SmallBackbone.Images(80, seed: 2, noise: 100));
        var hashes = new[] { 1, 2, 4 }.Select(threads =>
        {
            using var result = new TransferTrainer(backbone, new() { Threads = threads }).Fit(train, validation);
            StringAssert.Contains(result.HeldOut, "240 validation images");
            return result.WeightsSha256;
        }).Distinct();
        Assert.HasCount(1, hashes.ToArray());
    }

    [TestMethod]
    public void Fit_WrongPictures_AreNamed()
    {
        using var backbone = SmallBackbone.Create();
        Assert.AreEqual("MNC3101", Code(() => new TransferTrainer(backbone).Fit(TestImages.Random(10)).Dispose()));
        Assert.AreEqual("MNC3004", Code(() => new TransferTrainer(backbone).Fit(SmallBackbone.Images(4).Subset([0, 3, 6])).Dispose()));
        Assert.AreEqual("MNC3001", Code(() => new TransferTrainer(backbone, new() { Penalty = 0 }).Fit(SmallBackbone.Images(4)).Dispose()));
    }

    [TestMethod]
    public void Features_ThatAreNotFinite_AreNamed()
    {
        using var backbone = SmallBackbone.Create();
        backbone.Weights.Find("conv1.bias")!.Values[0] = float.NaN;
        Assert.AreEqual("MNC3103", Code(() => backbone.Features(SmallBackbone.Images(2), new TransferOptions())));
    }

    static string Code(Action action) => Assert.ThrowsExactly<MlNetCifarException>(action).Code;

    static IProgress<LoadProgress> Each(Action<LoadProgress> tell) => new Progress(tell);

    sealed class Progress(Action<LoadProgress> tell) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => tell(value);
    }
}
