using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics.Convolution;

/// <summary>The fused passes against the plain passes with a naive pooling between them.</summary>
[TestClass]
public sealed class PooledConvTests
{
    static readonly ConvShape[] s_shapes =
    [
        new(2, 32, 32, 3, 32, 3, 3, 1, 1, 1, 1, 1),
        new(3, 16, 16, 32, 64, 3, 3, 1, 1, 1, 1, 1),
        new(2, 15, 13, 18, 37, 3, 3, 1, 1, 1, 1, 1),
        new(1, 31, 31, 24, 64, 3, 3, 1, 1, 1, 1, 1),
        new(9, 7, 7, 40, 33, 3, 3, 1, 1, 1, 1, 1),
        new(2, 9, 17, 3, 5, 5, 5, 1, 2, 2, 2, 2),
        new(2, 20, 21, 4, 7, 3, 3, 1, 0, 0, 0, 0),

        // Odd rows, several images a block; and odd rows in several strips.
        new(73, 9, 7, 3, 5, 5, 5, 1, 2, 2, 2, 2),
        new(9, 21, 200, 20, 3, 5, 5, 1, 2, 2, 2, 2),
    ];

    public static IEnumerable<object[]> Cases =>
        from shape in Enumerable.Range(0, s_shapes.Length) from width in SimdLevel.Available from relu in new[] { false, true } select new object[] { shape, (int)width, relu };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void PooledPasses_EqualPlainPassesAroundAPooling(int index, int width, bool relu)
    {
        var shape = s_shapes[index];
        var n = Math.Max(1, shape.N - 1);
        var (x, f, bias, gradY) = ConvPlanTests.Data(shape, n, seed: 600 + index);
        var plain = new ConvRun(shape, n, (SimdWidth)width, 2, x, f, bias, gradY, relu, winograd: true);
        var (expected, positions) = Pool(shape, n, plain.Y, relu);
        var random = new Random(index);
        var gradPooled = expected.Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        var dense = Expand(shape, n, gradPooled, positions);
        var backward = new ConvRun(shape, n, (SimdWidth)width, 2, x, f, bias, dense, relu, winograd: true);

        var run = new PooledRun(shape, n, (SimdWidth)width, 3, x, f, bias, gradPooled, relu);
        CollectionAssert.AreEqual(expected, run.Y, "pooled");
        CollectionAssert.AreEqual(positions, run.ArgMax, "positions");
        CollectionAssert.AreEqual(backward.GradX, run.GradX, "gradient of x");
        CollectionAssert.AreEqual(backward.GradF, run.GradF, "gradient of the filter");
        for (var k = 0; k < shape.K; k++)
            Assert.AreEqual(backward.GradBias[k], run.GradBias[k], 1e-4f * n * shape.P, "gradient of the bias");
    }

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void PooledPasses_WithFiltersTransformedOnTheWay_AgreeBitByBit(int width)
    {
        // Eight tiles and fewer results than the transformed filter is read for.
        var shape = new ConvShape(2, 7, 7, 40, 33, 3, 3, 1, 1, 1, 1, 1);
        var (x, f, bias, _) = ConvPlanTests.Data(shape, 2, seed: 750);
        var random = new Random(750);
        var gradPooled = Enumerable.Range(0, 2 * 3 * 3 * 33).Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        foreach (var relu in new[] { false, true })
        {
            var before = new PooledRun(shape, 2, (SimdWidth)width, 1, x, f, bias, gradPooled, relu);
            var onTheWay = new PooledRun(shape, 2, (SimdWidth)width, 3, x, f, bias, gradPooled, relu, winograd: null);
            CollectionAssert.AreEqual(before.Y, onTheWay.Y, "pooled");
            CollectionAssert.AreEqual(before.ArgMax, onTheWay.ArgMax, "positions");
            CollectionAssert.AreEqual(before.GradX, onTheWay.GradX, "gradient of x");
        }
    }

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void ForwardPooled_KeepsNaNInEveryCornerOfAWindow(int width)
    {
        // The 3×3 filters spread one NaN pixel over parts of several windows, other parts for other pixels; 18 channels have a tail at every width.
        var shape = new ConvShape(1, 8, 8, 2, 18, 3, 3, 1, 1, 1, 1, 1);
        var (x, f, bias, gradY) = ConvPlanTests.Data(shape, 1, seed: 700);
        foreach (var relu in new[] { false, true })
            foreach (var pixel in new[] { 27, 28, 35, 36 })
            {
                float[] holed = [.. x];
                holed[pixel * shape.C] = float.NaN;
                var plain = new ConvRun(shape, 1, (SimdWidth)width, 1, holed, f, bias, gradY, relu, winograd: true);
                var (expected, _) = Pool(shape, 1, plain.Y, relu);
                CollectionAssert.Contains(expected, float.NaN);
                CollectionAssert.AreEqual(expected, new PooledRun(shape, 1, (SimdWidth)width, 1, holed, f, bias, new float[expected.Length], relu).Y, $"pixel {pixel}, relu {relu}");
            }
    }

    [TestMethod]
    public void ForwardPooled_RefusesShapesThatCannotPool()
    {
        using var pool = new WorkerPool(1);
        var plan = new ConvPlan(ConvShape.Dense(2, 3, 4), SimdLevel.Active, 1);
        Assert.AreEqual(0, plan.PoolSize);
        Assert.ThrowsExactly<InvalidOperationException>(() =>
            plan.ForwardPooled(1, new float[6], new float[plan.PackedLength], [], false, new float[8], [], new float[plan.WorkspaceLength], pool));
    }

    static (float[] Values, float[] Positions) Pool(ConvShape s, int n, float[] y, bool relu)
    {
        int p = s.P / 2, q = s.Q / 2;
        float[] values = new float[n * p * q * s.K], positions = new float[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            int k = i % s.K, column = i / s.K % q, row = i / s.K / q % p, image = i / s.K / q / p;
            values[i] = float.NegativeInfinity;
            for (var position = 0; position < 4; position++)
            {
                var v = y[(((((image * s.P) + (row * 2) + (position / 2)) * s.Q) + (column * 2) + (position % 2)) * s.K) + k];
                if (v > values[i] || float.IsNaN(v))
                    (values[i], positions[i]) = (v, position);
            }

            if (relu && values[i] <= 0)
                positions[i] = 4;
        }

        return (values, positions);
    }

    static float[] Expand(ConvShape s, int n, float[] gradient, float[] positions)
    {
        int p = s.P / 2, q = s.Q / 2;
        var dense = new float[n * s.P * s.Q * s.K];
        for (var i = 0; i < gradient.Length; i++)
        {
            int k = i % s.K, column = i / s.K % q, row = i / s.K / q % p, image = i / s.K / q / p, position = (int)positions[i];
            if (position < 4)
                dense[(((((image * s.P) + (row * 2) + (position / 2)) * s.Q) + (column * 2) + (position % 2)) * s.K) + k] = gradient[i];
        }

        return dense;
    }

    sealed class PooledRun
    {
        public PooledRun(ConvShape shape, int n, SimdWidth width, int threads, float[] x, float[] f, float[] bias, float[] gradPooled, bool relu, bool? winograd = true)
        {
            using var pool = new WorkerPool(threads);
            var plan = new ConvPlan(shape, width, threads, winograd: winograd);
            Assert.AreEqual(2, plan.PoolSize);
            GuardedFloats gx = new(x), gf = new(f), gb = new(bias), gg = new(gradPooled);
            GuardedFloats packed = new(plan.PackedLength), workspace = new(plan.WorkspaceLength);
            GuardedFloats y = new(gradPooled.Length), argMax = new(gradPooled.Length), dx = new(x.Length), df = new(f.Length), db = new(shape.K);
            plan.PackWeights(gf.Span, packed.Span, backward: true, pool);
            plan.ForwardPooled(n, gx.Span, packed.Span, gb.Span, relu, y.Span, [], workspace.Span, pool);
            var inference = y.Span.ToArray();
            plan.ForwardPooled(n, gx.Span, packed.Span, gb.Span, relu, y.Span, argMax.Span, workspace.Span, pool);
            CollectionAssert.AreEqual(inference, y.Span.ToArray(), "without positions");
            workspace.Span.Fill(float.NaN);
            plan.BackwardDataPooled(n, gg.Span, argMax.Span, packed.Span, dx.Span, workspace.Span, pool);
            workspace.Span.Fill(float.NaN);
            plan.BackwardWeightsPooled(n, gx.Span, gg.Span, argMax.Span, df.Span, db.Span, workspace.Span, pool);
            foreach (var (buffer, name) in new[] { (gx, "x"), (gf, "f"), (gb, "bias"), (gg, "gradY"), (packed, "packed"), (workspace, "workspace"), (y, "y"), (argMax, "argMax"), (dx, "gradX"), (df, "gradF"), (db, "gradBias") })
                buffer.Check(name);
            (Y, ArgMax, GradX, GradF, GradBias) = (y.Span.ToArray(), argMax.Span.ToArray(), dx.Span.ToArray(), df.Span.ToArray(), db.Span.ToArray());
        }

        public float[] Y { get; }

        public float[] ArgMax { get; }

        public float[] GradX { get; }

        public float[] GradF { get; }

        public float[] GradBias { get; }
    }
}
