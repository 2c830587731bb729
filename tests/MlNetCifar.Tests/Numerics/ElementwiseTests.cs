using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class ElementwiseTests
{
    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Add_RoundsEachSumOnce(int width) => ForAll(width, (a, b, y, pool) =>
    {
        Elementwise.Add(a, b, y, (SimdWidth)width, pool);
        for (var i = 0; i < y.Length; i++)
            Assert.AreEqual(a[i] + b[i], y[i]);
        Elementwise.Add(a, b, b, (SimdWidth)width, pool);
        Assert.IsTrue(b.SequenceEqual(y), "in place");
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Scale_RoundsEachProductOnce(int width) => ForAll(width, (a, _, y, pool) =>
    {
        Elementwise.Scale(0.3f, a, y, (SimdWidth)width, pool);
        for (var i = 0; i < y.Length; i++)
            Assert.AreEqual(0.3f * a[i], y[i]);
        Elementwise.Scale(0.3f, a, a, (SimdWidth)width, pool);
        Assert.IsTrue(a.SequenceEqual(y), "in place");
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Combine_IsWithinTwoRoundings(int width) => ForAll(width, (a, b, y, pool) =>
    {
        Elementwise.Combine(0.7f, a, -1.3f, b, y, (SimdWidth)width, pool);
        for (var i = 0; i < y.Length; i++)
        {
            double first = (double)0.7f * a[i], second = (double)-1.3f * b[i];
            LaneCases.AssertClose(first + second, y[i], 2 * LaneCases.Unit * (Math.Abs(first) + Math.Abs(second)), $"{i}");
        }

        Elementwise.Combine(0.7f, a, -1.3f, b, b, (SimdWidth)width, pool);
        Assert.IsTrue(b.SequenceEqual(y), "in place");
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void SumOfSquares_IsWithinTheErrorOfOneBlock(int width)
    {
        foreach (var length in LaneCases.Lengths(width))
        {
            var x = new GuardedFloats(LaneCases.Draw(length, length));
            var partial = new double[LaneKernel.Blocks(length)];
            using var one = new WorkerPool(1);
            using var three = new WorkerPool(3);
            var sum = Elementwise.SumOfSquares(x.Span, partial, (SimdWidth)width, one);
            var expected = LaneCases.Doubles(x.Span).Sum(v => v * v);
            LaneCases.AssertClose(expected, sum, (LaneKernel.BlockLength / LaneCases.Count(width) + 8) * LaneCases.Unit * expected, $"length {length}");
            Assert.AreEqual(sum, Elementwise.SumOfSquares(x.Span, partial, (SimdWidth)width, three), "threads");
            x.Check("x");
        }
    }

    [TestMethod]
    public void SumOfSquares_RefusesTooLittleScratch()
    {
        using var pool = new WorkerPool(1);
        Assert.ThrowsExactly<ArgumentException>(() => Elementwise.SumOfSquares(new float[LaneKernel.BlockLength + 1], new double[1], SimdWidth.Scalar, pool));
    }

    delegate void Body(Span<float> a, Span<float> b, Span<float> y, WorkerPool pool);

    static void ForAll(int width, Body body)
    {
        using var pool = new WorkerPool(2);
        foreach (var length in LaneCases.Lengths(width))
        {
            GuardedFloats a = new(LaneCases.Draw(length, length)), b = new(LaneCases.Draw(length + 7, length)), y = new(length);
            body(a.Span, b.Span, y.Span, pool);
            a.Check("a");
            b.Check("b");
            y.Check("y");
        }
    }
}
