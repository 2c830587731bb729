using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>Text that must stay as committed.</summary>
static class Snapshot
{
    /// <summary>Compares with the committed file; with MLNETCIFAR_UPDATE_SNAPSHOTS=1 writes it instead.</summary>
    public static void Check(string name, string text)
    {
        var path = Repository.File("tests", "MlNetCifar.Tests", "App", "Snapshots", name);
        if (Environment.GetEnvironmentVariable("MLNETCIFAR_UPDATE_SNAPSHOTS") == "1")
            File.WriteAllText(path, text);
        Assert.IsTrue(File.Exists(path), $"There is no {path}; run with MLNETCIFAR_UPDATE_SNAPSHOTS=1 and look at it.");
        Assert.AreEqual(File.ReadAllText(path), text, name);
    }
}
