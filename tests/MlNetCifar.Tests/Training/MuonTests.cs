using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class MuonTests
{
    public static IEnumerable<object[]> Cases =>
        from width in SimdLevel.Available
        from shape in new[] { (3, 3, 5, 7), (3, 3, 1, 16), (2, 2, 3, 24), (3, 3, 24, 64) }
        select new object[] { shape.Item1, shape.Item2, shape.Item3, shape.Item4, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Step_EqualsTheFormulaInDouble(int r, int s, int c, int k, int width)
    {
        var (rows, length) = (r * s * c, r * s * c * k);
        using var pool = new WorkerPool(2);
        using var muon = new Muon([r, s, c, k], (SimdWidth)width, pool);
        float[] weights = Draw(length, 1), velocity = Draw(length, 2), gradients = Draw(length, 3);
        var expected = Expected(rows, k, weights, gradients, velocity, 0.24, 0.6);
        muon.Step(weights, gradients, velocity, 0.24f, 0.6f);
        for (var i = 0; i < length; i++)
            Assert.AreEqual(expected[i], weights[i], 2e-4, $"element {i}");
    }

    [TestMethod]
    public void Whitening_MakesPatchesUncorrelated()
    {
        const int Side = 6;
        var random = new Random(5);
        var pixels = new byte[200 * Side * Side * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)Math.Clamp((i >= 3 ? pixels[i - 3] * 0.8 : 100) + random.Next(60), 0, 255);
        var train = new ImageSet(pixels, new int[200], Side, Side, 3, ["a", "b"]);
        var normalization = Normalization.Compute(train);
        using var weights = NetworkWeights.Initialize(Architectures.Create("airbench94", 32, 32, 3, 10), 0);
        Whitening.Initialize(weights, train, normalization);
        var filters = weights.Find("conv1.weight")!;

        var outputs = Enumerable.Range(0, 24).Select(_ => new List<double>()).ToArray();
        for (var image = 0; image < 200; image++)
            for (var y = 0; y < Side - 1; y++)
                for (var x = 0; x < Side - 1; x++)
                    for (var f = 0; f < 24; f++)
                    {
                        double sum = 0;
                        for (var i = 0; i < 12; i++)
                        {
                            var (tap, channel) = Math.DivRem(i, 3);
                            var value = pixels[(((((image * Side) + y + (tap / 2)) * Side) + x + (tap % 2)) * 3) + channel];
                            sum += filters.Values[(i * 24) + f] * ((value / 255.0) - normalization.Mean[channel]) / normalization.Std[channel];
                        }

                        outputs[f].Add(sum);
                    }

        for (var f = 0; f < 12; f++)
        {
            Assert.AreEqual(1, outputs[f].Average(v => v * v), 0.05, "variance");
            Assert.AreEqual(0, outputs[f].Zip(outputs[(f + 1) % 12]).Average(p => p.First * p.Second), 0.02, "correlation");
            Assert.AreEqual(0, outputs[f].Zip(outputs[f + 12]).Max(p => Math.Abs(p.First + p.Second)), 1e-4, "the second half are the negatives");
        }
    }

    static float[] Draw(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() - 0.5))];
    }

    /// <summary>The published update, on [rows, k] matrices, without a thought for speed.</summary>
    static double[] Expected(int rows, int k, float[] weights, float[] gradients, float[] velocity, double rate, double momentum)
    {
        var x = new double[rows, k];
        double norm = 0, weightNorm = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            var v = (momentum * velocity[i]) + gradients[i];
            x[i / k, i % k] = gradients[i] + (momentum * v);
            norm += x[i / k, i % k] * x[i / k, i % k];
            weightNorm += (double)weights[i] * weights[i];
        }

        for (var i = 0; i < weights.Length; i++)
            x[i / k, i % k] /= Math.Sqrt(norm) + 1e-7;
        for (var iteration = 0; iteration < 3; iteration++)
        {
            var gram = Multiply(x, Transpose(x));
            var square = Multiply(gram, gram);
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < rows; j++)
                    gram[i, j] = (-4.7750 * gram[i, j]) + (2.0315 * square[i, j]);
            var next = Multiply(gram, x);
            for (var i = 0; i < weights.Length; i++)
                x[i / k, i % k] = (3.4445 * x[i / k, i % k]) + next[i / k, i % k];
        }

        return [.. weights.Select((w, i) => (w * Math.Sqrt(k / weightNorm)) - (rate * x[i / k, i % k]))];
    }

    static double[,] Transpose(double[,] a)
    {
        var t = new double[a.GetLength(1), a.GetLength(0)];
        for (var i = 0; i < a.GetLength(0); i++)
            for (var j = 0; j < a.GetLength(1); j++)
                t[j, i] = a[i, j];
        return t;
    }

    static double[,] Multiply(double[,] a, double[,] b)
    {
        var c = new double[a.GetLength(0), b.GetLength(1)];
        for (var i = 0; i < a.GetLength(0); i++)
            for (var j = 0; j < b.GetLength(1); j++)
                for (var l = 0; l < a.GetLength(1); l++)
                    c[i, j] += a[i, l] * b[l, j];
        return c;
    }
}
