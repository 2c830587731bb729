using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;

namespace MlNetCifar.Tests.Numerics.Convolution;

[TestClass]
public sealed class WinogradTests
{
    // The layers of the presets (small batches), and shapes with tails in every direction.
    static readonly ConvShape[] s_shapes =
    [
        Same(2, 16, 16, 32, 64),
        Same(2, 8, 8, 64, 128),
        Same(1, 31, 31, 24, 64),
        Same(2, 15, 15, 64, 64),
        Same(1, 7, 7, 256, 256),
        Same(5, 3, 3, 128, 256),
        Same(3, 5, 9, 17, 23),
        Same(1, 4, 4, 16, 16),
        Same(2, 1, 2, 33, 19),
        new(2, 8, 11, 18, 40, 3, 3),
        new(2, 6, 7, 20, 17, 3, 3, 1, 2, 0, 1, 2),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Enumerable.Range(0, s_shapes.Length) from width in SimdLevel.Available select new object[] { shape, (int)width };

    /// <summary>
    /// Relative to the root mean square of the exact result, F(4×4, 3×3) with these points errs by at most 3·10⁻⁶ in the mean and 10⁻⁴ anywhere;
    /// the gradient of the filters, whose sums are longer, by no more.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_StayWithinTheStatedError(int index, int width)
    {
        var shape = s_shapes[index];
        var (x, f, bias, gradY) = ConvPlanTests.Data(shape, shape.N, seed: 400 + index);
        var run = new ConvRun(shape, shape.N, (SimdWidth)width, threads: 2, x, f, bias, gradY, winograd: true);
        StringAssert.Contains(run.Algorithm, "Winograd");
        AssertClose(ReferenceConvolution.Forward(shape, shape.N, x, f, bias), run.Y, $"{shape} forward");
        AssertClose(ReferenceConvolution.BackwardData(shape, shape.N, gradY, f), run.GradX, $"{shape} backward data");
        AssertClose(ReferenceConvolution.BackwardWeights(shape, shape.N, x, gradY), run.GradF, $"{shape} backward weights");
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_AreBitIdenticalForAnyThreadCount(int index, int width)
    {
        var shape = s_shapes[index] with { N = 9 };
        var (x, f, bias, gradY) = ConvPlanTests.Data(shape, shape.N, seed: 500 + index);
        var one = new ConvRun(shape, shape.N, (SimdWidth)width, 1, x, f, bias, gradY, relu: true, winograd: true);
        foreach (var threads in new[] { 2, 3, 8 })
        {
            var many = new ConvRun(shape, shape.N, (SimdWidth)width, threads, x, f, bias, gradY, relu: true, winograd: true);
            CollectionAssert.AreEqual(one.Y, many.Y, $"{shape} forward, {threads} threads");
            CollectionAssert.AreEqual(one.GradX, many.GradX, $"{shape} backward data, {threads} threads");
            CollectionAssert.AreEqual(one.GradF, many.GradF, $"{shape} backward weights, {threads} threads");
        }
    }

    // So few results that the transformed filter would be read for too few; one with inputs in several parts, and the last one in more than one group of tiles.
    static readonly ConvShape[] s_few = [Same(2, 7, 7, 33, 23), Same(9, 3, 3, 17, 40), Same(3, 6, 7, 20, 50), Same(2, 7, 7, 128, 192), Same(65, 3, 3, 220, 212)];

    public static IEnumerable<object[]> FewCases =>
        from shape in Enumerable.Range(0, s_few.Length) from width in SimdLevel.Available select new object[] { shape, (int)width };

    [TestMethod]
    [DynamicData(nameof(FewCases))]
    public void Training_WithFiltersTransformedOnTheWay_AgreesBitByBit(int index, int width)
    {
        var shape = s_few[index];
        Assert.IsTrue(
            new ConvPlan(shape, (SimdWidth)width, 2).PackedLength < new ConvPlan(shape, (SimdWidth)width, 2, winograd: true).PackedLength, "the filter itself is held, not the transformed one");
        foreach (var n in new[] { shape.N, shape.N - 1, 1 })
        {
            var (x, f, bias, gradY) = ConvPlanTests.Data(shape, n, seed: 550 + index);
            var before = new ConvRun(shape, n, (SimdWidth)width, 2, x, f, bias, gradY, winograd: true);
            foreach (var threads in new[] { 1, 3 })
            {
                var onTheWay = new ConvRun(shape, n, (SimdWidth)width, threads, x, f, bias, gradY);
                CollectionAssert.AreEqual(before.Y, onTheWay.Y, $"{shape} forward, {n} images, {threads} threads");
                CollectionAssert.AreEqual(before.GradX, onTheWay.GradX, $"{shape} backward data, {n} images, {threads} threads");
            }
        }
    }

    [TestMethod]
    [DataRow(64, 16, 32, 64, true)]
    [DataRow(64, 8, 64, 128, true)]
    [DataRow(64, 31, 24, 64, true)]
    [DataRow(64, 7, 256, 256, true)]
    [DataRow(512, 3, 256, 256, true)]
    [DataRow(16, 7, 512, 512, true)]
    [DataRow(1, 8, 64, 128, false)]
    [DataRow(16, 2, 64, 64, false)]
    [DataRow(64, 32, 3, 32, false)]
    public void Algorithm_FollowsFromShapeAndWidth(int n, int size, int c, int k, bool winograd)
    {
        var plan = new ConvPlan(Same(n, size, size, c, k), SimdWidth.Bits256, 2);
        Assert.AreEqual(winograd, plan.Algorithm.Contains("Winograd", StringComparison.Ordinal), plan.Algorithm);
    }

    static ConvShape Same(int n, int h, int w, int c, int k) => new(n, h, w, c, k, 3, 3, 1, 1, 1, 1, 1);

    internal static void AssertClose(Bounded[] expected, float[] actual, string what)
    {
        var scale = Math.Sqrt(expected.Average(e => e.Value * e.Value));
        var errors = expected.Zip(actual, (e, a) => Math.Abs(e.Value - a) / scale).ToArray();
        var mean = Math.Sqrt(errors.Average(e => e * e));
        Console.WriteLine($"{what}: mean {mean:E1}, worst {errors.Max():E1}");
        Assert.IsTrue(mean <= 3e-6 && errors.Max() <= 1e-4, $"{what}: mean {mean}, worst {errors.Max()} at {Array.IndexOf(errors, errors.Max())}");
    }
}
