using MlNetCifar.MSTest;
using MlNetCifar.Reporting;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation.Gate;

/// <summary>What the model that comes with the program must reach on the sample's 2,000 test images.</summary>
[TestClass]
public sealed class ShippedModelTests
{
    const string Pinned = "e263a51b03ab13d12b7745eab2036fc0";

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void ShippedModel_PassesItsGate() => Assert.IsTrue(new ModelGate(TestContext, "models/cifar10-airbench94.safetensors", "src/MlNetCifar.App/Sample/cifar10-sample.tar.gz")
        .AtLeast(GateMetric.MicroAccuracy, 0.87).AtLeast(GateMetric.TopKAccuracy, 0.99).AtMost(GateMetric.LogLoss, 0.39)
        .RecallOfEveryClass(0.7)
        .With(gate => gate.RequireData(Pinned).RequireAllImages().RequireCalibrationError(0.05))
        .AssertPassed().Passed);

    [TestMethod]
    public void SampleOfAnotherOrder_IsRefused()
    {
        using var data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"));
        var test = data.Test!;
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        string[] names = [.. Enumerable.Range(0, test.Count).Select(test.Name)];
        StringAssert.StartsWith(DataFingerprint.Compute(test.Classes, labels, names), Pinned);
        (names[0], names[1]) = (names[1], names[0]);
        Assert.IsFalse(DataFingerprint.Compute(test.Classes, labels, names).StartsWith(Pinned, StringComparison.Ordinal));
    }
}
