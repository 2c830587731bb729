using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>
/// Everything on the way of a job is killed at random moments: workers, executors, the node manager, the name node, the Connect server. A run finishes, or fails with a
/// named error and, once what was killed is back, a later one finishes; in the end every file, the manifest among them, has the bytes of an undisturbed run, and there is no other.
/// </summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Long")]
[DoNotParallelize]
public sealed class RandomKillTests
{
    const string Workers = "worker";
    const string Executors = "executor";

    // A node manager that comes back has deleted the folders of the executors that it left: what they are given to do fails until YARN has replaced them.
    const int MostRuns = 4;

    static readonly string[] s_kinds = [Workers, Executors, "nodemanager", "namenode", "connect"];

    public TestContext TestContext { get; set; } = null!;

    /// <summary>As many as MLNETCIFAR_KILLS says, each kind in its turn.</summary>
    [TestMethod]
    public async Task RandomKills_OnYarn_ChangeNothing()
    {
        var kills = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_KILLS"), out var wanted) ? wanted : 10;
        using var folder = new TestFolder();
        await using var cluster = await SparkFixture.StartAsync(ClusterManager.Yarn, o => o with
        {
            // Each death of the node manager costs one.
            HadoopProperties = new Dictionary<string, string> { ["yarn.resourcemanager.am.max-attempts"] = "50" },
            SparkProperties = new Dictionary<string, string> { ["spark.yarn.maxAppAttempts"] = "50" },
        });
        await using var daemons = new MortalDaemons(cluster);
        using var store = SparkFixture.Store(cluster);
        StageFiles.Unpack(folder["input"], 12, 0);
        await StageFiles.CopyAsync(folder["input"], cluster, "input");
        SparkPrepareOptions Options(string output) => StageFiles.Options($"{cluster.FileSystem}/input", output, cluster.Connect!) with
        {
            Hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration),
            WorkerTimeout = TimeSpan.FromSeconds(60),
            StallTimeout = TimeSpan.FromSeconds(180),
        };
        await SparkPrepare.RunAsync(Options(folder["expected"]) with { Input = folder["input"], Master = "local[1]" });
        var expected = StageFiles.Hashes(LocalFileStore.Instance, folder["expected"]);

        var seed = Environment.TickCount;
        var random = new Random(seed);
        TestContext.WriteLine($"seed {seed}");
        var lost = 0;
        for (var killed = 0; killed < kills;)
        {
            var kind = s_kinds[killed % s_kinds.Length];
            var output = $"{cluster.FileSystem}/random-{killed}";
            await daemons.RecoveredAsync();
            var run = SparkPrepare.RunAsync(Options(output));
            await Task.Delay(random.Next(200, 2500));
            var isInTime = !run.IsCompleted;
            if (kind is Workers or Executors)
                isInTime &= KillOne(kind == Workers ? ProcessList.Find(StageFiles.Worker) : ProcessList.Find("CoarseGrainedExecutorBackend", cluster.Folder), random);
            else
                await daemons.KillAsync(kind, TimeSpan.FromMilliseconds(random.Next(0, 3000)));
            if (isInTime)
                killed++;
            try
            {
                await run;
                TestContext.WriteLine($"{killed} {kind}: went on");
            }
            catch (MlNetCifarException e)
            {
                lost++;
                TestContext.WriteLine($"{killed} {kind}: {e.Code} {e.Reason}");
                StringAssert.StartsWith(e.Code, "MNC60");
                TestContext.WriteLine($"finished by run {await AgainAsync(Options(output), daemons)}");
            }

            await daemons.RecoveredAsync();
            StageFiles.AreSame(expected, StageFiles.Hashes(store, output));
            Assert.IsFalse(StageFiles.Names(store, output).Any(n => n.Contains("_temporary", StringComparison.Ordinal)));
            store.DeleteFolder(output);
        }

        TestContext.WriteLine($"{kills} kills, {lost} runs that had to be run again");
    }

    // With what the daemons said where even that fails: their logs vanish with the cluster.
    static async Task<int> AgainAsync(SparkPrepareOptions options, MortalDaemons daemons)
    {
        for (var run = 2; ; run++)
        {
            await daemons.RecoveredAsync();
            try
            {
                await SparkPrepare.RunAsync(options);
                return run;
            }
            catch (MlNetCifarException e)
            {
                StringAssert.StartsWith(e.Code, "MNC60");
                Assert.IsLessThan(MostRuns, run, $"{e.Message}\n{daemons.LastWords()}");
            }
        }
    }

    // A container's shell has the command line of what it runs.
    static bool KillOne(List<int> found, Random random)
    {
        var victims = found.Where(id => !IsShell(id)).ToArray();
        if (victims.Length > 0)
            ProcessList.Kill(victims[random.Next(victims.Length)]);
        return victims.Length > 0;
    }

    static bool IsShell(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/comm").Trim() == "bash";
        }
        catch (IOException)
        {
            return true;
        }
    }
}
