using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class BatchNormalizationTests
{
    const float Epsilon = 1e-5f;

    // A block has 512 rows and two accumulators.
    const int Terms = 256 + 4;

    static readonly int[] s_rows = [1, 2, 3, 511, 512, 513, 1030];

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Statistics_EqualDoubleReference(int width) => ForAll(width, (rows, channels, pool) =>
    {
        // An offset of a hundred deviations must cost no precision.
        var x = new GuardedFloats([.. LaneCases.Draw(rows, rows * channels).Select((v, i) => v + (i % channels % 2 * 100))]);
        GuardedFloats mean = new(channels), variance = new(channels), workspace = new(BatchNormalization.WorkspaceLength(rows, channels));
        BatchNormalization.Statistics(x.Span, mean.Span, variance.Span, workspace.Span, (SimdWidth)width, pool);
        var (m, v) = ReferenceLayers.Moments(LaneCases.Doubles(x.Span), channels);
        for (var c = 0; c < channels; c++)
        {
            var (first, second) = (0.0, 0.0);
            for (var row = 0; row < rows; row++)
            {
                var distance = Math.Abs(x.Span[(row * channels) + c] - x.Span[c]);
                (first, second) = (first + (distance / rows), second + ((double)distance * distance / rows));
            }

            LaneCases.AssertClose(m[c], mean.Span[c], LaneCases.Unit * (Math.Abs(m[c]) + (Terms * first)), $"mean {c} of {rows}×{channels}");
            LaneCases.AssertClose(v[c], variance.Span[c], 4 * Terms * LaneCases.Unit * second, $"variance {c} of {rows}×{channels}");
        }

        Check(x, mean, variance, workspace);
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void ScaleShift_RoundsOnce_TwiceWithoutFusedMultiplyAdd(int width) => ForAll(width, (rows, channels, pool) =>
    {
        GuardedFloats x = new(LaneCases.Draw(1, rows * channels)), y = new(rows * channels), scale = new(LaneCases.Draw(2, channels)), shift = new(LaneCases.Draw(3, channels));
        foreach (var relu in new[] { false, true })
        {
            BatchNormalization.ScaleShift(x.Span, scale.Span, shift.Span, relu, y.Span, (SimdWidth)width, pool);
            for (var i = 0; i < y.Length; i++)
            {
                var product = (double)x.Span[i] * scale.Span[i % channels];
                var expected = relu ? Math.Max(product + shift.Span[i % channels], 0) : product + shift.Span[i % channels];
                var first = SimdLevel.IsFused ? 0 : LaneCases.Unit * Math.Abs(product) * (1 + LaneCases.Unit);
                LaneCases.AssertClose(expected, y.Span[i], (LaneCases.Unit * Math.Abs(expected)) + first, $"{i} of {rows}×{channels}");
            }
        }

        BatchNormalization.ScaleShift(x.Span, scale.Span, shift.Span, true, x.Span, (SimdWidth)width, pool);
        Assert.IsTrue(x.Span.SequenceEqual(y.Span), "in place");
        Check(x, y, scale, shift);
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Backward_EqualsDoubleReference(int width) => ForAll(width, (rows, channels, pool) =>
    {
        foreach (var relu in new[] { false, true })
            new BackwardRun(rows, channels, relu, (SimdWidth)width, pool).CheckAgainstReference();
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void ChannelSums_EqualDoubleReference(int width) => ForAll(width, (rows, channels, pool) =>
    {
        GuardedFloats x = new(LaneCases.Draw(rows, rows * channels)), sums = new(channels), workspace = new(BatchNormalization.WorkspaceLength(rows, channels));
        BatchNormalization.ChannelSums(x.Span, sums.Span, workspace.Span, (SimdWidth)width, pool);
        for (var c = 0; c < channels; c++)
        {
            var column = Enumerable.Range(0, rows).Select(row => (double)x.Span[(row * channels) + c]).ToArray();
            LaneCases.AssertClose(column.Sum(), sums.Span[c], Terms * LaneCases.Unit * column.Sum(Math.Abs), $"channel {c} of {rows}×{channels}");
        }

        Check(x, sums, workspace);
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Passes_AreBitIdenticalForAnyThreadCount(int width)
    {
        using var one = new WorkerPool(1);
        var expected = new BackwardRun(2100, 5, true, (SimdWidth)width, one);
        foreach (var threads in new[] { 2, 3, 8 })
        {
            using var pool = new WorkerPool(threads);
            var run = new BackwardRun(2100, 5, true, (SimdWidth)width, pool);
            CollectionAssert.AreEqual(expected.GradX, run.GradX);
            CollectionAssert.AreEqual(expected.GradGamma, run.GradGamma);
            CollectionAssert.AreEqual(expected.GradBeta, run.GradBeta);
        }
    }

    [TestMethod]
    public void Backward_IsTheCentralDifferenceOfTheForwardFormula()
    {
        using var pool = new WorkerPool(1);
        var run = new BackwardRun(7, 3, false, SimdWidth.Scalar, pool);
        const double Step = 1e-6;
        double Loss(double[] x) => ReferenceLayers.BatchNorm(x, run.Gamma, new double[3], Epsilon).Zip(run.GradY, (y, g) => y * g).Sum();
        for (var i = 0; i < run.X.Length; i++)
        {
            double[] up = [.. run.X], down = [.. run.X];
            (up[i], down[i]) = (up[i] + Step, down[i] - Step);
            Assert.AreEqual((Loss(up) - Loss(down)) / (2 * Step), run.GradX[i], 1e-5, $"{i}");
        }
    }

    /// <summary>Two slices, whose sums are added, give what both give in one.</summary>
    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Slices_GiveWhatTheWholeGives(int width) => ForAll(width, (rows, channels, pool) =>
    {
        var cut = rows / 3 * channels;
        if (cut == 0)
            return;
        GuardedFloats x = new([.. LaneCases.Draw(rows, rows * channels).Select((v, i) => v + (i % channels % 2 * 100))]), g = new(LaneCases.Draw(rows + 1, rows * channels));
        GuardedFloats mean = new(channels), inverse = new(channels), gamma = new(LaneCases.Draw(5, channels, 0.5, 1.5)), workspace = new(BatchNormalization.WorkspaceLength(rows, channels));
        GuardedFloats gradX = new(g.Span.ToArray()), gradGamma = new(channels), gradBeta = new(channels), partGamma = new(channels), partBeta = new(channels);
        var (m, v) = ReferenceLayers.Moments(LaneCases.Doubles(x.Span), channels);
        var total = Total((part, sums) => BatchNormalization.Sums(x.Span[part], sums, workspace.Span, (SimdWidth)width, pool));
        BatchNormalization.Moments(total, rows, mean.Span, inverse.Span);
        for (var c = 0; c < channels; c++)
        {
            LaneCases.AssertClose(m[c], mean.Span[c], 2 * Terms * LaneCases.Unit * (Math.Abs(m[c]) + 1), $"mean {c} of {rows}×{channels}");
            LaneCases.AssertClose(v[c], inverse.Span[c], 8 * Terms * LaneCases.Unit * (v[c] + 1), $"variance {c} of {rows}×{channels}");
            inverse.Span[c] = 1 / MathF.Sqrt(inverse.Span[c] + Epsilon);
        }

        BatchNormalization.Backward(x.Span, g.Span, mean.Span, inverse.Span, gamma.Span, [], gradX.Span, gradGamma.Span, gradBeta.Span, workspace.Span, (SimdWidth)width, pool);
        var gradients = new float[2, channels];
        total = Total((part, sums) =>
        {
            BatchNormalization.GradientSums(x.Span[part], g.Span[part], mean.Span, [], sums, workspace.Span, (SimdWidth)width, pool);
            BatchNormalization.Gradients(sums, inverse.Span, partGamma.Span, partBeta.Span);
            for (var c = 0; c < channels; c++)
                (gradients[0, c], gradients[1, c]) = (gradients[0, c] + partGamma.Span[c], gradients[1, c] + partBeta.Span[c]);
        });
        foreach (var part in new[] { ..cut, cut.. })
            BatchNormalization.Gradient(x.Span[part], g.Span[part], mean.Span, inverse.Span, gamma.Span, [], total, rows, g.Span[part], workspace.Span, (SimdWidth)width, pool);
        for (var c = 0; c < channels; c++)
        {
            LaneCases.AssertClose(gradGamma.Span[c], gradients[0, c], 1e-4 * (1 + Math.Abs(gradGamma.Span[c])), $"γ {c} of {rows}×{channels}");
            LaneCases.AssertClose(gradBeta.Span[c], gradients[1, c], 1e-4 * (1 + Math.Abs(gradBeta.Span[c])), $"β {c} of {rows}×{channels}");
        }

        // Of few rows a channel may hardly deviate, and rounding of x counts much.
        for (var i = 0; i < g.Length; i++)
            LaneCases.AssertClose(gradX.Span[i], g.Span[i], 1e-3 * (1 + inverse.Span[i % channels]), $"x {i} of {rows}×{channels}");
        Check(x, g, mean, inverse, gamma, workspace, gradX, gradGamma, gradBeta, partGamma, partBeta);

        double[] Total(Action<Range, double[]> sum)
        {
            double[] first = new double[2 * channels], second = new double[2 * channels];
            sum(..cut, first);
            sum(cut.., second);
            return [.. first.Zip(second, (a, b) => a + b)];
        }
    });

    static void ForAll(int width, Action<int, int, WorkerPool> body)
    {
        using var pool = new WorkerPool(2);
        foreach (var rows in s_rows)
            foreach (var channels in rows > 512 ? [1, LaneCases.Count(width), LaneCases.Count(width) + 1] : LaneCases.Channels(width))
                body(rows, channels, pool);
    }

    static void Check(params GuardedFloats[] buffers)
    {
        for (var i = 0; i < buffers.Length; i++)
            buffers[i].Check($"buffer {i}");
    }

    /// <summary>Statistics as the layer makes them, then the backward pass in place.</summary>
    sealed class BackwardRun
    {
        readonly double[] _mean;
        readonly double[] _inverse;
        readonly bool[] _open;

        public BackwardRun(int rows, int channels, bool relu, SimdWidth width, WorkerPool pool)
        {
            GuardedFloats x = new(LaneCases.Draw(rows + channels, rows * channels, 1, 3)), g = new(LaneCases.Draw(rows, rows * channels));
            GuardedFloats gamma = new(LaneCases.Draw(5, channels, 0.5, 1.5)), mean = new(channels), inverse = new(channels), mask = new(LaneCases.Draw(6, 2 * channels));
            GuardedFloats gradGamma = new(channels), gradBeta = new(channels), workspace = new(BatchNormalization.WorkspaceLength(rows, channels));
            BatchNormalization.Statistics(x.Span, mean.Span, inverse.Span, workspace.Span, width, pool);
            foreach (ref var v in inverse.Span)
                v = 1 / MathF.Sqrt(v + Epsilon);
            (X, GradY, Gamma) = (LaneCases.Doubles(x.Span), LaneCases.Doubles(g.Span), LaneCases.Doubles(gamma.Span));
            (_mean, _inverse) = (LaneCases.Doubles(mean.Span), LaneCases.Doubles(inverse.Span));
            var (scale, shift) = (mask.Span[..channels].ToArray(), mask.Span[channels..].ToArray());
            _open = [.. X.Select((v, i) => !relu || Lanes1.MultiplyAdd((float)v, scale[i % channels], shift[i % channels]) > 0)];
            workspace.Span.Fill(float.NaN);
            BatchNormalization.Backward(
                x.Span, g.Span, mean.Span, inverse.Span, gamma.Span, relu ? mask.Span : [], g.Span, gradGamma.Span, gradBeta.Span, workspace.Span, width, pool);
            Check(x, g, gamma, mean, inverse, mask, gradGamma, gradBeta, workspace);
            (GradX, GradGamma, GradBeta) = (g.Span.ToArray(), gradGamma.Span.ToArray(), gradBeta.Span.ToArray());
        }

        public double[] X { get; }

        public double[] GradY { get; }

        public double[] Gamma { get; }

        public float[] GradX { get; }

        public float[] GradGamma { get; }

        public float[] GradBeta { get; }

        public void CheckAgainstReference()
        {
            var channels = Gamma.Length;
            var rows = X.Length / channels;
            for (var c = 0; c < channels; c++)
            {
                double sum = 0, products = 0, absolute = 0, absoluteProducts = 0, m = _mean[c], s = _inverse[c];
                for (var i = c; i < X.Length; i += channels)
                {
                    var g = _open[i] ? GradY[i] : 0;
                    (sum, products) = (sum + g, products + (g * (X[i] - m)));
                    (absolute, absoluteProducts) = (absolute + Math.Abs(g), absoluteProducts + Math.Abs(g * (X[i] - m)));
                }

                LaneCases.AssertClose(sum, GradBeta[c], Terms * LaneCases.Unit * absolute, $"β {c} of {rows}×{channels}");
                LaneCases.AssertClose(products * s, GradGamma[c], Terms * LaneCases.Unit * absoluteProducts * s, $"γ {c} of {rows}×{channels}");
                for (var i = c; i < X.Length; i += channels)
                {
                    var g = _open[i] ? GradY[i] : 0;
                    var expected = Gamma[c] * s * (g - (sum / rows) - ((X[i] - m) * s * s * products / rows));

                    // The last two terms are computed as a multiple of x and a constant, so |x| and |m| count where x − m would.
                    var terms = (4 * Math.Abs(g)) + (Terms * absolute / rows) + (Terms * (Math.Abs(X[i]) + Math.Abs(m)) * s * s * absoluteProducts / rows);
                    LaneCases.AssertClose(expected, GradX[i], Gamma[c] * s * LaneCases.Unit * terms, $"x {i} of {rows}×{channels}");
                }
            }
        }
    }
}
