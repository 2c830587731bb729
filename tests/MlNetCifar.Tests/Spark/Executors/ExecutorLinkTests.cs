using System.Text.Json;
using MlNetCifar.Distributed;
using MlNetCifar.Spark.Cluster;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>Executors of a real cluster that know a secret: they join a run while it lasts, sum up among each other, and all of it is encrypted.</summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class ExecutorLinkTests
{
    [TestMethod]
    public async Task Train_OnExecutorsThatJoin_LinkedAndEncrypted_GivesTheWeightsOfOneProcess()
    {
        var secret = Path.Combine(Path.GetTempPath(), $"mlnetcifar-secret-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(secret, "correct horse battery staple\n");
        try
        {
            using var fixture = await ExecutorFixture.OpenAsync("links", ClusterManager.Standalone, new() { [$"spark.executorEnv.{WorkerSecret.Variable}"] = secret });
            await using var cluster = fixture.Cluster;
            var expected = ExecutorFixture.Hash(fixture.Run(fixture.Training("one", "--slices", "8", "--epochs", "8")).Good().Out);

            // The first worker is slow, for the run must not be over before the second has come: whether there is room is asked every ten seconds.
            var run = fixture.Run(
                [.. fixture.Training("linked", "--epochs", "8"), "--workers", "1", "--max-workers", "2", "--worker-links", "on", "--worker-secret", secret, "--chaos", "delay:w1:200ms", .. fixture.Master]).Good();
            Assert.AreEqual(expected, ExecutorFixture.Hash(run.Out));
            Assert.Contains("there is room for worker 2, which joins", run.Error);
            using var record = JsonDocument.Parse(await File.ReadAllTextAsync(fixture.Folder["runs/train/linked/workers.json"]));
            Assert.IsGreaterThan(0, record.RootElement.GetProperty("copies_proved").GetInt32());
            JsonElement[] workers = [.. record.RootElement.GetProperty("workers").EnumerateArray()];
            Assert.HasCount(2, workers, run.Error);
            foreach (var worker in workers)
                Assert.IsTrue(worker.GetProperty("slices").GetInt64() > 0 && worker.GetProperty("bytes_passed").GetInt64() > 0 && worker.GetProperty("lost").ValueKind == JsonValueKind.Null, run.Error);

            var open = fixture.Run([.. fixture.Training("open"), "--workers", "2", .. fixture.Master]);
            Assert.AreNotEqual(0, open.ExitCode, "executors that have a secret work for a run that has none");
            Assert.Contains("MNC3319", open.Error);
        }
        finally
        {
            File.Delete(secret);
        }
    }
}
