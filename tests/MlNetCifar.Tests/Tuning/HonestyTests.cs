using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Numerics;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class HonestyTests
{
    /// <summary>Forty equal models: what the best seems better than 0.7 is all luck, and the correction finds it.</summary>
    [TestMethod]
    public void Luck_OfEqualModels_IsAllThereIs()
    {
        var results = Enumerable.Range(0, 40).Select(trial => Trial(trial, 600, _ => 0.7)).ToArray();
        var bias = SelectionBias.Of(results, 600, 1)!;
        Assert.AreEqual((40, 600), (bias.Trials, bias.Images));
        Assert.AreEqual(results.Max(r => r.Metric), bias.Best);
        Assert.IsGreaterThan(0.72, bias.Best);
        Assert.AreEqual(0.7, bias.Corrected, 0.025);
        Assert.IsGreaterThan(0.02, bias.Luck);
        Assert.IsTrue(bias.Range.Contains(bias.Luck));
    }

    /// <summary>One model far ahead is picked each time, and owes nothing to it.</summary>
    [TestMethod]
    public void Luck_OfOneFarAhead_IsNone()
    {
        var results = Enumerable.Range(0, 20).Select(trial => Trial(trial, 600, t => t == 7 ? 0.9 : 0.5)).ToArray();
        var bias = SelectionBias.Of(results, 600, 1)!;
        Assert.AreEqual(1, bias.Share);
        Assert.AreEqual(0, bias.Luck, 0.004);
        Assert.AreEqual(bias.Best, bias.Corrected, 0.004);
    }

    [TestMethod]
    public void Luck_IsNotToldOfOneTrial()
    {
        Assert.IsNull(SelectionBias.Of([Trial(0, 600, _ => 0.7)], 600, 1));
        Assert.IsNull(SelectionBias.Of([Trial(0, 600, _ => 0.7), Trial(1, 600, _ => 0.7) with { State = TrialState.Pruned }], 600, 1));
        Assert.IsNull(SelectionBias.Of([Trial(0, 1, _ => 1), Trial(1, 1, _ => 1)], 1, 1));
    }

    /// <summary>Half of all resamples of two images draw both, and leave none to measure on.</summary>
    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    public void Luck_OfFewImages_IsANumber(int images)
    {
        var bias = SelectionBias.Of([.. Enumerable.Range(0, 3).Select(trial => Trial(trial, images, _ => 0.5))], images, 1)!;
        foreach (var figure in new[] { bias.Corrected, bias.Luck, bias.Range.Lower, bias.Range.Upper })
            Assert.IsTrue(double.IsFinite(figure), $"{figure}");
    }

    [TestMethod]
    public void Importance_FindsWhatMatters()
    {
        var space = new SearchSpace(SearchParameter.Number("much", 0, 1), SearchParameter.Number("little", 0, 1), SearchParameter.Choice("none", "a", "b", "c"));
        var tuner = Tuners.Create(TuningAlgorithm.Sobol, space, 1);
        var results = Enumerable.Range(0, 64).Select(trial =>
        {
            var settings = new TrialSettings(trial, tuner.Propose(trial)!.Value);
            return new TrialResult { TrialSettings = settings, Metric = 0, Loss = (3 * settings.Number("much")) + settings.Number("little") };
        }).ToArray();
        var shares = ParameterImportance.Of(space, results, 0)!;

        // Of 3x + y, 9 of 10 parts of the variance are x's.
        Assert.AreEqual(0.9, shares[0], 0.05);
        Assert.AreEqual(0.1, shares[1], 0.05);
        Assert.IsLessThan(0.02, shares[2]);
        Assert.IsNull(ParameterImportance.Of(space, results.Take(7), 0));
    }

    [TestMethod]
    public void Words_SayWhatWasNotMeasured()
    {
        var results = Enumerable.Range(0, 3).Select(trial => Trial(trial, 80, _ => 0.7)).ToArray();
        string Last(bool cancelled, bool test, int seeds, bool time = true) => SweepWords.Of(results, results[0], null, null, cancelled, time, test, seeds)[^1];
        StringAssert.Contains(Last(true, true, 1), "interrupted");
        StringAssert.Contains(Last(false, false, 1), "no test images");
        StringAssert.Contains(Last(false, true, 0), "--final-seeds 0");
        StringAssert.Contains(Last(false, true, 1, time: false), "The time budget left none");
    }

    [TestMethod]
    public void JoinedImages_AreBothOneBehindTheOther()
    {
        var (first, second) = (Set(5, 1), Set(3, 100));
        var joined = new JoinedImages(first, second);
        Assert.AreEqual(8, joined.Count);
        var (pixels, expected) = (new byte[12], new byte[12]);
        for (var i = 0; i < 8; i++)
        {
            var (source, index) = i < 5 ? (first, i) : (second, i - 5);
            joined.CopyPixels(i, pixels);
            source.CopyPixels(index, expected);
            CollectionAssert.AreEqual(expected, pixels);
            Assert.AreEqual((source.Label(index), source.Name(index)), (joined.Label(i), joined.Name(i)));
        }
    }

    static ImageSet Set(int count, int start) =>
        new([.. Enumerable.Range(start, count * 12).Select(i => (byte)i)], [.. Enumerable.Range(0, count).Select(i => i % 2)], 2, 2, 3, ["a", "b"]);

    static TrialResult Trial(int trial, int images, Func<int, double> accuracy)
    {
        var random = new SplitRandom(9, RandomPurpose.Tune, (ulong)trial);
        var (right, count) = (new byte[(images + 7) / 8], 0);
        for (var i = 0; i < images; i++)
        {
            if (random.NextDouble() >= accuracy(trial))
                continue;
            right[i / 8] |= (byte)(1 << (i % 8));
            count++;
        }

        return new() { TrialSettings = new(trial, [new("x", "1")]), Metric = (double)count / images, Loss = 1 - ((double)count / images), Right = ImmutableArray.Create(right) };
    }
}
