using System.Text.Json;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Golden;

/// <summary>Ten steps of seed-cnn and advanced-cnn against PyTorch 1.13 (golden.py, golden.json): losses, first gradients, last weights and statistics.</summary>
[TestClass]
public sealed class GoldenRunTests
{
    const double Tolerance = 1e-4;

    // What ten steps change. Adam divides small gradients by themselves, so that their rounding decides whole steps; their size stays what it is.
    const double ChangeTolerance = 1e-2;
    const double AdamChangeTolerance = 0.2;

    static readonly JsonElement s_runs = JsonDocument.Parse(
        File.ReadAllText(Repository.File("tests", "MlNetCifar.Tests", "Golden", "golden.json"))).RootElement.GetProperty("runs");

    public static IEnumerable<object[]> Cases =>
        from run in Enumerable.Range(0, s_runs.GetArrayLength()) from width in SimdLevel.Available select new object[] { run, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void TenSteps_EqualPyTorch(int index, int width)
    {
        var run = s_runs[index];
        var data = run.GetProperty("data").GetInt32();
        using var pool = new WorkerPool(2);
        using var weights = NetworkWeights.Initialize(GoldenData.Network(run.GetProperty("network").GetString()!), 0);
        GoldenData.Fill(weights);
        using var first = weights.Clone();
        using var network = new Network(weights, GoldenData.Batch, training: true, pool, (SimdWidth)width);
        var options = Options(run);
        using var optimizer = new Optimizer(new GroupPlan(options, weights), network.Gradients!, pool, (SimdWidth)width);
        var classWeights = run.GetProperty("weighted").GetBoolean() ? GoldenData.ClassWeights() : [];
        for (var step = 0; step < GoldenData.Steps; step++)
        {
            GoldenData.Images(data, step).CopyTo(network.Input(GoldenData.Batch));
            network.Forward(GoldenData.Batch, training: true, seed: 1, step);
            var loss = network.Loss(GoldenData.Labels(data, step), options.LabelSmoothing, classWeights, out _);
            AssertRelative(run.GetProperty("losses")[step].GetDouble(), loss, $"loss of step {step}");
            network.Backward();
            if (step == 0)
                CheckGradients(run.GetProperty("gradients"), network);
            optimizer.Step();
        }

        CheckFinal(run.GetProperty("final"), first, weights, options.Optimizer == OptimizerKind.Sgd ? ChangeTolerance : AdamChangeTolerance);
        CheckInference(run, network);
    }

    static TrainingOptions Options(JsonElement run) => new()
    {
        Optimizer = Enum.Parse<OptimizerKind>(run.GetProperty("optimizer").GetString()!),
        LearningRate = run.GetProperty("rate").GetSingle(),
        WeightDecay = run.GetProperty("decay").GetSingle(),
        LabelSmoothing = run.GetProperty("smoothing").GetSingle(),
    };

    static void CheckGradients(JsonElement expected, Network network)
    {
        var trained = GoldenData.Trained(network.Weights);
        Assert.AreEqual(expected.EnumerateObject().Count(), trained.Length);
        for (var i = 0; i < trained.Length; i++)
            Check(expected.GetProperty(trained[i].Name), trained[i], network.Gradients!.Of(trained[i]), i, $"gradient of {trained[i].Name}");
    }

    static void CheckFinal(JsonElement expected, NetworkWeights first, NetworkWeights weights, double tolerance)
    {
        var trained = GoldenData.Trained(weights);
        for (var i = 0; i < trained.Length; i++)
        {
            var before = first.Find(trained[i].Name)!.Values.ToArray();
            var moved = trained[i].Values.ToArray().Zip(before, (after, start) => after - start).ToArray();
            Check(expected.GetProperty(trained[i].Name), trained[i], moved, i, $"change of {trained[i].Name}", tolerance);
        }

        // PyTorch counts its batches in a third buffer per layer, which takes a stream of its own.
        var statistics = weights.Tensors.Where(t => t.Role == ParameterRole.Statistic).ToArray();
        for (var i = 0; i < statistics.Length; i++)
            Check(expected.GetProperty(statistics[i].Name), statistics[i], statistics[i].Values, 50 + (i / 2 * 3) + (i % 2), $"final {statistics[i].Name}");
        Assert.AreEqual(expected.EnumerateObject().Count(), trained.Length + statistics.Length);
    }

    static void CheckInference(JsonElement run, Network network)
    {
        var expected = run.GetProperty("logits");
        GoldenData.Images(run.GetProperty("data").GetInt32(), GoldenData.Steps).CopyTo(network.Input(GoldenData.Batch));
        network.Forward(GoldenData.Batch);
        var logits = network.Logits(GoldenData.Batch);
        var scale = expected.EnumerateArray().Max(x => Math.Abs(x.GetDouble()));
        for (var i = 0; i < logits.Length; i++)
            Assert.AreEqual(expected[i].GetDouble(), logits[i], 10 * Tolerance * scale, $"logit {i} after training");
    }

    /// <summary>Norm and four random signed sums catch every entry; the samples say where things are.</summary>
    static void Check(JsonElement expected, WeightTensor tensor, ReadOnlySpan<float> values, int stream, string what, double tolerance = Tolerance)
    {
        var order = GoldenData.TorchOrder(tensor);
        var torch = new double[values.Length];
        for (var i = 0; i < values.Length; i++)
            torch[order[i]] = values[i];
        var norm = expected.GetProperty("norm").GetDouble();
        Assert.AreEqual(norm, Math.Sqrt(torch.Sum(x => x * x)), Math.Min(tolerance, ChangeTolerance) * norm, $"{what}, norm");
        for (var k = 0; k < 4; k++)
        {
            var sum = torch.Select((x, i) => x * GoldenData.Sign(4000 + (4 * stream) + k, i)).Sum();
            Assert.AreEqual(expected.GetProperty("sums")[k].GetDouble(), sum, tolerance * norm, $"{what}, signed sum {k}");
        }

        for (var k = 0; k < GoldenData.Samples; k++)
        {
            var at = (int)(GoldenData.Uniform(5000 + stream, k) * torch.Length);
            Assert.AreEqual(expected.GetProperty("values")[k].GetDouble(), torch[at], 10 * tolerance * norm / Math.Sqrt(torch.Length), $"{what}, entry {at}");
        }
    }

    static void AssertRelative(double expected, double actual, string what) =>
        Assert.AreEqual(expected, actual, Tolerance * Math.Abs(expected), what);
}
