using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class PoolingTests
{
    // H, W, window, stride, padding: exact cover, remainders, overlap, gaps, padding on every side, whole picture, single pixels.
    static readonly (int H, int W, int SizeH, int SizeW, int Stride, int Pad)[] s_windows =
    [
        (4, 4, 2, 2, 2, 0), (5, 7, 2, 2, 2, 0), (7, 7, 3, 3, 2, 0), (7, 6, 3, 3, 2, 1), (5, 5, 3, 3, 1, 1), (7, 8, 2, 2, 3, 0),
        (3, 3, 2, 2, 1, 1), (1, 1, 2, 2, 2, 1), (6, 5, 5, 5, 1, 2), (4, 6, 4, 6, 1, 0), (1, 1, 1, 1, 1, 0), (1, 9, 1, 1, 2, 0),
    ];

    public static IEnumerable<object[]> Cases =>
        from kind in Enum.GetValues<PoolKind>() from window in Enumerable.Range(0, s_windows.Length) from width in SimdLevel.Available select new object[] { kind, window, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_EqualDoubleReference(PoolKind kind, int window, int width)
    {
        var (h, w, sizeH, sizeW, stride, pad) = s_windows[window];
        using var pool = new WorkerPool(2);
        foreach (var channels in LaneCases.Channels(width))
        {
            // The plan is for three images, the batch has two; few distinct values, so that windows have ties.
            var shape = new PoolShape(3, h, w, channels, sizeH, sizeW, stride, pad);
            var values = LaneCases.Draw(channels, 2 * shape.InputImage, -3, 3).Select(v => MathF.Round(v)).ToArray();
            var gradients = LaneCases.Draw(channels + 1, 2 * shape.OutputImage);
            var run = new PoolRun(shape, kind, values, gradients, (SimdWidth)width, pool);
            Check(shape, kind, values, gradients, run);
        }
    }

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void MaxForward_OfNegativesIgnoresThePadding(int width)
    {
        using var pool = new WorkerPool(1);
        var shape = new PoolShape(1, 3, 3, 2, 3, 3, 2, 1);
        var x = Enumerable.Range(0, 18).Select(i => -100f + i).ToArray();
        var y = new float[8];
        Pooling.MaxForward(shape, 1, x, y, [], (SimdWidth)width, pool);
        CollectionAssert.AreEqual(new[] { 8, 9, 10, 11, 14, 15, 16, 17 }.Select(largest => x[largest]).ToArray(), y);
    }

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void MaxForward_KeepsNaNAtEveryPlaceOfAWindow(int width)
    {
        using var pool = new WorkerPool(1);
        foreach (var (size, stride, pad) in new[] { (2, 2, 0), (3, 2, 1), (6, 1, 0) })
            foreach (var channels in LaneCases.Channels(width))
            {
                var shape = new PoolShape(1, 6, 6, channels, size, size, stride, pad);
                for (var place = 0; place < 36; place++)
                {
                    var x = LaneCases.Draw(place, shape.InputImage);
                    x[(place * channels) + (place % channels)] = float.NaN;
                    float[] y = new float[shape.OutputImage], argMax = new float[shape.OutputImage];
                    Pooling.MaxForward(shape, 1, x, y, argMax, (SimdWidth)width, pool);
                    var expected = ReferenceLayers.Pool(shape, PoolKind.Max, 1, LaneCases.Doubles(x)).Y;
                    CollectionAssert.AreEqual(expected, LaneCases.Doubles(y), $"{shape}, NaN at {place}");
                    CollectionAssert.Contains(y, float.NaN);
                    foreach (var position in argMax)
                        Assert.IsTrue(position >= 0 && position < size * size, $"position {position}");
                }
            }
    }

    [TestMethod]
    public void Passes_RefuseShortSpans()
    {
        using var pool = new WorkerPool(1);
        var shape = new PoolShape(2, 4, 4, 3, 2, 2, 2, 0);
        Assert.ThrowsExactly<ArgumentException>(() => Pooling.MaxForward(shape, 2, new float[95], new float[24], [], SimdWidth.Scalar, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Pooling.AverageForward(shape, 2, new float[96], new float[23], SimdWidth.Scalar, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Pooling.MaxForward(shape, 2, new float[96], new float[24], new float[23], SimdWidth.Scalar, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Pooling.MaxBackward(shape, 2, new float[24], new float[23], new float[96], SimdWidth.Scalar, pool));
    }

    static void Check(PoolShape shape, PoolKind kind, float[] values, float[] gradients, PoolRun run)
    {
        var (y, parts) = ReferenceLayers.Pool(shape, kind, 2, LaneCases.Doubles(values));
        double[] gradX = new double[values.Length], magnitude = new double[values.Length];
        var terms = shape.SizeH * shape.SizeW;
        for (var o = 0; o < y.Length; o++)
        {
            var tolerance = kind == PoolKind.Max ? 0 : (terms + 1) * LaneCases.Unit * 3;
            LaneCases.AssertClose(y[o], run.Y[o], tolerance, $"{shape} y[{o}]");
            foreach (var (from, share) in parts[o])
            {
                gradX[from] += share * gradients[o];
                magnitude[from] += share * Math.Abs(gradients[o]);
            }
        }

        for (var i = 0; i < gradX.Length; i++)
            LaneCases.AssertClose(gradX[i], run.GradX[i], (terms + 2) * LaneCases.Unit * magnitude[i], $"{shape} gradX[{i}]");
    }

    /// <summary>Both passes with every buffer between canaries.</summary>
    sealed class PoolRun
    {
        public PoolRun(PoolShape shape, PoolKind kind, float[] values, float[] gradients, SimdWidth width, WorkerPool pool)
        {
            GuardedFloats x = new(values), y = new(gradients.Length), argMax = new(gradients.Length), gradY = new(gradients), gradX = new(values.Length);
            if (kind == PoolKind.Max)
            {
                Pooling.MaxForward(shape, 2, x.Span, y.Span, argMax.Span, width, pool);
                Pooling.MaxBackward(shape, 2, gradY.Span, argMax.Span, gradX.Span, width, pool);
            }
            else
            {
                Pooling.AverageForward(shape, 2, x.Span, y.Span, width, pool);
                Pooling.AverageBackward(shape, 2, gradY.Span, gradX.Span, width, pool);
            }

            foreach (var (buffer, name) in new[] { (x, "x"), (y, "y"), (argMax, "argMax"), (gradY, "gradY"), (gradX, "gradX") })
                buffer.Check(name);
            (Y, GradX) = (y.Span.ToArray(), gradX.Span.ToArray());
        }

        public float[] Y { get; }

        public float[] GradX { get; }
    }
}
