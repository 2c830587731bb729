using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

/// <summary>The pictures shown are those that are trained on.</summary>
[TestClass]
public sealed class BatchPreviewTests
{
    [TestMethod]
    [DataRow(3)]
    [DataRow(1)]
    public void Of_IsTheFirstBatchOfTraining(int channels)
    {
        var random = new Random(2);
        var pixels = new byte[40 * 8 * 6 * channels];
        random.NextBytes(pixels);
        var source = new ImageSet(pixels, [.. Enumerable.Range(0, 40).Select(i => i % 2)], 8, 6, channels, ["a", "b"]);
        var options = new TrainingOptions { BatchSize = 16, Seed = 5, Augmentation = Augmentation.Standard(8) with { Shift = 2 } };
        var normalization = Normalization.Compute(source);
        using var loader = new BatchLoader(source, normalization, TrainingSetup.Loading(options));
        loader.Start(2);
        var batch = loader.Next()!;
        var shown = BatchPreview.Of(source, options, epoch: 2, most: 10);
        Assert.HasCount(10, shown);
        for (var i = 0; i < shown.Count; i++)
        {
            Assert.AreEqual(batch.Indices[i], shown[i].Row);
            Assert.AreEqual(batch.Labels[i], shown[i].Label);
            for (var at = 0; at < 8 * 6 * 3; at++)
            {
                var k = channels == 3 ? at : at / 3;
                var value = (batch.Pixels[(i * source.ImageLength) + k] * normalization.Std[k % channels]) + normalization.Mean[k % channels];
                Assert.AreEqual(255 * value, shown[i].Seen.Pixels[at], 0.51);
                Assert.AreEqual(pixels[(shown[i].Row * source.ImageLength) + k], shown[i].Before.Pixels[at]);
            }
        }
    }
}
