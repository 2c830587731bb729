using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;

namespace MlNetCifar.Tests.Numerics.Convolution;

/// <summary>Filters of seven columns and stride 2 in inference, along rows; with the pooling of a ResNet's stem.</summary>
[TestClass]
public sealed class WinogradRowsTests
{
    // Stems: with whole tiles and windows, more than one strip, and one panel and a half; with tails in every direction, another height, and other padding; without any, and of two rows of results.
    static readonly ConvShape[] s_shapes =
    [
        Stem(28, 64, 3, 32), Stem(60, 72, 3, 48), Stem(23, 71, 3, 16), new(1, 9, 81, 5, 64, 5, 7, 2, 0, 4, 3, 1), new(1, 20, 70, 1, 16, 7, 7, 2), Stem(4, 64, 2, 16),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Enumerable.Range(0, s_shapes.Length) from width in SimdLevel.Available select new object[] { shape, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_StaysWithinTheStatedError(int index, int width)
    {
        var shape = s_shapes[index] with { N = 2 };
        StringAssert.Contains(new ConvPlan(shape, (SimdWidth)width, 1, ConvUse.Inference).Algorithm, "rows of 4");
        var (x, f, bias, _) = ConvPlanTests.Data(shape, 2, seed: 1200 + index);
        WinogradTests.AssertClose(ReferenceConvolution.Forward(shape, 2, x, f, bias), Run(shape, 2, width, x, f, bias), $"{shape}");
        WinogradTests.AssertClose(ReferenceConvolution.Forward(shape, 2, x, f, null), Run(shape, 2, width, x, f, []), $"{shape}, no bias");
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_OfAnImage_HasTheSameBitsInAnyBatchAndOnAnyThreads(int index, int width)
    {
        var shape = s_shapes[index] with { N = 9 };
        var (x, f, bias, _) = ConvPlanTests.Data(shape, 9, seed: 1220 + index);
        foreach (var pooled in new[] { false, true })
        {
            var together = Run(shape, 9, width, x, f, bias, pooled, threads: 3);
            int length = together.Length / 9, picture = s_shapes[index].InputLength;
            foreach (var i in new[] { 0, 8 })
                CollectionAssert.AreEqual(
                    Run(shape, 1, width, x[(i * picture)..((i + 1) * picture)], f, bias, pooled, threads: 1), together[(i * length)..((i + 1) * length)], $"{shape}, image {i}, pooled {pooled}");
        }
    }

    /// <summary>Maxima on the way are those of the whole result, a NaN among them.</summary>
    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void ForwardPooled_IsForwardAndMaxPooling(int index, int width)
    {
        var shape = s_shapes[index] with { N = 8 };
        var plan = new ConvPlan(shape, (SimdWidth)width, 1, ConvUse.Inference);
        Assert.AreEqual(shape.P % 2 == 0 && shape.Q % 4 == 0 ? 3 : 0, plan.PoolSize);
        if (plan.PoolSize == 0)
            return;
        var (x, f, bias, _) = ConvPlanTests.Data(shape, 8, seed: 1240 + index);
        x[^((shape.W / 2 * shape.C) + 1)] = float.NaN;
        var pool = new PoolShape(8, shape.P, shape.Q, shape.K, 3, 3, 2, 1);
        using var workers = new WorkerPool(1);
        foreach (var n in new[] { 1, 7, 8 })
            foreach (var relu in new[] { false, true })
            {
                var expected = new float[n * (shape.P / 2) * (shape.Q / 2) * shape.K];
                var first = (8 - n) * s_shapes[index].InputLength;
                Pooling.MaxForward(pool, n, Run(shape, n, width, x[first..], f, bias, relu: relu), expected, [], (SimdWidth)width, workers);
                CollectionAssert.AreEqual(expected, Run(shape, n, width, x[first..], f, bias, pooled: true, relu: relu), $"{shape}, {n} images, ReLU {relu}");
                Assert.IsTrue(expected.Any(float.IsNaN) && expected.Any(float.IsFinite));
            }
    }

    [TestMethod]
    public void Algorithm_IsForInferenceAndRowsOfSomeLength()
    {
        var stem = Stem(64, 64, 3, 64) with { N = 4 };
        foreach (var (shape, use) in new[] { (stem, ConvUse.Training), (Stem(60, 60, 3, 64), ConvUse.Inference), (stem with { Stride = 1 }, ConvUse.Inference), (stem with { K = 60 }, ConvUse.Inference) })
            Assert.DoesNotContain("Winograd", new ConvPlan(shape, SimdWidth.Bits256, 2, use).Algorithm.Split(';')[0]);
        var explained = new ConvPlan(stem, SimdWidth.Bits256, 2, ConvUse.Explanation);
        StringAssert.StartsWith(explained.Algorithm, "Winograd, rows of 4");
        Assert.AreEqual(0, explained.PoolSize, "there is no way back");
    }

    static float[] Run(ConvShape shape, int n, int width, float[] x, float[] f, float[] bias, bool pooled = false, int threads = 2, bool relu = false) =>
        InferencePlanTests.Run(shape, n, width, threads, ConvUse.Inference, x, f, bias, pooled, relu);

    static ConvShape Stem(int h, int w, int c, int k) => new(1, h, w, c, k, 7, 7, 2, 3, 3, 3, 3);
}
