using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class NetworkBenchmarkTests
{
    /// <summary>An update takes its time once a batch, not once for the few images that are measured with.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void SecondsOfStep_ShareTheUpdateAmongTheBatch()
    {
        // Small pictures: Muon's update takes several times what the gradients of sixteen take.
        var network = Architectures.Create("airbench94", 16, 16, 3, 10);
        var recipe = Recipes.For("airbench94", 16) with { Threads = 1 };
        double Least(int batch) => Enumerable.Range(0, 3).Min(_ => NetworkBenchmark.SecondsOfStep(network, recipe with { BatchSize = batch }));
        Assert.IsGreaterThan(1.5 * Least(2000), Least(16));
        Assert.IsGreaterThan(1.2 * NetworkBenchmark.Roughly(network, recipe with { BatchSize = 16 }), NetworkBenchmark.Roughly(network, recipe));
    }
}
