using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;

namespace MlNetCifar.Tests.Training;

/// <summary>What the learning-rate finder's advice is worth: on six data sets and five seeds it is followed, and so are rates ten times as low and as high.</summary>
[TestClass]
public sealed class FindLearningRateAdviceTests
{
    const int Side = 16;

    static readonly string[][] s_sets =
    [
        ["cat", "dog"], ["cat", "ship"], ["cat", "dog", "ship"], ["airplane", "automobile", "ship", "truck"], ["bird", "cat", "deer", "frog", "horse"],
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    ];

    /// <summary>Mean loss on images of neither: training at the rate suggested must leave less than at a tenth, at ten times of it, and at the default.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(OptimizerKind.Adam)]
    [DataRow(OptimizerKind.Sgd)]
    public void Suggestion_BeatsATenthAndTenTimes(OptimizerKind optimizer)
    {
        using var data = ImageDataset.Open(KnownTests.SamplePath(), new() { Spec = new() { Width = Side, Height = Side } });
        var (losses, given, better) = (new double[4], 0, 0);
        foreach (var classes in s_sets)
        {
            for (ulong seed = 1; seed <= 5; seed++)
            {
                var (train, test) = (Pick(data.Train, classes, 320, seed), Pick(data.Test!, classes, 400, seed));
                var options = new TrainingOptions { Epochs = 5, BatchSize = 16, Optimizer = optimizer, Seed = seed, Threads = 2 };
                if (Suggestion(classes.Length, options, train) is not { } rate)
                    continue;
                var found = new[] { rate, 0.1f * rate, 10 * rate, options.LearningRate }.Select(r => Loss(classes.Length, options with { LearningRate = r }, train, test)).ToArray();
                for (var i = 0; i < losses.Length; i++)
                    losses[i] += found[i];
                (given, better) = (given + 1, better + (found[0] <= found[1] && (found[0] <= found[2] || found[0] <= found[3]) ? 1 : 0));
            }
        }

        var what = FormattableString.Invariant(
            $"{given} of 30 recommended, {better} of them better; mean loss {losses[0] / given:0.000} there, {losses[1] / given:0.000} at a tenth, {losses[2] / given:0.000} at ten times, {losses[3] / given:0.000} at the default");
        Console.WriteLine(what);
        Assert.IsTrue(given >= 15 && better >= 0.8 * given && losses.Skip(1).All(other => losses[0] < other), what);
    }

    /// <summary>Null where nothing is recommended: on cats and dogs of 16×16 pixels the loss hardly falls.</summary>
    static float? Suggestion(int classes, TrainingOptions options, ImageSource train)
    {
        try
        {
            return (float)new Trainer(Network(classes), options).FindLearningRate(train).Suggestion;
        }
        catch (MlNetCifarException e) when (e.Code == "MNC3005")
        {
            return null;
        }
    }

    /// <summary>Where labels say nothing about pictures, and each picture is seen once, no rate makes the loss fall.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Noise_GivesNoAdvice(int seed)
    {
        var random = new Random(seed);
        var pixels = new byte[1600 * TinyData.Side * TinyData.Side * 3];
        random.NextBytes(pixels);
        var images = new ImageSet(pixels, [.. Enumerable.Range(0, 1600).Select(_ => random.Next(4))], TinyData.Side, TinyData.Side, 3, ["a", "b", "c", "d"]);
        var trainer = new Trainer(TinyData.Network(4), new() { BatchSize = 16, Optimizer = OptimizerKind.Sgd, Threads = 1 });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => trainer.FindLearningRate(images));
        Assert.AreEqual("MNC3005", error.Code);
    }

    static double Loss(int classes, TrainingOptions options, ImageSource train, ImageSource test)
    {
        try
        {
            using var result = new Trainer(Network(classes), options).Fit(train, test);
            return Math.Min(10, result.History[^1].ValidationLoss!.Value);
        }
        catch (MlNetCifarException e) when (e.Code == "MNC3002")
        {
            return 10;
        }
    }

    static NetworkSpec Network(int classes) => new()
    {
        Name = "small", Height = Side, Width = Side, Channels = 3, Classes = classes,
        Layers =
        [
            new Conv2d(16, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2), new Conv2d(32, 3), new BatchNorm(), new Activation(ActivationKind.Relu),
            new GlobalPool(PoolKind.Average), new Flatten(), new Linear(classes) { Initializer = Initializer.GlorotUniform },
        ],
    };

    static ImageSource Pick(ImageSource source, string[] classes, int count, ulong seed)
    {
        int[] labels = [.. classes.Select(name => source.Classes.ToList().IndexOf(name))];
        int[] chosen = [.. Enumerable.Range(0, source.Count).Where(i => labels.Contains(source.Label(i)))];
        var sample = source.Subset(chosen).Sample(count, seed);
        var pixels = new byte[sample.Count * sample.ImageLength];
        for (var i = 0; i < sample.Count; i++)
            sample.CopyPixels(i, pixels.AsSpan(i * sample.ImageLength, sample.ImageLength));
        return new ImageSet(pixels, [.. Enumerable.Range(0, sample.Count).Select(i => Array.IndexOf(labels, sample.Label(i)))], Side, Side, 3, classes);
    }
}
