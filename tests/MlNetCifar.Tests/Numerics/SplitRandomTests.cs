using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class SplitRandomTests
{
    const int Count = 100_000;

    [TestMethod]
    public void Streams_DependOnEveryCoordinate()
    {
        var first = new HashSet<ulong>();
        foreach (var seed in new ulong[] { 0, 1, 2, ulong.MaxValue })
            foreach (var purpose in Enum.GetValues<RandomPurpose>())
                for (ulong a = 0; a < 20; a++)
                    for (ulong b = 0; b < 20; b++)
                        Assert.IsTrue(first.Add(new SplitRandom(seed, purpose, a, b).NextUInt64()), $"{seed} {purpose} {a} {b}");
    }

    [TestMethod]
    public void Streams_AreTheSameEveryTime()
    {
        var (x, y) = (new SplitRandom(7, RandomPurpose.Shuffle, 3, 4), new SplitRandom(7, RandomPurpose.Shuffle, 3, 4));
        for (var i = 0; i < 100; i++)
            Assert.AreEqual(x.NextUInt64(), y.NextUInt64());
    }

    [TestMethod]
    public void Streams_EqualTheirDefinition()
    {
        // SplitMix64 over a state hashed from the coordinates, in arbitrary-precision arithmetic.
        var golden = new System.Numerics.BigInteger(0x9E3779B97F4A7C15);
        var modulus = System.Numerics.BigInteger.One << 64;
        System.Numerics.BigInteger Mix(System.Numerics.BigInteger z)
        {
            z %= modulus;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % modulus;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB % modulus;
            return z ^ (z >> 31);
        }

        var state = Mix(Mix((Mix(Mix(42 + golden) ^ (uint)RandomPurpose.Augment) + (5 * golden)) % modulus) ^ (6 + golden));
        var random = new SplitRandom(42, RandomPurpose.Augment, 5, 6);
        for (var i = 0; i < 20; i++)
        {
            state = (state + golden) % modulus;
            Assert.AreEqual((ulong)Mix(state), random.NextUInt64());
        }
    }

    [TestMethod]
    public void Uniforms_HaveTheirMoments()
    {
        var random = new SplitRandom(1, RandomPurpose.Initialize);
        var singles = Enumerable.Range(0, Count).Select(_ => (double)random.NextSingle()).ToArray();
        var doubles = Enumerable.Range(0, Count).Select(_ => random.NextDouble()).ToArray();
        foreach (var values in new[] { singles, doubles })
        {
            Assert.IsTrue(values.All(v => v is >= 0 and < 1));
            Assert.AreEqual(0.5, values.Average(), 5 * Math.Sqrt(1.0 / 12 / Count));
            Assert.AreEqual(1.0 / 3, values.Average(v => v * v), 5 * Math.Sqrt(4.0 / 45 / Count));
        }
    }

    [TestMethod]
    public void NextGaussian_HasItsMoments()
    {
        var random = new SplitRandom(1, RandomPurpose.Initialize);
        var values = Enumerable.Range(0, Count).Select(_ => random.NextGaussian()).ToArray();
        Assert.IsTrue(values.All(double.IsFinite));
        Assert.AreEqual(0, values.Average(), 5 / Math.Sqrt(Count));
        Assert.AreEqual(1, values.Average(v => v * v), 5 * Math.Sqrt(2.0 / Count));
        Assert.AreEqual(0, values.Average(v => v * v * v), 5 * Math.Sqrt(15.0 / Count));
        Assert.AreEqual(3, values.Average(v => v * v * v * v), 5 * Math.Sqrt(96.0 / Count));
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(10)]
    [DataRow(1000)]
    public void Next_IsUniform(int max)
    {
        var random = new SplitRandom(3, RandomPurpose.Split);
        var counts = new int[max];
        for (var i = 0; i < Count; i++)
            counts[random.Next(max)]++;
        var expected = (double)Count / max;
        var chi = counts.Sum(c => (c - expected) * (c - expected) / expected);
        Assert.AreEqual(max - 1, chi, 5 * Math.Sqrt(2.0 * (max - 1)));
    }

    [TestMethod]
    public void Shuffle_PutsEveryElementEverywhereAlike()
    {
        const int Size = 5, Rounds = 20_000;
        var counts = new int[Size, Size];
        for (var round = 0; round < Rounds; round++)
        {
            int[] values = [0, 1, 2, 3, 4];
            new SplitRandom(1, RandomPurpose.Shuffle, (ulong)round).Shuffle<int>(values);
            CollectionAssert.AreEquivalent(new[] { 0, 1, 2, 3, 4 }, values);
            for (var place = 0; place < Size; place++)
                counts[place, values[place]]++;
        }

        foreach (var count in counts)
            Assert.AreEqual(Rounds / (double)Size, count, 5 * Math.Sqrt(Rounds * 0.2 * 0.8));
    }
}
