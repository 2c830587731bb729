using MlNetCifar.Numerics;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Resume;

/// <summary>Threads never change the weights; the width of vectors changes the order of sums, and with it the last bits.</summary>
[TestClass]
[TestCategory("Slow")]
public sealed class LaneWidthTests
{
    /// <summary>Largest relative distance of the weights, ‖a − b‖ ÷ ‖a‖, after 16 steps of SGD; 1.2e-5 was measured between 512 bits and one float at a time, 0 between vectors.</summary>
    const double Bound = 1e-4;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Train_OnEveryThreadCountAndWidth_GivesOneHashAWidthAndWeightsWithinTheBound()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 40);
        float[]? widest = null;
        foreach (var width in SimdLevel.Available)
        {
            var weights = new[] { 1, 3, 8 }.Select(threads => Train(folder, width, threads)).ToArray();
            for (var i = 1; i < weights.Length; i++)
                CollectionAssert.AreEqual(weights[0], weights[i], $"{width}, {i}");
            widest ??= weights[0];
            var distance = Math.Sqrt(widest.Zip(weights[0], (a, b) => ((double)a - b) * (a - b)).Sum() / widest.Sum(a => (double)a * a));
            TestContext.WriteLine($"{width}: {distance:G3} from {SimdLevel.Available.First()}");
            Assert.IsTrue(distance <= Bound, $"{width}: {distance:G3}");
        }
    }

    static float[] Train(TestFolder folder, SimdWidth width, int threads)
    {
        var name = $"{width}-{threads}";
        using var run = new ProgramProcess(
            [
                "train", "--data", folder["in"], "--size", "16", "--epochs", "2", "--batch-size", "12", "--optimizer", "sgd", "--learning-rate", "0.01",
                "--threads", $"{threads}", "--output", folder["runs"], "--name", name,
            ],
            ("MLNETCIFAR_SIMD", $"{(int)width}"));
        Assert.AreEqual(0, run.Exit(), run.Log);
        using var model = ImageClassifier.Load(folder[$"runs/train/{name}/weights/last.safetensors"]);
        Assert.AreEqual(2, model.History.Count);
        return [.. model.Weights.Parameters];
    }
}
