using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class ReferenceFunctionTests
{
    const int Seeds = 7;

    public static IEnumerable<object[]> Cases =>
        from function in ReferenceFunction.All.Index() from algorithm in new[] { TuningAlgorithm.Tpe, TuningAlgorithm.Gp } select new object[] { function.Index, algorithm };

    [TestMethod]
    [TestCategory("Slow")]
    [DynamicData(nameof(Cases))]
    public void Learners_BeatRandomSearch(int function, TuningAlgorithm algorithm)
    {
        var reference = ReferenceFunction.All[function];
        var (learned, random) = (reference.MedianRegret(algorithm, Seeds, 60), reference.MedianRegret(TuningAlgorithm.Random, Seeds, 60));
        Console.WriteLine(FormattableString.Invariant($"{reference.Name}, 60 trials, median of {Seeds}: {algorithm} {learned:0.0000}, random {random:0.0000}"));
        Assert.IsGreaterThanOrEqualTo(-1e-4, learned);
        Assert.IsLessThan(random, learned, reference.Name);
    }
}
