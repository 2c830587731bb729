using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics.Convolution;

/// <summary>The forward pass as inference computes it: the bits of an image do not depend on the images beside it.</summary>
[TestClass]
public sealed class InferencePlanTests
{
    // One tile, few, many; whole and partial ones; tails in every direction; a filter so large that all threads share the tiles, in more than one group;
    // stride, other filters and dense layers.
    static readonly ConvShape[] s_shapes =
    [
        Same(4, 4, 16, 16), Same(3, 3, 17, 40), Same(7, 7, 33, 23), Same(8, 8, 64, 48), Same(5, 5, 16, 16), Same(2, 2, 16, 16), Same(6, 13, 18, 37), Same(31, 31, 24, 33), Same(8, 8, 180, 170),
        new(1, 8, 11, 18, 40, 3, 3), new(1, 9, 9, 17, 19, 3, 3, 2, 1, 1, 1, 1), new(1, 6, 6, 8, 9, 2, 2, 1, 0, 0, 1, 1), new(1, 4, 4, 20, 40, 1, 1), ConvShape.Dense(1, 50, 70),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Enumerable.Range(0, s_shapes.Length) from width in SimdLevel.Available select new object[] { shape, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_OfAnImage_HasTheSameBitsInAnyBatch(int index, int width)
    {
        var shape = s_shapes[index];
        foreach (var most in new[] { 1, 5, 60 })
        {
            var many = shape with { N = most };
            var (x, f, bias, _) = ConvPlanTests.Data(many, most, seed: 900 + index);
            foreach (var threads in new[] { 1, 3 })
            {
                var together = Run(many, most, width, threads, ConvUse.Inference, x, f, bias, pooled: false);
                for (var i = 0; i < most; i += Math.Max(1, most / 3))
                {
                    var alone = Run(shape, 1, width, 1, ConvUse.Inference, x[(i * shape.InputLength)..((i + 1) * shape.InputLength)], f, bias, pooled: false);
                    CollectionAssert.AreEqual(alone, together[(i * shape.OutputLength)..((i + 1) * shape.OutputLength)], $"{shape}, image {i} of {most}, {threads} threads");
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_OnTheFlyAndTransformedBefore_AgreeBitByBit(int index, int width)
    {
        var shape = s_shapes[index] with { N = 2 };
        var (x, f, bias, _) = ConvPlanTests.Data(shape, 2, seed: 950 + index);
        foreach (var n in new[] { 1, 2 })
            foreach (var start in new[] { bias, [] })
                foreach (var pooled in new[] { false, true })
                    CollectionAssert.AreEqual(
                        Run(shape, n, width, 2, ConvUse.Explanation, x, f, start, pooled, relu: pooled), Run(shape, n, width, 2, ConvUse.Inference, x, f, start, pooled, relu: pooled), $"{shape}, {n} images, pooled {pooled}");
    }

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(5, false)]
    [DataRow(2, false)]
    [DataRow(8, true)]
    [DataRow(32, true)]
    public void Algorithm_FollowsFromTheImageAlone(int size, bool winograd)
    {
        foreach (var n in new[] { 1, 2, 100, 1000 })
        {
            var plan = new ConvPlan(Same(size, size, 64, 64) with { N = n }, SimdWidth.Bits256, 2, ConvUse.Inference);
            Assert.AreEqual(winograd, plan.Algorithm.Contains("Winograd", StringComparison.Ordinal), $"{n} images: {plan.Algorithm}");
        }
    }

    [TestMethod]
    public void Packing_OfAFewImages_IsTheFilterItself_AndHoldsNothingForBackward()
    {
        var shape = Same(8, 8, 64, 64);
        var alone = new ConvPlan(shape, SimdWidth.Bits256, 1, ConvUse.Inference);
        Assert.AreEqual(shape.FilterLength, alone.PackedLength);
        Assert.AreEqual(alone.Packing, new ConvPlan(shape with { N = 8 }, SimdWidth.Bits256, 4, ConvUse.Inference).Packing);
        Assert.AreNotEqual(alone.Packing, new ConvPlan(shape with { N = 80 }, SimdWidth.Bits256, 1, ConvUse.Inference).Packing);
        Assert.IsTrue(new ConvPlan(shape, SimdWidth.Bits256, 1, ConvUse.Explanation).PackedLength > 8 * shape.FilterLength);
    }

    /// <summary>What is added on the way, and a ReLU behind it, give the bits that they give one after the other.</summary>
    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_WithASum_IsTheSumBitByBit(int index, int width)
    {
        var shape = s_shapes[index] with { N = 3 };
        var (x, f, bias, addend) = ConvPlanTests.Data(shape, 3, seed: 970 + index);
        var plan = new ConvPlan(shape, (SimdWidth)width, 1, ConvUse.Inference);
        Assert.AreEqual(plan.Algorithm.StartsWith("Winograd 4", StringComparison.Ordinal) && shape.K % plan.Packing.Lanes == 0, plan.CanAdd);
        if (!plan.CanAdd)
        {
            Assert.ThrowsExactly<ArgumentException>(() => Run(shape, 3, width, 1, ConvUse.Inference, x, f, bias, pooled: false, addend: addend));
            return;
        }

        foreach (var start in new[] { bias, [] })
        {
            float[] sum = [.. Run(shape, 3, width, 2, ConvUse.Inference, x, f, start, pooled: false).Zip(addend, (y, a) => y + a)];
            CollectionAssert.AreEqual(sum, Run(shape, 3, width, 2, ConvUse.Inference, x, f, start, pooled: false, addend: addend), $"{shape}");
            CollectionAssert.AreEqual(
                sum.Select(y => Math.Max(y, 0)).ToArray(), Run(shape, 3, width, 2, ConvUse.Inference, x, f, start, pooled: false, relu: true, addend: addend), $"{shape}, ReLU");
        }
    }

    internal static float[] Run(
        ConvShape shape, int n, int width, int threads, ConvUse use, float[] x, float[] f, float[] bias, bool pooled, bool relu = false, float[]? addend = null)
    {
        using var pool = new WorkerPool(threads);
        var plan = new ConvPlan(shape, (SimdWidth)width, threads, use);
        pooled &= plan.PoolSize > 0;
        GuardedFloats gx = new(x), gf = new(f), gb = new(bias), more = new(addend ?? []), packed = new(plan.ForwardPackedLength), workspace = new(plan.WorkspaceLength);
        var y = new GuardedFloats(n * shape.K * (pooled ? (shape.P / 2) * (shape.Q / 2) : shape.P * shape.Q));
        plan.PackWeights(gf.Span, packed.Span, backward: false, pool);
        workspace.Span.Fill(float.NaN);
        if (pooled)
            plan.ForwardPooled(n, gx.Span, packed.Span, gb.Span, relu, y.Span, [], workspace.Span, pool);
        else
            plan.Forward(n, gx.Span, packed.Span, gb.Span, relu, y.Span, workspace.Span, pool, more.Span);
        foreach (var (buffer, name) in new[] { (gx, "x"), (gf, "f"), (gb, "bias"), (more, "addend"), (packed, "packed"), (workspace, "workspace"), (y, "y") })
            buffer.Check(name);
        return y.Span.ToArray();
    }

    static ConvShape Same(int h, int w, int c, int k) => new(1, h, w, c, k, 3, 3, 1, 1, 1, 1, 1);
}
