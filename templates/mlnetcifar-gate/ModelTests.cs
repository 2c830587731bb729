using MlNetCifar.MSTest;

namespace MlNetCifar.Gate;

/// <summary>Whether the model is good enough to ship. Relative paths are looked for from this project's folder upwards.</summary>
[TestClass]
public sealed class ModelTests(TestContext context)
{
    [TestMethod]
    public void Model_PassesItsGate() => new ModelGate(context, model: "MODEL-PATH", data: "DATA-PATH")
        .AtLeast(GateMetric.MicroAccuracy, 0.987654321)
        .RecallOfEveryClass(0.123456789)
        .With(gate => gate.RequireAllImages())
        .AssertPassed();
}
