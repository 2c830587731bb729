using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class RecipeTests
{
    [TestMethod]
    public void Airbench96_HasThePublishedRatesAndDecays()
    {
        var recipe = Recipes.For("airbench96");
        var groups = recipe.DescribeGroups(Architectures.Create("airbench96", 32, 32, 3, 10));

        // Published are 9 and 0.012 for 1,024 images, both divided by 1 + 1 / (1 − 0.85), and the gradient's sum where here it is the mean.
        var kilostep = 1024 * (1 + (1 / (1 - 0.85)));
        var (rate, decay) = (1024 * 9 / kilostep, 0.012 * 1024 / kilostep);
        Assert.AreEqual(rate, recipe.LearningRate, 1e-5 * rate);
        var normalisations = groups.Single(g => g.Tensors.Contains("bn1.bias"));
        Assert.HasCount(9, normalisations.Tensors);
        Assert.AreEqual(64 * rate, normalisations.LearningRate, 1e-5 * 64 * rate);
        var filters = groups.Single(g => g.Tensors.Contains("layer3.conv2.weight"));
        Assert.HasCount(10, filters.Tensors, "nine convolutions and the head");
        Assert.AreEqual(rate, filters.LearningRate, 1e-5 * rate);
        var whitening = groups.Single(g => g.Tensors.Contains("conv1.bias"));
        Assert.AreEqual(rate, whitening.LearningRate, 1e-5 * rate);
        foreach (var group in new[] { normalisations, filters, whitening })
            Assert.AreEqual(decay, group.LearningRate * group.WeightDecay, 1e-5 * decay, group.Name);
        Assert.AreEqual(3f / recipe.Epochs, recipe.Groups[0].TrainedShare);
    }

    [TestMethod]
    public void Airbench96_AStep_LeavesTheWhiteningAlone_AndLaterItsBiasToo()
    {
        var images = TestImages.Random(12, 16, 16);
        var normalization = Normalization.Compute(images);
        var recipe = Recipes.For("airbench96", 16) with { BatchSize = 12, Threads = 2 };
        using var session = new TrainingSession(Architectures.Create("airbench96", 16, 16, 3, images.Classes.Count), recipe, images, normalization);
        using var loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = 12 });
        loader.Start(0);
        var batch = loader.Next()!;
        foreach (var (progress, moves) in new[] { (0.05, true), (0.08, false) })
        {
            var before = session.Weights.Tensors.ToDictionary(t => t.Name, t => t.Values.ToArray());
            Assert.IsTrue(double.IsFinite(session.Step(batch, progress, out _)));
            bool Moved(string name) => !before[name].AsSpan().SequenceEqual(session.Weights.Find(name)!.Values);
            Assert.IsFalse(Moved("conv1.weight"));
            Assert.AreEqual(moves, Moved("conv1.bias"), $"{progress}");
            foreach (var name in new[] { "conv2.weight", "layer1.conv2.weight", "layer3.bn2.bias", "fc1.weight" })
                Assert.IsTrue(Moved(name), name);
        }
    }
}
