using MlNetCifar.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>A small model trained and calibrated on the sample's photographs, shown what is no photograph.</summary>
[TestClass]
public sealed class ForeignPictureTests
{
    static ImageDataset s_data = null!;
    static ImageClassifier s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"));
        var (train, validation) = s_data.Train.Sample(3000, 1).Split(0.7, 1);
        var result = new Trainer(Architectures.Create("seed-cnn", 32, 32, 3, 10), new TrainingOptions { Epochs = 2, BatchSize = 64 }).Fit(train, validation);
        using var trained = result.ToClassifier(s_data.Spec!);
        s_model = trained.Calibrate(validation);
    }

    [ClassCleanup]
    public static void Clean()
    {
        s_model.Dispose();
        s_data.Dispose();
    }

    [TestMethod]
    [DataRow("noise")]
    [DataRow("grey noise")]
    [DataRow("faint noise")]
    [DataRow("large noise")]
    [DataRow("grey")]
    [DataRow("black")]
    [DataRow("white")]
    [DataRow("gradient")]
    [DataRow("checks")]
    public void WhatIsNoPhotograph_IsUnknown(string kind) => Assert.IsTrue(s_model.Classify(Picture(kind)).IsUnknown);

    [TestMethod]
    public void Photographs_AreSeldomUnknown()
    {
        var test = s_data.Test!;
        var outputs = s_model.Outputs(test);
        var calibration = s_model.Calibration!;
        var d = outputs.Features.Length / test.Count;
        Assert.AreEqual(128, d);
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        var check = CalibrationCheck.Measure(
            calibration, labels, outputs.Logits, s_model.Classes, new() { BootstrapResamples = 0 }, outputs.Features, outputs.Texture);
        Console.WriteLine($"unknown {1 - check.Answered:P2} of {test.Count} photographs");
        Assert.IsInRange(0.001, 0.05, 1 - check.Answered);
        Assert.AreEqual(0.01, Share(i => calibration.Features!.IsForeign(outputs.Features.AsSpan(i * d, d))), 0.015);
        Assert.AreEqual(0.01, Share(i => calibration.Texture!.IsForeign(outputs.Texture.AsSpan(i * 2, 2))), 0.015);

        double Share(Func<int, bool> foreign) => Enumerable.Range(0, test.Count).Count(foreign) / (double)test.Count;
    }

    static RgbImage Picture(string kind)
    {
        var side = kind == "large noise" ? 128 : 32;
        var random = new Random(7);
        var image = new RgbImage(side, side);
        for (var y = 0; y < side; y++)
            for (var x = 0; x < side; x++)
            {
                var grey = kind switch
                {
                    "grey" => 128,
                    "black" => 0,
                    "white" => 255,
                    "gradient" => 8 * x,
                    "checks" => (x + y) % 2 * 255,
                    "faint noise" => random.Next(96, 161),
                    _ => random.Next(256),
                };
                for (var c = 0; c < 3; c++)
                    image.Row(y)[(3 * x) + c] = (byte)(kind is "noise" or "large noise" ? random.Next(256) : grey);
            }

        return image;
    }
}
