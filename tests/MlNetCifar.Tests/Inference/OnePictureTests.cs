using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Explain;
using MlNetCifar.Imaging;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Imaging;
using MlNetCifar.Tests.Nn;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>What a model says about a picture has the same bits wherever the picture comes from and whatever comes with it.</summary>
[TestClass]
public sealed class OnePictureTests
{
    static readonly string[] s_classes = ["a", "b", "c"];
    static readonly string[] s_jpegs = ["jpeg-420.jpg", "jpeg-444.jpg", "jpeg-progressive.jpg", "jpeg-grey.jpg", "jpeg-q5.jpg", "jpeg-cifar.jpg", "jpeg-17x16.jpg"];

    [TestMethod]
    public void Predict_FromFileBytesStreamImageDatasetAndShards_HasTheSameBits() =>
        Prop.ForAll(Cases().ToArbitrary(), Check).Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    [TestMethod]
    public void ScaledDecodingAndOrientation_AreThoseOfTheSpecification()
    {
        // A turned photograph at least twice as large as needed: the cases in which one path once differed from the other.
        var file = Turned("jpeg-420.jpg", 6);
        var network = Wide(1, 8, 6, 3);
        foreach (var spec in new[] { Spec(8, 6) with { ScaledDecoding = true }, Spec(8, 6) with { ApplyOrientation = false }, Spec(8, 6) with { ScaledDecoding = true, ApplyOrientation = false } })
        {
            using var model = Model(network, spec, 5);
            using var data = ImageDataset.Create([.. s_classes.Select(name => LabelledImage.FromBytes($"{name}/1", name, file))], new() { Spec = spec });
            var expected = model.Score(data.Train)[..3];
            using var plain = Model(network, Spec(8, 6), 5);
            CollectionAssert.AreNotEqual(expected, ByClass(plain.Classify(file, 3)), "the case shows nothing");
            CollectionAssert.AreEqual(expected, ByClass(model.Classify(file, 3)));
        }
    }

    [TestMethod]
    [DataRow("seed-cnn", 32)]
    [DataRow("cats-dogs-cnn", 16)]
    [DataRow("elephas-mlp", 16)]
    [DataRow("advanced-cnn", 32)]
    [DataRow("resnet9", 32)]
    [DataRow("airbench94", 32)]
    [DataRow("airbench96", 32)]
    public void Score_OfAPreset_HasTheSameBitsAloneAndInABatch(string preset, int size)
    {
        using var model = Model(Architectures.Create(preset, size, size, 3, 3), Spec(size, size), 2);
        var images = TestImages.Random(300, size, size, classes: 3);
        var few = images.Subset([.. Enumerable.Range(0, 9)]);
        foreach (var views in new[] { TestTimeViews.None, TestTimeViews.FlipShift })
        {
            var source = views == TestTimeViews.None && size < 32 ? images : few;
            var together = model.Score(source, threads: 2, views);
            foreach (var i in new[] { 0, 4, source.Count - 1 })
                CollectionAssert.AreEqual(together[(3 * i)..((3 * i) + 3)], model.Score(source.Subset([i]), threads: 1, views), $"{views}, picture {i}");
        }
    }

    [TestMethod]
    public void Forward_OfARandomNetwork_HasTheSameBitsInAnyBatchAtAnyWidth()
    {
        var cases = from seed in Gen.Choose(0, 100_000) from wide in Gen.Elements(true, false) from batch in Gen.Choose(2, 40) from threads in Gen.Choose(1, 3) select (seed, wide, batch, threads);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var random = new Random(c.seed);
            var spec = c.wide ? Wide(c.seed, random.Next(3, 17), random.Next(3, 17), 3) : RandomNetworks.Create(c.seed);
            using var weights = Weights(spec, c.seed);
            using WorkerPool one = new(1), pool = new(c.threads);
            var inputs = new float[spec.InputShape(c.batch).Length];
            foreach (ref var value in inputs.AsSpan())
                value = random.NextSingle() - 0.5f;
            foreach (var width in SimdLevel.Available)
            {
                using Network alone = new(weights, 1, false, one, width), together = new(weights, c.batch, false, pool, width);
                foreach (var count in new[] { c.batch, c.batch / 2 })
                {
                    inputs.AsSpan(0, inputs.Length / c.batch * count).CopyTo(together.Input(count));
                    together.Forward(count);
                    var i = random.Next(count);
                    inputs.AsSpan(inputs.Length / c.batch * i, inputs.Length / c.batch).CopyTo(alone.Input(1));
                    alone.Forward(1);
                    CollectionAssert.AreEqual(alone.Logits(1).ToArray(), together.Logits(count).Slice(3 * i, 3).ToArray(), $"{width}, picture {i} of {count}");
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(80));
    }

    static void Check(Case c)
    {
        using var folder = new TestFolder();
        for (var i = 0; i < c.Files.Length; i++)
            folder.Add($"in/{s_classes[i % 3]}/{i}.picture{(c.IsPng[i] ? ".png" : ".jpg")}", c.Files[i]);
        using var data = ImageDataset.Open(folder["in"], new() { Spec = c.Spec, Threads = 2 });
        ShardWriter.Write(folder["in"], folder["out"], new() { Spec = c.Spec, Parts = 2, Threads = 1 });
        using var shards = ImageDataset.Open(folder["out"]);
        using var plain = Model(c.Network, c.Spec, c.Seed);
        using var model = c.Views is { } views ? plain.Calibrate(Noise(c.Spec, 40, c.Seed), views: views) : null;
        var expected = Answers(model ?? plain, data.Train);
        CollectionAssert.AreEqual(Answers(model ?? plain, shards.Train).Order(StringComparer.Ordinal).ToArray(), expected.Order(StringComparer.Ordinal).ToArray(), "shards");
        for (var i = 0; i < data.Train.Count; i++)
        {
            var path = data.Train.Name(i).StartsWith(folder.Root, StringComparison.Ordinal) ? data.Train.Name(i) : folder[$"in/{data.Train.Name(i)}"];
            var file = File.ReadAllBytes(path);
            Assert.AreEqual(expected[i], Text((model ?? plain).Classify(path, 3)), "file");
            Assert.AreEqual(expected[i], Text((model ?? plain).Classify(file, 3)), "bytes");
            Assert.AreEqual(expected[i], Text((model ?? plain).Classify(new MemoryStream(file), 3)), "stream");
            Assert.AreEqual(expected[i], Text((model ?? plain).ClassifyAsync(new MemoryStream(file), 3).Result), "stream, not blocking");
            Assert.AreEqual(expected[i], Text((model ?? plain).Classify(RgbImage.Decode(file, c.Spec.ForDecoding()), 3)), "image");
            Assert.AreEqual(expected[i], Text((model ?? plain).Classify([RgbImage.Load(path, c.Spec.ForDecoding())], 3)[0]), "images");
        }

        if (GradCam.Layers(plain).Count == 0)
            return;
        using var explainer = new GradCam(plain, batchSize: 1 + (c.Seed % 3), threads: 1);
        var map = explainer.Explain(folder[$"in/a/0.picture{(c.IsPng[0] ? ".png" : ".jpg")}"]);
        var best = plain.Classify(c.Files[0], 1).Predictions[0];
        Assert.AreEqual((best.Index, best.Probability), (map.Class, map.Probability), "explanation");
    }

    // What the batch says, in the words of one answer.
    static string[] Answers(ImageClassifier model, ImageSource source)
    {
        if (model.Calibration is not { } calibration)
        {
            var scores = model.Score(source, threads: 2);
            return [.. Enumerable.Range(0, source.Count).Select(i => Numbers(scores.AsSpan(3 * i, 3)))];
        }

        var outputs = model.Outputs(source, threads: 2, MlNetCifar.Views.Averaging(calibration.Views));
        int features = model.FeatureCount, texture = outputs.Texture.Length / source.Count;
        return [.. Enumerable.Range(0, source.Count).Select(i =>
        {
            var answer = calibration.Predict(outputs.Logits.AsSpan(3 * i, 3), outputs.Features.AsSpan(features * i, features), outputs.Texture.AsSpan(texture * i, texture));
            return $"{Numbers([.. answer.Labels.OrderBy(l => l.Label).Select(l => l.Probability)])} {answer.IsUnknown} {string.Join(",", answer.Set.Order())}";
        })];
    }

    static string Text(Classification answer) =>
        answer.LabelSet is { } set ? $"{Numbers(ByClass(answer))} {answer.IsUnknown} {string.Join(",", set.Select(p => p.Index).Order())}" : Numbers(ByClass(answer));

    static float[] ByClass(Classification answer) => [.. answer.Predictions.OrderBy(p => p.Index).Select(p => p.Probability)];

    static string Numbers(ReadOnlySpan<float> values) => string.Join(" ", values.ToArray().Select(v => BitConverter.SingleToInt32Bits(v).ToString("x8")));

    static Gen<Case> Cases() =>
        from network in Gen.Elements(0, 1, 2)
        from size in Gen.Choose(3, 14).Two()
        from channels in Gen.Elements(1, 3)
        from mode in Gen.Elements(Enum.GetValues<ResizeMode>())
        from filter in Gen.Elements(Enum.GetValues<ResizeFilter>())
        from extra in Gen.Elements(0, 0, 3, 11)
        from median in Gen.Elements(0, 0, 3, 7)
        from blur in Gen.Elements(0, 0, 0.4, 1.3)
        from flags in Gen.Choose(0, 15)
        from seed in Gen.Choose(0, 100_000)
        from views in Gen.Elements<TestTimeViews?>(null, TestTimeViews.None, TestTimeViews.Flip, TestTimeViews.FlipShift)
        let spec = Spec(size.Item1, size.Item2) with
        {
            Channels = channels,
            Resize = mode,
            Filter = filter,
            Median = median,
            Blur = blur,
            ApplyOrientation = (flags & 1) == 0,
            ScaledDecoding = (flags & 2) != 0,
            ScaledDecodingVersion = (flags & 4) == 0 ? 2 : 1,
            PadColor = seed,
            ShorterSide = extra == 0 ? 0 : Math.Max(size.Item1, size.Item2) + extra,
        }
        select Create(network, spec, seed, views);

    static Case Create(int kind, PreprocessSpec spec, int seed, TestTimeViews? views)
    {
        var random = new Random(seed);
        var network = RandomNetworks.Create(seed);
        if (kind == 0)
            spec = spec with { Width = network.Width, Height = network.Height, Channels = network.Channels, ShorterSide = spec.ShorterSide == 0 ? 0 : spec.ShorterSide + 9 };
        else
            network = Wide(seed, spec.Width, spec.Height, spec.Channels);
        var isPng = Enumerable.Range(0, 6).Select(_ => random.Next(3) == 0).ToArray();
        var files = isPng.Select(png => png ? TestImages.Png(random.Next(1000), random.Next(1, 60), random.Next(1, 60)) : Turned(s_jpegs[random.Next(s_jpegs.Length)], random.Next(1, 9))).ToArray();
        return new Case(spec, network, files, isPng, seed, views);
    }

    static PreprocessSpec Spec(int width, int height) => new() { Width = width, Height = height };

    // Channels in whole vectors and not, so that every algorithm takes part; residual blocks and normalisations that are folded.
    static NetworkSpec Wide(int seed, int width, int height, int channels)
    {
        var random = new Random(seed);
        int[] sizes = [5, 8, 16, 24, 33];
        List<LayerSpec> layers = [];
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var k = sizes[random.Next(sizes.Length)];
            layers.AddRange([new Conv2d(k, 3) { Bias = random.Next(2) == 0 }, new BatchNorm(), new Activation(ActivationKind.Relu)]);
            if (random.Next(2) == 0)
                layers.Add(new Residual([new Conv2d(k, 3), new BatchNorm(), new Activation(ActivationKind.Silu), new Conv2d(k, random.Next(2) == 0 ? 1 : 3)], random.Next(2) == 0 ? [] : [new Conv2d(k, 1), new BatchNorm()]));
        }

        if (random.Next(2) == 0)
            layers.AddRange([new Conv2d(16, 3), new Pool2d(PoolKind.Max, 2) { Pad = 1 }]);
        layers.AddRange([random.Next(2) == 0 ? new GlobalPool(PoolKind.Average) : new Flatten(), new Linear(17), new Activation(ActivationKind.Gelu), new Linear(3)]);
        return new NetworkSpec { Name = "wide", Width = width, Height = height, Channels = channels, Classes = 3, Layers = [.. layers] };
    }

    static ImageClassifier Model(NetworkSpec network, PreprocessSpec spec, int seed) => new(
        Weights(network, seed), s_classes, spec, spec.Channels == 3 ? new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f]) : new Normalization([0.45f], [0.27f]));

    static NetworkWeights Weights(NetworkSpec network, int seed)
    {
        var weights = NetworkWeights.Initialize(network, (ulong)seed);
        var random = new Random(seed);
        foreach (var tensor in weights.Tensors.Where(t => t.Spec.Dimensions.Length == 1))
            foreach (ref var value in tensor.Values)
                value = tensor.Name.EndsWith("running_var", StringComparison.Ordinal) ? 0.5f + random.NextSingle() : value + (0.3f * (random.NextSingle() - 0.5f));
        weights.Changed();
        return weights;
    }

    static ImageSet Noise(PreprocessSpec spec, int count, int seed)
    {
        var pixels = new byte[count * spec.Length];
        new Random(seed).NextBytes(pixels);
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 3)], spec.Width, spec.Height, spec.Channels, s_classes);
    }

    // A photograph that says how it was held.
    static byte[] Turned(string name, int orientation)
    {
        var plain = GoldenPictures.Read(name);
        byte[] exif = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0];
        return [0xFF, 0xD8, 0xFF, 0xE1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif, .. plain.AsSpan(2)];
    }

    sealed record Case(PreprocessSpec Spec, NetworkSpec Network, byte[][] Files, bool[] IsPng, int Seed, TestTimeViews? Views)
    {
        public override string ToString() => $"{Spec.ToJson()}, network {Network.Name}, seed {Seed}, {Views}";
    }
}
