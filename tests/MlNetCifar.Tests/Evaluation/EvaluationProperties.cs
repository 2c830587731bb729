using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Evaluation;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Evaluation;

[TestClass]
public sealed class EvaluationProperties
{
    static readonly EvaluationOptions s_options = new() { BootstrapResamples = 50 };

    /// <summary>Rows with many ties, sometimes with NaN; small numbers over 2^bits.</summary>
    public sealed record Case(int Classes, int[] Labels, float[] Scores, ulong Seed)
    {
        public string[] Names => [.. Enumerable.Range(0, Classes).Select(i => $"c{i}")];

        public override string ToString() => $"{Classes} classes; labels {string.Join(' ', Labels)}; scores {string.Join(' ', Scores)}; seed {Seed}";
    }

    [TestMethod]
    public void Merge_OfPartsIsExactlyTheWhole() => ForAll(c =>
    {
        var random = new SplitRandom(c.Seed, RandomPurpose.Shuffle);
        var parts = Enumerable.Range(0, 4).Select(_ => new EvaluationAccumulator(c.Names, s_options)).ToArray();
        for (var i = 0; i < c.Labels.Length; i++)
            parts[random.Next(4)].Add(c.Labels.AsSpan(i, 1), c.Scores.AsSpan(i * c.Classes, c.Classes));
        var sum = new EvaluationAccumulator(c.Names, s_options);
        foreach (var part in parts)
            sum.Merge(Roundtrip(part));
        AssertSame(Evaluate(c), sum.ToResult());
    });

    [TestMethod]
    public void Evaluate_DoesNotDependOnTheOrderOfTheImages() => ForAll(c =>
    {
        var order = Enumerable.Range(0, c.Labels.Length).ToArray();
        new SplitRandom(c.Seed, RandomPurpose.Shuffle).Shuffle<int>(order);
        var shuffled = c with
        {
            Labels = [.. order.Select(i => c.Labels[i])],
            Scores = [.. order.SelectMany(i => c.Scores.Skip(i * c.Classes).Take(c.Classes))],
        };
        AssertSame(Evaluate(c), Evaluate(shuffled));
    });

    [TestMethod]
    public void Evaluate_StaysWithinItsBounds() => ForAll(c =>
    {
        var result = Evaluate(c);
        foreach (var metric in result.Headline)
        {
            var (low, high) = metric.Key switch
            {
                "logLoss" => (0, double.PositiveInfinity),
                "logLossReduction" => (double.NegativeInfinity, 1),
                "cohenKappa" or "matthewsCorrelation" => (-1, 1),
                "brierScore" => (0, 2),
                _ => (0.0, 1.0),
            };
            const double rounding = 1e-12;
            if (!double.IsNaN(metric.Value))
                Assert.IsTrue(metric.Value >= low - rounding && metric.Value <= high + rounding, $"{metric.Key} = {metric.Value}");
        }
    });

    [TestMethod]
    public void Evaluate_TopKGrowsToOneAndStartsAtMicroAccuracy() => ForAll(c =>
    {
        var all = Evaluate(c).TopKAccuracyForAllK;
        Assert.AreEqual(Evaluate(c).MicroAccuracy, all[0]);
        Assert.AreEqual(1.0, all[^1]);
        for (var k = 1; k < all.Count; k++)
            Assert.IsGreaterThanOrEqualTo(all[k - 1], all[k]);
    });

    [TestMethod]
    public void Evaluate_RenamedClassesGiveTheSameAverages() => ForAll(c =>
    {
        // Ties rank by class index, so only cases without them keep their predictions when classes change places.
        if (HasTies(c))
            return;
        var turned = c with
        {
            Labels = [.. c.Labels.Select(label => c.Classes - 1 - label)],
            Scores = [.. c.Scores.Chunk(c.Classes).SelectMany(row => row.Reverse())],
        };
        var (a, b) = (Evaluate(c), Evaluate(turned));
        Assert.AreEqual(a.MicroAccuracy, b.MicroAccuracy);
        Assert.AreEqual(a.LogLoss, b.LogLoss);
        Assert.AreEqual(a.AreaUnderRocCurveMicro, b.AreaUnderRocCurveMicro);
        Assert.AreEqual(a.MacroAccuracy, b.MacroAccuracy, 1e-14);
        Assert.AreEqual(a.MatthewsCorrelation, b.MatthewsCorrelation, 1e-13);
    });

    static void ForAll(Action<Case> check)
    {
        var generator =
            from classes in Gen.Choose(2, 5)
            from count in Gen.Choose(1, 40)
            from bits in Gen.Elements(1, 3, 10)
            from withNaN in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
            from seed in Gen.Choose(0, int.MaxValue - 1)
            select Build(classes, count, bits, withNaN, (ulong)seed);
        Prop.ForAll(generator.ToArbitrary(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    static Case Build(int classes, int count, int bits, bool withNaN, ulong seed)
    {
        var random = new SplitRandom(seed, RandomPurpose.Split);
        var units = 1 << bits;
        var scores = new float[count * classes];
        for (var i = 0; i < count; i++)
        {
            for (var unit = 0; unit < units; unit++)
                scores[(i * classes) + random.Next(classes)] += 1f / units;
            if (withNaN && i > 0 && random.Next(4) == 0)
                scores[(i * classes) + random.Next(classes)] = float.NaN;
        }

        return new Case(classes, [.. Enumerable.Range(0, count).Select(_ => random.Next(classes))], scores, seed);
    }

    static bool HasTies(Case c) => c.Scores.Chunk(c.Classes).Any(row => row.Distinct().Count() < c.Classes);

    static EvaluationResult Evaluate(Case c) => Evaluator.Evaluate(c.Labels, c.Scores, c.Names, s_options);

    static EvaluationAccumulator Roundtrip(EvaluationAccumulator part)
    {
        using var stream = new MemoryStream();
        part.WriteTo(stream);
        stream.Position = 0;
        return EvaluationAccumulator.ReadFrom(stream);
    }

    /// <summary>Bit for bit: all headline numbers with intervals, all classes, all bins.</summary>
    static void AssertSame(EvaluationResult a, EvaluationResult b)
    {
        CollectionAssert.AreEqual(a.Headline.ToArray(), b.Headline.ToArray());
        CollectionAssert.AreEqual(a.PerClass.ToArray(), b.PerClass.ToArray());
        CollectionAssert.AreEqual(a.ReliabilityBins.ToArray(), b.ReliabilityBins.ToArray());
        CollectionAssert.AreEqual(a.ReliabilityBinsEqualMass.ToArray(), b.ReliabilityBinsEqualMass.ToArray());
        CollectionAssert.AreEqual(a.Warnings.ToArray(), b.Warnings.ToArray());
        Assert.AreEqual(a.ConfusionMatrix.GetFormattedConfusionTable(), b.ConfusionMatrix.GetFormattedConfusionTable());
    }
}
