using System.Collections.Immutable;
using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Numerics;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class TunerTests
{
    static readonly TuningAlgorithm[] s_all = Enum.GetValues<TuningAlgorithm>();

    [TestMethod]
    public void Proposals_LieInTheSpace_AndRepeat() => Prop.ForAll(Spaces.Any().ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (space, seed) =>
    {
        foreach (var algorithm in s_all)
        {
            var first = Sequence(algorithm, space, (ulong)seed, order: trials => trials);
            foreach (var values in first.OfType<ImmutableArray<KeyValuePair<string, string>>>())
                Assert.IsTrue(space.PointOf(values).All(u => u is >= 0 and <= 1), $"{algorithm}: {string.Join(' ', values)}");
            Assert.AreEqual(Text(first), Text(Sequence(algorithm, space, (ulong)seed, order: trials => trials)), $"{algorithm}");
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(15));

    [TestMethod]
    public void OrderOfUpdates_DoesNotMatter() => Prop.ForAll(Spaces.Any().ToArbitrary(), Gen.Choose(0, 1000).ToArbitrary(), (space, seed) =>
    {
        foreach (var algorithm in s_all)
            Assert.AreEqual(
                Text(Sequence(algorithm, space, (ulong)seed, trials => trials)), Text(Sequence(algorithm, space, (ulong)seed, trials => trials.Reverse())), $"{algorithm}");
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(10));

    [TestMethod]
    [DataRow(TuningAlgorithm.Random)]
    [DataRow(TuningAlgorithm.Sobol)]
    [DataRow(TuningAlgorithm.Grid)]
    public void SequencesThatLearnNothing_AreTheSameForAnyNumberOfWorkers(TuningAlgorithm algorithm)
    {
        var space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log", "batch-size=8..64", "optimizer=adam,sgd");
        var (told, untold) = (Tuners.Create(algorithm, space, 5), Tuners.Create(algorithm, space, 5));
        for (var trial = 0; trial < 20; trial++)
        {
            var values = told.Propose(trial)!.Value;
            CollectionAssert.AreEqual(values.ToArray(), untold.Propose(trial)!.Value.ToArray());
            told.Update(Result(trial, values, trial));
        }
    }

    [TestMethod]
    public void Seeds_GiveOtherSequences()
    {
        var space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log", "dropout=0..0.5");
        foreach (var algorithm in s_all.Except([TuningAlgorithm.Grid]))
            Assert.AreNotEqual(Text(Sequence(algorithm, space, 1, trials => trials)), Text(Sequence(algorithm, space, 2, trials => trials)), $"{algorithm}");
    }

    [TestMethod]
    public void Grid_HasEveryCombinationOnce()
    {
        var space = SearchSpace.Parse("learning-rate=1e-4..1:log", "batch-size=8..10", "optimizer=adam,sgd");
        var tuner = Tuners.Create(TuningAlgorithm.Grid, space, 0);
        var all = Enumerable.Range(0, 30).Select(trial => string.Join(' ', tuner.Propose(trial)!.Value.Select(p => p.Value))).ToArray();
        Assert.AreEqual(30, all.Distinct().Count());
        Assert.IsNull(tuner.Propose(30));
        CollectionAssert.AreEqual(new[] { "0.0001 8 adam", "0.0001 8 sgd", "0.0001 9 adam" }, all[..3]);
        CollectionAssert.AreEquivalent(new[] { "0.0001", "0.001", "0.01", "0.1", "1" }, all.Select(text => text.Split(' ')[0]).Distinct().ToArray());
    }

    [TestMethod]
    public void Learners_BearFailuresAlone()
    {
        var space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log", "optimizer=adam,sgd");
        foreach (var algorithm in s_all.Except([TuningAlgorithm.Grid]))
        {
            var tuner = Tuners.Create(algorithm, space, 1);
            for (var trial = 0; trial < 30; trial++)
                tuner.Update(Result(trial, tuner.Propose(trial)!.Value, double.PositiveInfinity));
            Assert.IsNotNull(tuner.Propose(30), $"{algorithm}");
        }
    }

    [TestMethod]
    public void Sobol_BeginsAsPublished()
    {
        // The first eight points in three dimensions, as Joe and Kuo's program gives them.
        double[][] points = [[0, 0, 0], [0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75], [0.375, 0.375, 0.625], [0.875, 0.875, 0.125], [0.625, 0.125, 0.875], [0.125, 0.625, 0.375]];
        for (var i = 0; i < points.Length; i++)
            for (var d = 0; d < 3; d++)
                Assert.AreEqual(points[i][d], SobolTuner.Bits32((uint)i, d) / 4294967296.0, $"point {i}, dimension {d}");
    }

    [TestMethod]
    public void Sobol_HasOnePointInEachInterval()
    {
        for (var d = 0; d < SobolTuner.Most; d++)
            for (var bits = 1; bits <= 10; bits++)
            {
                var cells = Enumerable.Range(0, 1 << bits).Select(i => SobolTuner.Bits32((uint)i, d) >> (32 - bits)).Distinct().Count();
                Assert.AreEqual(1 << bits, cells, $"dimension {d}, {bits} bits");
            }
    }

    [TestMethod]
    public void Sobol_TwoFirstDimensions_AreANet()
    {
        // A (0, m, 2)-net: each box of 2^-a by 2^-(m-a) has one point. The shift keeps that.
        const int m = 8;
        for (var a = 0; a <= m; a++)
        {
            var boxes = Enumerable.Range(0, 1 << m).Select(i => SobolTuner.Point(i, 2, 7)).Select(p => ((int)(p[0] * (1 << a)), (int)(p[1] * (1 << (m - a))))).Distinct().Count();
            Assert.AreEqual(1 << m, boxes, $"boxes of 2^-{a}");
        }
    }

    [TestMethod]
    public void Sobol_DimensionsDiffer()
    {
        for (var a = 0; a < SobolTuner.Most; a++)
            for (var b = 0; b < a; b++)
                Assert.IsTrue(Enumerable.Range(0, 64).Any(i => SobolTuner.Bits32((uint)i, a) != SobolTuner.Bits32((uint)i, b)), $"{a} and {b}");
    }

    [TestMethod]
    public void Sobol_NamesItsLimit()
    {
        var space = new SearchSpace(Enumerable.Range(0, 22).Select(i => SearchParameter.Number($"p{i}", 0, 1)));
        Assert.AreEqual("MNC3206", Assert.ThrowsExactly<MlNetCifarException>(() => Tuners.Create(TuningAlgorithm.Sobol, space, 0)).Code);
        Assert.IsNotNull(Tuners.Create(TuningAlgorithm.Tpe, space, 0).Propose(0));
    }

    [TestMethod]
    public void GaussianProcess_LearnsWhatItIsShown()
    {
        var space = new SearchSpace(SearchParameter.Number("x", 0, 1), SearchParameter.Choice("c", "a", "b"));
        double Of(double[] p) => Math.Sin(6 * p[0]) + (p[1] < 0.5 ? 0 : 1);
        double[][] points = [.. Enumerable.Range(0, 24).Select(i => new[] { (i / 2 + 0.5) / 12, i % 2 == 0 ? 0.25 : 0.75 })];
        var model = new GaussianProcess(space, points, [.. points.Select(Of)]);
        foreach (var at in new[] { 0.1, 0.33, 0.5, 0.71, 0.9 })
            foreach (var choice in new[] { 0.25, 0.75 })
            {
                var (mean, deviation) = model.Predict([at, choice]);
                Assert.AreEqual(Of([at, choice]), mean, 0.06);
                Assert.IsLessThan(0.2, deviation);
            }
    }

    static ImmutableArray<KeyValuePair<string, string>>?[] Sequence(
        TuningAlgorithm algorithm, SearchSpace space, ulong seed, Func<IEnumerable<TrialResult>, IEnumerable<TrialResult>> order)
    {
        // What is known is told to a new tuner each time, as after a restart.
        List<TrialResult> results = [];
        var proposals = new ImmutableArray<KeyValuePair<string, string>>?[16];
        for (var trial = 0; trial < proposals.Length; trial++)
        {
            var tuner = Tuners.Create(algorithm, space, seed);
            foreach (var result in order(results))
                tuner.Update(result);
            proposals[trial] = tuner.Propose(trial);
            if (proposals[trial] is { } values)
                results.Add(Result(trial, values, trial % 5 == 4 ? double.PositiveInfinity : space.PointOf(values).Sum(u => (u - 0.3) * (u - 0.3))));
        }

        return proposals;
    }

    static string Text(ImmutableArray<KeyValuePair<string, string>>?[] sequence) => string.Join('\n', sequence.Select(values => values is { } some ? string.Join(' ', some) : "–"));

    internal static TrialResult Result(int trial, IEnumerable<KeyValuePair<string, string>> values, double loss) => new()
    {
        TrialSettings = new(trial, values), Metric = -loss, Loss = loss, State = double.IsFinite(loss) ? TrialState.Completed : TrialState.Failed,
    };
}
