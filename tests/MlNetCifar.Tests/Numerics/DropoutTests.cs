using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class DropoutTests
{
    const int Length = 200_003;

    [TestMethod]
    [DataRow(0.1f)]
    [DataRow(0.2f)]
    [DataRow(0.5f)]
    [DataRow(0.9f)]
    public void Apply_DropsTheShareAndScalesTheRest(float rate)
    {
        var y = Mask(rate, 1, 2, 3);
        var dropped = y.Count(v => v == 0);
        var deviation = Math.Sqrt(rate * (1 - rate) * Length);
        Assert.AreEqual(rate * Length, dropped, 5 * deviation);
        Assert.IsTrue(y.All(v => v == 0 || v == 1 / (1 - rate)));
    }

    [TestMethod]
    public void Apply_LeavesNeighboursIndependent()
    {
        var y = Mask(0.5f, 1, 2, 3);
        foreach (var lag in new[] { 1, 2, 3, 4, 5, 8192 })
        {
            var equal = Enumerable.Range(0, Length - lag).Count(i => y[i] == y[i + lag]);
            Assert.AreEqual((Length - lag) / 2.0, equal, 5 * Math.Sqrt(Length) / 2, $"lag {lag}");
        }
    }

    [TestMethod]
    public void Apply_IsAFunctionOfSeedLayerAndStep()
    {
        var y = Mask(0.5f, 1, 2, 3);
        CollectionAssert.AreEqual(y, Mask(0.5f, 1, 2, 3));
        foreach (var other in new[] { Mask(0.5f, 2, 2, 3), Mask(0.5f, 1, 1, 3), Mask(0.5f, 1, 2, 4) })
        {
            var equal = y.Zip(other).Count(pair => pair.First == pair.Second);
            Assert.AreEqual(Length / 2.0, equal, 5 * Math.Sqrt(Length) / 2);
        }
    }

    [TestMethod]
    public void Apply_IsBitIdenticalForAnyThreadCount()
    {
        var one = Mask(0.3f, 1, 0, 0, 1);
        foreach (var threads in new[] { 2, 3, 8 })
            CollectionAssert.AreEqual(one, Mask(0.3f, 1, 0, 0, threads));
    }

    [TestMethod]
    public void Apply_WritesEveryLengthInBounds()
    {
        using var pool = new WorkerPool(2);
        foreach (var length in LaneCases.Lengths(128))
        {
            var values = LaneCases.Draw(length, length, 1, 2);
            GuardedFloats x = new(values), y = new(length);
            Dropout.Apply(0.25f, 9, 1, 5, x.Span, y.Span, pool);
            for (var i = 0; i < length; i++)
                Assert.IsTrue(y.Span[i] == 0 || y.Span[i] == values[i] * (1 / (1 - 0.25f)));
            Dropout.Apply(0.25f, 9, 1, 5, x.Span, x.Span, pool);
            Assert.IsTrue(x.Span.SequenceEqual(y.Span), "in place");
            x.Check("x");
            y.Check("y");
        }
    }

    static float[] Mask(float rate, ulong seed, int layer, long step, int threads = 2)
    {
        using var pool = new WorkerPool(threads);
        var ones = new float[Length];
        Array.Fill(ones, 1);
        var y = new float[Length];
        Dropout.Apply(rate, seed, layer, step, ones, y, pool);
        return y;
    }
}
