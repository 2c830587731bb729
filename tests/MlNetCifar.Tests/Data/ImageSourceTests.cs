using MlNetCifar.Data;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ImageSourceTests
{
    [TestMethod]
    public void Split_KeepsSharesIsDisjointAndCompleteAndRepeatable()
    {
        var set = TestImages.Random(403, classes: 5);
        var (first, second) = set.Split(0.8, 7);
        Assert.AreEqual(403, first.Count + second.Count);
        var whole = set.ClassCounts();
        var counts = first.ClassCounts();
        for (var c = 0; c < 5; c++)
            Assert.AreEqual(whole[c] * 0.8, counts[c], 0.5);
        var names = Names(first).Concat(Names(second)).ToArray();
        Assert.HasCount(403, names.Distinct());
        CollectionAssert.AreEqual(Names(first), Names(set.Split(0.8, 7).First));
        CollectionAssert.AreNotEqual(Names(first), Names(set.Split(0.8, 8).First));
    }

    [TestMethod]
    public void Split_TinyClasses_GiveToBothSides()
    {
        var set = new ImageSet(new byte[15], [0, 0, 1, 1, 1], 1, 1, 3, ["a", "b"]);
        var (first, second) = set.Split(0.99, 0);
        CollectionAssert.AreEqual(new[] { 1, 2 }, first.ClassCounts());
        CollectionAssert.AreEqual(new[] { 1, 1 }, second.ClassCounts());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => set.Split(1, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => set.Split(double.NaN, 0));
    }

    [TestMethod]
    public void Subset_OfASubset_SeesTheSamePictures()
    {
        var set = TestImages.Random(20);
        var view = set.Subset([5, 3, 11, 7]).Subset([2, 0]);
        Assert.AreEqual(2, view.Count);
        var (expected, actual) = (new byte[set.ImageLength], new byte[set.ImageLength]);
        set.CopyPixels(11, expected);
        view.CopyPixels(0, actual);
        CollectionAssert.AreEqual(expected, actual);
        Assert.AreEqual(set.Label(5), view.Label(1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => set.Subset([20]));
    }

    [TestMethod]
    public void Sample_KeepsTheSharesOfTheClasses()
    {
        var set = TestImages.Random(400);
        var counts = set.Sample(100, 3).ClassCounts();
        var whole = set.ClassCounts();
        for (var c = 0; c < 4; c++)
            Assert.AreEqual(whole[c] / 4.0, counts[c], 1);
        Assert.AreSame(set, set.Sample(400, 3));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Compute_Normalization_EqualsTwoPassesInDouble(int channels)
    {
        var set = TestImages.Random(57, channels: channels);
        var normalization = Normalization.Compute(set);
        for (var c = 0; c < channels; c++)
        {
            var values = set.Pixels.ToArray().Where((_, i) => i % channels == c).Select(b => b / 255.0).ToArray();
            var mean = values.Average();
            Assert.AreEqual(mean, normalization.Mean[c], 1e-7);
            Assert.AreEqual(Math.Sqrt(values.Average(v => (v - mean) * (v - mean))), normalization.Std[c], 1e-7);
        }

        Assert.AreEqual(normalization, Normalization.Compute(set.Subset([.. Enumerable.Range(0, 57).Reverse()])));
    }

    [TestMethod]
    public void Compute_ConstantChannel_HasDeviationOne()
    {
        var normalization = Normalization.Compute(new ImageSet([9, 9, 9, 9], [0, 0, 0, 1], 1, 1, 1, ["a", "b"]));
        Assert.AreEqual(1f, normalization.Std[0]);
    }

    [TestMethod]
    public void ContentHash_ChangesWithPixelLabelAndOrder()
    {
        var set = TestImages.Random(6);
        var pixels = set.Pixels.ToArray();
        pixels[17] ^= 1;
        var labels = set.Labels.ToArray();
        labels[2] = (labels[2] + 1) % 4;
        string[] hashes =
        [
            set.ContentHash(),
            new ImageSet(pixels, set.Labels.ToArray(), 8, 8, 3, set.Classes).ContentHash(),
            new ImageSet(set.Pixels.ToArray(), labels, 8, 8, 3, set.Classes).ContentHash(),
            set.Subset([1, 0, 2, 3, 4, 5]).ContentHash(),
        ];
        Assert.HasCount(4, hashes.Distinct());
        Assert.AreEqual(hashes[0], set.Subset([0, 1, 2, 3, 4, 5]).ContentHash());
    }

    [TestMethod]
    public void Constructor_WrongLengthsOrLabels_AreNamed()
    {
        Assert.ThrowsExactly<ArgumentException>(() => new ImageSet(new byte[5], [0], 1, 1, 3, ["a", "b"]));
        Assert.ThrowsExactly<ArgumentException>(() => new ImageSet(new byte[3], [2], 1, 1, 3, ["a", "b"]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageSet(new byte[2], [0], 1, 1, 2, ["a", "b"]));
    }

    [TestMethod]
    public void Shuffle_ByWindow_IsAPermutationWithBoundedReach()
    {
        int[] runs = [0, 30, 50, 90];
        var order = new SampleOrder(100, runs, 16);
        order.Shuffle(3, 0);
        var first = order.Order.ToArray();
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 100).ToArray(), first);
        // A window of 16 can touch no more than three runs of at least ten.
        for (var start = 0; start < 100; start += 16)
            Assert.IsLessThanOrEqualTo(3, first.Skip(start).Take(16).Select(i => runs.Count(r => r <= i)).Distinct().Count());
        order.Shuffle(3, 1);
        CollectionAssert.AreNotEqual(first, order.Order.ToArray());
        order.Shuffle(3, 0);
        CollectionAssert.AreEqual(first, order.Order.ToArray());
    }

    static string[] Names(ImageSource source) => [.. Enumerable.Range(0, source.Count).Select(source.Name)];
}
