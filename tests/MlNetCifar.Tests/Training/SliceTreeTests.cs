using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

/// <summary>One sum, whoever adds which slices, and in how many pieces.</summary>
[TestClass]
public sealed class SliceTreeTests
{
    const int Gradients = 37;
    const int Statistics = 5;

    static readonly WorkerPool s_pool = new(2);

    [ClassCleanup]
    public static void Clean() => s_pool.Dispose();

    [TestMethod]
    public void Root_IsTheTreesSum_HoweverTheSlicesAreDivided()
    {
        var random = new Random(7);
        for (var slices = 1; slices <= 19; slices++)
        {
            var values = Draw(random, slices);
            var expected = Reference(values, 0, slices);
            for (var attempt = 0; attempt < 20; attempt++)
            {
                var (sum, nodes) = Divided(values, Cuts(random, slices));
                CollectionAssert.AreEqual(expected, sum, $"{slices} slices");
                Assert.IsLessThanOrEqualTo(slices, nodes);
            }
        }
    }

    /// <summary>The order must matter for the test above to say anything.</summary>
    [TestMethod]
    public void Root_IsNotTheSumInAnotherOrder()
    {
        var values = Draw(new Random(7), 8);
        var plain = new float[Gradients + Statistics];
        foreach (var slice in values)
            for (var i = 0; i < plain.Length; i++)
                plain[i] += slice[i];
        CollectionAssert.AreNotEqual(plain, Reference(values, 0, 8));
    }

    [TestMethod]
    public void Nodes_OfHalfTheSlices_AreFew()
    {
        using var tree = new SliceTree(Gradients, Statistics, s_pool);
        for (var slice = 0; slice < 8; slice++)
            tree.Push(Filled(tree, Draw(new Random(slice), 1)[0], slice));
        Assert.HasCount(1, tree.Nodes);
        tree.Clear();
        for (var slice = 3; slice < 8; slice++)
            tree.Push(Filled(tree, Draw(new Random(slice), 1)[0], slice));
        CollectionAssert.AreEqual(new[] { (3, 1), (4, 4) }, tree.Nodes.Select(n => (n.First, n.Count)).ToArray());
    }

    /// <summary>Floats that come in parts give what they give at once, rounded or not.</summary>
    [TestMethod]
    [DataRow(GradientFormat.F32)]
    [DataRow(GradientFormat.Bf16)]
    public void Nodes_CompletedInParts_AreTheSame(GradientFormat format)
    {
        using var expected = new SliceTree(Gradients, Statistics, s_pool, format);
        using var actual = new SliceTree(Gradients, Statistics, s_pool, format);
        for (var slice = 0; slice < 8; slice++)
        {
            var values = Draw(new Random(slice), 1)[0];
            expected.Push(Filled(expected, values, slice));
            var sum = Filled(actual, new float[values.Length], slice);
            actual.Open(sum);
            foreach (var (first, end) in new[] { (39, 42), (20, 39), (0, 20) })
            {
                values.AsSpan(first..end).CopyTo(sum.Values[first..end]);
                actual.Complete(first, end);
            }

            actual.Close();
            CollectionAssert.AreEqual(expected.Nodes.Select(n => (n.First, n.Count)).ToArray(), actual.Nodes.Select(n => (n.First, n.Count)).ToArray());
            for (var node = 0; node < expected.Nodes.Count; node++)
                CollectionAssert.AreEqual(expected.Nodes[node].Values.ToArray(), actual.Nodes[node].Values.ToArray());
        }
    }

    /// <summary>A slice that is added to its neighbour from where it was computed gives the sum of one with floats of its own, and is no node.</summary>
    [TestMethod]
    [DataRow(GradientFormat.F32)]
    [DataRow(GradientFormat.Bf16)]
    public void Nodes_OfBorrowedSlices_AreTheSame(GradientFormat format)
    {
        using var weights = NetworkWeights.Initialize(SmallModel.Spec, 1);
        using var computed = new WeightGradients(weights);
        var gradients = computed.All.Length;
        using var borrowed = new SliceSum(gradients, Statistics, computed);
        using var expected = new SliceTree(gradients, Statistics, s_pool, format);
        using var actual = new SliceTree(gradients, Statistics, s_pool, format);
        for (var slice = 0; slice < 7; slice++)
        {
            var random = new Random(slice);
            float[] values = [.. Enumerable.Range(0, gradients + Statistics).Select(_ => random.NextSingle() - 0.5f)];
            expected.Push(Filled(expected, values, slice));
            Assert.AreEqual(slice % 2 == 1, actual.AddsAtOnce(slice));
            var sum = slice % 2 == 1 ? borrowed : actual.Rent();
            (sum.First, sum.Count) = (slice, 1);
            values.AsSpan(0, gradients).CopyTo(sum.Gradients);
            values.AsSpan(gradients).CopyTo(sum.Statistics);
            actual.Push(sum);
        }

        CollectionAssert.DoesNotContain(actual.Nodes.ToArray(), borrowed);
        CollectionAssert.AreEqual(expected.Root().Values.ToArray(), actual.Root().Values.ToArray());
    }

    [TestMethod]
    public void Parts_HoldEachFloatOnce_FromTheLast()
    {
        foreach (var length in new[] { 1, 15, 512, 513, 4096, 4097, 250_010, 3_156_992 })
        {
            var parts = new SumParts(length);
            Assert.AreEqual(length, parts[0].End);
            Assert.AreEqual(0, parts[parts.Count - 1].First);
            Assert.IsInRange(1, 8, parts.Count);
            for (var part = 0; part < parts.Count; part++)
            {
                Assert.IsLessThan(parts[part].End, parts[part].First);
                Assert.AreEqual(part + 1, parts.FinalFrom(parts[part].First));
                Assert.AreEqual(part, part == 0 ? 0 : parts.FinalFrom(parts[part].First + 1));
                if (part > 0)
                    Assert.AreEqual(parts[part - 1].First, parts[part].End);
            }
        }
    }

    [TestMethod]
    public void Figures_AreAdded()
    {
        using var tree = new SliceTree(Gradients, Statistics, s_pool);
        for (var slice = 0; slice < 5; slice++)
        {
            var sum = Filled(tree, new float[Gradients + Statistics], slice);
            (sum.Loss, sum.Weight, sum.Correct) = (slice, 2 * slice, 3);
            tree.Push(sum);
        }

        var root = tree.Root();
        Assert.AreEqual((0, 5, 10.0, 20.0, 15), (root.First, root.Count, root.Loss, root.Weight, root.Correct));
    }

    [TestMethod]
    public void Slices_DifferByOnePictureAtMost_AndHaveNoneTwice()
    {
        for (var batch = 1; batch <= 40; batch++)
            for (var slices = 1; slices <= batch; slices++)
                for (var pictures = 1; pictures <= batch; pictures++)
                {
                    var slicing = new Slicing(batch, slices);
                    var count = slicing.Of(pictures);
                    var sizes = Enumerable.Range(0, count).Select(s => Slicing.First(pictures, count, s + 1) - Slicing.First(pictures, count, s)).ToArray();
                    Assert.AreEqual(pictures, sizes.Sum());
                    Assert.IsTrue(sizes.Min() >= 1 && sizes.Max() - sizes.Min() <= 1 && sizes.Max() <= slicing.Largest, $"{pictures} of {batch} in {slices}: {string.Join(' ', sizes)}");
                    if (pictures == batch)
                        Assert.AreEqual(slices, count);
                }
    }

    [TestMethod]
    public void Parts_CoverAllSlicesOnce()
    {
        for (var slices = 1; slices <= 12; slices++)
            for (var members = 1; members <= 14; members++)
            {
                var parts = Enumerable.Range(0, members).Select(m => new SlicePart(m, m + 1, members).In(slices)).ToArray();
                CollectionAssert.AreEqual(Enumerable.Range(0, slices).ToArray(), parts.SelectMany(p => Enumerable.Range(p.First, p.End - p.First)).ToArray());
                Assert.AreEqual((2 % slices, slices), new SlicePart(2 % slices, slices, slices).In(slices));
            }
    }

    static float[][] Draw(Random random, int slices) =>
        [.. Enumerable.Range(0, slices).Select(_ => Enumerable.Range(0, Gradients + Statistics).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(6)))).ToArray())];

    /// <summary>The definition: the left half is the largest power of two that leaves something to the right.</summary>
    static float[] Reference(float[][] values, int first, int end)
    {
        if (end - first == 1)
            return values[first];
        var half = 1;
        while (2 * half < end - first)
            half *= 2;
        return [.. Reference(values, first, first + half).Zip(Reference(values, first + half, end), (a, b) => a + b)];
    }

    static int[] Cuts(Random random, int slices) => [0, .. Enumerable.Range(1, slices - 1).Where(_ => random.Next(3) == 0), slices];

    /// <summary>The sum where each run of slices is summed by somebody else, whose nodes are then put together.</summary>
    static (float[] Sum, int Nodes) Divided(float[][] values, int[] cuts)
    {
        using var whole = new SliceTree(Gradients, Statistics, s_pool);
        var nodes = 0;
        for (var i = 0; i + 1 < cuts.Length; i++)
        {
            using var part = new SliceTree(Gradients, Statistics, s_pool);
            for (var slice = cuts[i]; slice < cuts[i + 1]; slice++)
                part.Push(Filled(part, values[slice], slice));
            foreach (var node in part.Nodes)
            {
                var copy = Filled(whole, node.Values, node.First);
                copy.Count = node.Count;
                whole.Push(copy);
                nodes++;
            }
        }

        return (whole.Root().Values.ToArray(), nodes);
    }

    static SliceSum Filled(SliceTree tree, ReadOnlySpan<float> values, int first)
    {
        var sum = tree.Rent();
        values.CopyTo(sum.Values);
        (sum.First, sum.Count, sum.Loss, sum.Weight, sum.Correct) = (first, 1, 0, 0, 0);
        return sum;
    }
}
