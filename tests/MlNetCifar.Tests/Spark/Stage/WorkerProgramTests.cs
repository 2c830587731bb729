using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Stage;

/// <summary>Which of the worker programs that lie beside the program is taken.</summary>
[TestClass]
public sealed class WorkerProgramTests
{
    const string Built = "mlnetcifar-worker", Ahead = "worker/mlnetcifar-worker", Native = "worker/native/mlnetcifar-worker";

    [TestMethod]
    [DataRow(true, null)]
    [DataRow(false, null)]
    [DataRow(true, Built, Built)]
    [DataRow(true, Ahead, Built, Ahead)]
    [DataRow(true, Native, Built, Ahead, Native)]
    [DataRow(false, Ahead, Built, Ahead, Native)]
    [DataRow(false, null, Native)]
    public void FindIn_TakesWhatSuitsTheWork(bool native, string? expected, params string[] files)
    {
        if (!WorkerProgram.RunsNative)
            Assert.Inconclusive("Native workers of x64 take AVX2, which this processor lacks.");
        using var folder = new TestFolder().Add(files);
        Assert.AreEqual(expected is null ? null : folder[expected], WorkerProgram.FindIn(folder.Root, native));
    }
}
