using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class ParetoTests
{
    [TestMethod]
    public void Front_IsWhatNoOtherBeats() => Prop.ForAll(Gen.Choose(0, 6).Two().ListOf(12).ToArbitrary(), pairs =>
    {
        var results = pairs.Select((pair, i) => Result(i, pair.Item1, pair.Item2)).ToArray();
        var front = ParetoFront.Of(results, CostKind.Parameters);
        return results.All(r => front.Any(f => f.Metric >= r.Metric && f.Cost!.Parameters <= r.Cost!.Parameters))
            && front.All(f => !results.Any(r => r.Metric >= f.Metric && r.Cost!.Parameters <= f.Cost!.Parameters && (r.Metric > f.Metric || r.Cost.Parameters < f.Cost.Parameters)));
    }).QuickCheckThrowOnFailure();

    [TestMethod]
    public void FailedAndPrunedTrials_AreNotOnIt() => Assert.IsEmpty(ParetoFront.Of(
        [Result(0, 1, 1) with { State = TrialState.Pruned }, Result(1, 1, 1) with { State = TrialState.Failed }, Result(2, 1, 1) with { Cost = null }], CostKind.Memory));

    /// <summary>Loss x², cost (1 − x)²: every x is on the front, and random search needs luck to find both ends.</summary>
    [TestMethod]
    [DataRow(TuningAlgorithm.Tpe)]
    [DataRow(TuningAlgorithm.Gp)]
    [DataRow(TuningAlgorithm.Cfo)]
    public void Trials_SpreadAlongTheFront(TuningAlgorithm algorithm)
    {
        var space = new SearchSpace(SearchParameter.Number("x", -2, 2), SearchParameter.Number("y", -2, 2));
        var results = new TuningExperiment().SetSearchSpace(space).SetTuner(algorithm, 1).SetSecondObjective(CostKind.Parameters).SetTrialRunner(new Two()).SetMaxModelToExplore(80).SearchAsync(default).Result;
        var random = new TuningExperiment().SetSearchSpace(space).SetTuner(TuningAlgorithm.Random, 1).SetTrialRunner(new Two()).SetMaxModelToExplore(80).SearchAsync(default).Result;
        Assert.IsGreaterThan(Volume(random), Volume(results), $"{Volume(random)}, {Volume(results)}");
        var again = new TuningExperiment().SetSearchSpace(space).SetTuner(algorithm, 1).SetSecondObjective(CostKind.Parameters).SetTrialRunner(new Two()).SetMaxModelToExplore(80).SearchAsync(default).Result;
        CollectionAssert.AreEqual(results.Select(r => r.Metric).ToArray(), again.Select(r => r.Metric).ToArray(), "a seed gives the same sweep");
    }

    [TestMethod]
    public void Brackets_HaveTheirShares()
    {
        CollectionAssert.AreEqual(new[] { 27, 12, 6, 4 }, Enumerable.Range(0, 4).Select(bracket => Enumerable.Range(0, 49).Count(trial => Pruning.BracketOf(trial) == bracket)).ToArray());
        Assert.IsTrue(Enumerable.Range(0, 12).Select(Pruning.BracketOf).Distinct().Count() >= 3, "spread");
    }

    [TestMethod]
    public void Hyperband_JudgesABracketFromItsFirstRung()
    {
        System.Collections.Immutable.ImmutableArray<double>[] others = [[0.5, 0.5, 0.5], [0.6, 0.6, 0.6], [0.7, 0.7, 0.7]];
        Assert.IsFalse(Pruning.GoesOn(PruningRule.Hyperband, [0.1], others));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Hyperband, [0.1], others, bracket: 1));
        Assert.IsFalse(Pruning.GoesOn(PruningRule.Hyperband, [0.1, 0.1, 0.1], others, bracket: 1));
        Assert.IsTrue(Pruning.GoesOn(PruningRule.Hyperband, [0.1, 0.1, 0.1], others, bracket: 2));
    }

    [TestMethod]
    public void Cost_IsOfTheNetwork()
    {
        var small = TrialCost.Of(Architectures.Create("seed-cnn", 16, 16, 3, 4));
        var large = TrialCost.Of(Architectures.Create("resnet9", 32, 32, 3, 4));
        using var weights = MlNetCifar.Nn.NetworkWeights.Initialize(Architectures.Create("seed-cnn", 16, 16, 3, 4), 0);
        Assert.AreEqual(weights.ParameterCount, small.Parameters);
        Assert.IsGreaterThan(4 * small.Parameters, small.Memory);
        Assert.IsGreaterThan(small.Milliseconds, large.Milliseconds);
        var options = new SweepOptions { MaxParameters = (int)small.Parameters };
        Assert.IsNotNull(options.CostOf(Architectures.Create("seed-cnn", 16, 16, 3, 4)));
        Assert.AreEqual("MNC3221", Assert.ThrowsExactly<MlNetCifarException>(() => options.CostOf(Architectures.Create("resnet9", 32, 32, 3, 4))).Code);
        Assert.IsNull(new SweepOptions().CostOf(Architectures.Create("seed-cnn", 16, 16, 3, 4)), "nobody asked");
    }

    static TrialResult Result(int trial, int metric, int cost) => new() { TrialSettings = new(trial, []), Metric = metric, Loss = -metric, Cost = new(cost, cost, cost) };

    /// <summary>The part of a square that trials beat.</summary>
    static double Volume(IReadOnlyList<TrialResult> results)
    {
        const double corner = 2;
        var (sum, next) = (0.0, corner);
        foreach (var trial in results.OrderBy(r => r.Loss))
        {
            var cost = trial.Cost!.Milliseconds;
            if (trial.Loss >= corner || cost >= next)
                continue;
            sum += (corner - trial.Loss) * (next - cost);
            next = cost;
        }

        return sum;
    }

    sealed class Two : ITrialRunner
    {
        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            var (x, y) = (settings.Number("x"), settings.Number("y"));
            var (loss, cost) = ((x * x) + (y * y), ((1 - x) * (1 - x)) + (y * y));
            return Task.FromResult(new TrialResult { TrialSettings = settings, Metric = -loss, Cost = new((long)(1e6 * (cost + 0.01)), cost, 1) });
        }
    }
}
