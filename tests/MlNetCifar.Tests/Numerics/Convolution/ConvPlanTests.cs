using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;

namespace MlNetCifar.Tests.Numerics.Convolution;

[TestClass]
public sealed class ConvPlanTests
{
    // N, H, W, C, K, R, S, stride, pads: edges of tiles, vectors and strips; first layers, dense, 1×1, strided, even and large filters, asymmetric padding, pictures smaller than the stride.
    internal static readonly ConvShape[] Shapes =
    [
        new(1, 1, 1, 1, 1, 1, 1),
        new(3, 5, 7, 3, 5, 3, 3, 1, 1, 1, 1, 1),
        new(2, 8, 8, 3, 32, 3, 3, 1, 1, 1, 1, 1),
        new(2, 13, 12, 4, 33, 3, 3, 1, 1, 1, 1, 1),
        new(2, 9, 25, 17, 16, 3, 3, 1, 1, 1, 1, 1),
        new(3, 4, 4, 20, 40, 3, 3, 1, 1, 1, 1, 1),
        new(5, 3, 3, 33, 31, 3, 3, 1, 1, 1, 1, 1),
        new(2, 7, 7, 16, 48, 3, 3, 1, 1, 1, 1, 1),
        new(2, 8, 9, 3, 24, 2, 2),
        new(2, 6, 6, 8, 9, 2, 2, 1, 0, 0, 1, 1),
        new(2, 11, 11, 6, 10, 5, 5, 1, 2, 2, 2, 2),
        new(2, 9, 9, 5, 12, 3, 3, 2, 1, 1, 1, 1),
        new(2, 8, 8, 5, 12, 3, 3, 2, 0, 0, 1, 1),
        new(2, 8, 8, 7, 19, 1, 1, 2),
        new(2, 12, 10, 3, 8, 7, 7, 3, 3, 3, 3, 3),
        new(2, 6, 5, 18, 21, 1, 1),
        new(2, 10, 6, 2, 3, 4, 1, 3, 2, 0, 1, 0),
        new(2, 6, 10, 2, 3, 1, 4, 2, 0, 1, 0, 2),
        new(2, 5, 5, 2, 2, 3, 3, 1, 2, 2, 2, 2),
        new(2, 5, 9, 120, 492, 3, 3, 2, 1, 1, 1, 1),
        new(2, 1, 1, 5, 12, 3, 3, 2, 1, 1, 1, 1),
        new(2, 2, 7, 6, 9, 1, 1, 3),
        new(2, 7, 1, 6, 9, 3, 3, 3, 1, 1, 1, 1),
        ConvShape.Dense(37, 50, 70),
        ConvShape.Dense(64, 128, 10),
        ConvShape.Dense(1, 33, 1),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Enumerable.Range(0, Shapes.Length) from width in SimdLevel.Available select new object[] { shape, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_EqualDoubleReference(int index, int width)
    {
        var shape = Shapes[index];
        foreach (var n in new[] { shape.N, Math.Max(1, shape.N - 1) }.Distinct())
        {
            var (x, f, bias, gradY) = Data(shape, n, seed: index);
            var run = new ConvRun(shape, n, (SimdWidth)width, threads: 2, x, f, bias, gradY, winograd: false);
            AssertClose(ReferenceConvolution.Forward(shape, n, x, f, bias), run.Y, (shape.R * shape.S * shape.C) + 1, $"{shape} forward");
            AssertClose(ReferenceConvolution.BackwardData(shape, n, gradY, f), run.GradX, shape.R * shape.S * shape.K, $"{shape} backward data");
            AssertClose(ReferenceConvolution.BackwardWeights(shape, n, x, gradY), run.GradF, n * shape.P * shape.Q, $"{shape} backward weights");
            AssertClose(ReferenceConvolution.BackwardBias(shape, n, gradY), run.GradBias, n * shape.P * shape.Q, $"{shape} backward bias");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_AreBitIdenticalForAnyThreadCount(int index, int width)
    {
        var shape = Shapes[index] with { N = 9 };
        var (x, f, bias, gradY) = Data(shape, shape.N, seed: 100 + index);
        var one = new ConvRun(shape, shape.N, (SimdWidth)width, 1, x, f, bias, gradY, relu: true);
        foreach (var threads in new[] { 2, 3, 8 })
        {
            var many = new ConvRun(shape, shape.N, (SimdWidth)width, threads, x, f, bias, gradY, relu: true);
            CollectionAssert.AreEqual(one.Y, many.Y, $"{shape} forward, {threads} threads");
            CollectionAssert.AreEqual(one.GradX, many.GradX, $"{shape} backward data, {threads} threads");
            CollectionAssert.AreEqual(one.GradF, many.GradF, $"{shape} backward weights, {threads} threads");
            CollectionAssert.AreEqual(one.GradBias, many.GradBias, $"{shape} backward bias, {threads} threads");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_WithRelu_ClampsTheSameValues(int index, int width)
    {
        var shape = Shapes[index];
        var (x, f, bias, gradY) = Data(shape, shape.N, seed: 200 + index);
        var plain = new ConvRun(shape, shape.N, (SimdWidth)width, 2, x, f, bias, gradY);
        var relu = new ConvRun(shape, shape.N, (SimdWidth)width, 2, x, f, bias, gradY, relu: true);
        CollectionAssert.AreEqual(plain.Y.Select(v => Math.Max(v, 0)).ToArray(), relu.Y);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void BackwardPasses_AreAdjointToForward(int index, int width)
    {
        var shape = Shapes[index];
        var (x, f, _, gradY) = Data(shape, shape.N, seed: 300 + index);
        var run = new ConvRun(shape, shape.N, (SimdWidth)width, 2, x, f, new float[shape.K], gradY);
        double forward = Inner(run.Y, gradY), data = Inner(x, run.GradX), weights = Inner(f, run.GradF);
        var scale = Math.Sqrt(Inner(run.Y, run.Y) * Inner(gradY, gradY)) + 1e-3;
        Assert.AreEqual(0, (forward - data) / scale, 1e-5, $"{shape} data: {forward} against {data}");
        Assert.AreEqual(0, (forward - weights) / scale, 1e-5, $"{shape} weights: {forward} against {weights}");
    }

    [TestMethod]
    public void Forward_RefusesWrongLengths()
    {
        using var pool = new WorkerPool(1);
        var plan = new ConvPlan(new ConvShape(2, 4, 4, 3, 5, 3, 3), SimdLevel.Active, 1);
        var packed = new float[plan.PackedLength];
        var workspace = new float[plan.WorkspaceLength];
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => plan.Forward(3, new float[144], packed, [], false, new float[60], workspace, pool));
        Assert.ThrowsExactly<ArgumentException>(() => plan.Forward(2, new float[95], packed, [], false, new float[40], workspace, pool));
        Assert.ThrowsExactly<ArgumentException>(() => plan.Forward(2, new float[96], packed, [], false, new float[39], workspace, pool));
        Assert.ThrowsExactly<ArgumentException>(() => plan.Forward(2, new float[96], packed, new float[4], false, new float[40], workspace, pool));
        using var larger = new WorkerPool(2);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => plan.Forward(2, new float[96], packed, [], false, new float[40], workspace, larger));
    }

    internal static (float[] X, float[] F, float[] Bias, float[] GradY) Data(ConvShape shape, int n, int seed)
    {
        var random = new Random(seed);
        float[] Draw(int length) => Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() * 2) - 1)).ToArray();
        return (Draw(n * shape.H * shape.W * shape.C), Draw(shape.FilterLength), Draw(shape.K), Draw(n * shape.P * shape.Q * shape.K));
    }

    // A sum of m products, each step rounded once: |error| ≤ m·u / (1 − m·u) · Σ|terms| with u = 2⁻²⁴ (Higham, section 3.1).
    static void AssertClose(Bounded[] expected, float[] actual, int terms, string what)
    {
        var factor = (terms + 1) * Math.Pow(2, -24) * 1.001;
        for (var i = 0; i < actual.Length; i++)
        {
            var error = Math.Abs(expected[i].Value - actual[i]);
            if (!(error <= (factor * expected[i].Magnitude) + 1e-38))
                Assert.Fail($"{what}: [{i}] is {actual[i]}, expected {expected[i].Value} ± {factor * expected[i].Magnitude}");
        }
    }

    static double Inner(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}
