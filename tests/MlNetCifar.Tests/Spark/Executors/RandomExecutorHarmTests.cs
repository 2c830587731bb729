using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using MlNetCifar.Inference;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;
using static MlNetCifar.Tests.Distributed.WorkerPrograms;

namespace MlNetCifar.Tests.Spark.Executors;

/// <summary>
/// Executors, and runs that have their workers there, killed at random moments, as often as MLNETCIFAR_KILLS says (20): the weights are the same, or every batch is taken once where no two runs are the same. What a
/// killed run leaves behind is whole, and nobody goes on without it.
/// </summary>
[TestClass]
[TestCategory("Spark")]
[TestCategory("Slow")]
[TestCategory("Long")]
[DoNotParallelize]
public sealed class RandomExecutorHarmTests
{
    /// <summary>Executors killed in one run at most: each of two workers is started again twice.</summary>
    const int MostExecutors = 5;

    const int MostDrivers = 10;

    const string Epochs = "80";

    static readonly string s_workers = $"{StageFiles.Worker}\0train\0";
    static readonly HttpClient s_http = new(new SocketsHttpHandler { UseProxy = false });

    static ExecutorFixture s_fixture = null!;
    static Uri s_pages = null!;

    public required TestContext TestContext { get; init; }

    [ClassInitialize]
    public static async Task OpenAsync(TestContext context)
    {
        var port = LocalPorts.Take(1)[0].ToString(CultureInfo.InvariantCulture);
        s_pages = new($"http://127.0.0.1:{port}/api/v1/applications/");
        s_fixture = await ExecutorFixture.OpenAsync("harm", ClusterManager.Standalone, new() { ["spark.ui.enabled"] = "true", ["spark.ui.port"] = port });
    }

    [ClassCleanup]
    public static async Task CloseAsync()
    {
        if (s_fixture is null)
            return;
        await s_fixture.Cluster.DisposeAsync();
        s_fixture.Dispose();
    }

    [TestMethod]
    [DataRow("--slices 8")]
    [DataRow("--slices 8 --worker-links on")]
    public async Task Train_WithExecutorsKilled_GivesTheSameWeights(string mode)
    {
        string[] options = [.. mode.Split(' '), "--epochs", Epochs];
        var expected = ExecutorFixture.Hash(s_fixture.Run(s_fixture.Training("one", "--slices", "8", "--epochs", Epochs, "--exist-ok")).Good().Out);
        await KillExecutorsAsync("synchronous", options, (_, run) => Assert.AreEqual(expected, ExecutorFixture.Hash(run.Log), run.Log));
    }

    [TestMethod]
    public async Task Train_Asynchronous_WithExecutorsKilled_TakesEveryBatchOnce()
    {
        string[] options = ["--distributed-mode", "asynchronous", "--epochs", Epochs];
        s_fixture.Run([.. s_fixture.Training("undisturbed", options), "--workers", "2", .. s_fixture.Master]).Good();
        var expected = Updates(s_fixture.Folder, "undisturbed");
        await KillExecutorsAsync("asynchronous", options, (name, _) => Assert.AreEqual(expected, Updates(s_fixture.Folder, name)));
    }

    [TestMethod]
    public async Task Train_KilledItself_GoesOnToTheSameWeights()
    {
        string[] options = ["--slices", "8", "--epochs", Epochs];
        var expected = ExecutorFixture.Hash(s_fixture.Run(s_fixture.Training("whole", [.. options, "--exist-ok"])).Good().Out);
        var random = new Random(17);
        var (killed, training, runs) = (0, 0, 0);
        for (; killed < Kills; runs++)
        {
            var name = $"driver{runs}";
            var folder = s_fixture.Folder[$"runs/train/{name}"];
            string[] first = s_fixture.Training(name, options), again = ["train", "--json", "--resume", folder];
            for (var inRun = 0; ; inRun++)
            {
                using var run = Start([.. inRun == 0 ? first : again, "--workers", "2", .. s_fixture.Master]);
                if (killed == Kills || inRun == MostDrivers)
                {
                    Finish(run);
                    break;
                }

                // Every other time it has trained before, so that it gets on; else it may be killed while it begins. There is nothing to go on with before the first checkpoint.
                if (inRun % 2 == 0)
                    WaitUntil(() => run.HasExited || run.Log.Contains("\"event\":\"epoch\"", StringComparison.Ordinal));
                var moment = random.Next(6000);
                WaitUntil(() => run.HasExited, moment);
                if (run.HasExited)
                {
                    Finish(run);
                    break;
                }

                training += run.Log.Contains("\"event\":\"epoch\"", StringComparison.Ordinal) ? 1 : 0;
                run.Signal("KILL");
                run.Exit();
                killed++;
                AssertWhole(folder);
                await NobodyIsLeftAsync();
            }

            await NobodyIsLeftAsync();
        }

        TestContext.WriteLine($"{killed} runs killed, {training} of them while they trained, of {runs} that each gave the weights of one process");

        void Finish(ProgramProcess run)
        {
            Assert.AreEqual(0, run.Exit(), run.Log);
            Assert.AreEqual(expected, ExecutorFixture.Hash(run.Log), run.Log);
        }
    }

    /// <summary>Kills executors of one run after the other.</summary>
    async Task KillExecutorsAsync(string kind, string[] options, Action<string, ProgramProcess> ended)
    {
        var random = new Random(17);
        var (killed, lost, runs) = (0, 0, 0);
        for (; killed < Kills; runs++)
        {
            var name = $"{kind}{runs}";
            await ExecutorsAsync(() => false);
            using var run = Start([.. s_fixture.Training(name, [.. options, "--exist-ok"]), "--workers", "2", .. s_fixture.Master]);
            run.Until(() => run.Log.Contains("\"event\":\"epoch\"", StringComparison.Ordinal), "an epoch");
            for (var inRun = 0; killed < Kills && inRun < MostExecutors; inRun++)
            {
                // Both have a worker, which is at work or begins.
                var executors = await ExecutorsAsync(() => run.HasExited);
                WaitUntil(() => run.HasExited || ProcessList.Find(s_workers).Count == 2);
                WaitUntil(() => run.HasExited, random.Next(4000));
                if (run.HasExited)
                    break;
                var before = Losses(run);
                ProcessList.Kill(executors[random.Next(executors.Count)]);
                killed++;
                WaitUntil(() => run.HasExited || Losses(run) > before, 20_000);
            }

            Assert.AreEqual(0, run.Exit(), run.Log);
            lost += Losses(run);
            ended(name, run);
            await NobodyIsLeftAsync();
        }

        TestContext.WriteLine($"{string.Join(' ', options)}: {killed} executors killed in {runs} runs, {lost} workers lost with them");
        Assert.IsGreaterThan(0, lost);
    }

    /// <summary>Both executors, when those that were killed have been replaced.</summary>
    static async Task<List<int>> ExecutorsAsync(Func<bool> isOver)
    {
        List<int> found = [];
        await WithinAsync(60, () => Task.FromResult(isOver() || (found = ProcessList.Find("CoarseGrainedExecutorBackend", s_fixture.Cluster.Folder)).Count == 2), () => $"{found.Count} executors");
        return found;
    }

    /// <summary>Neither workers nor jobs.</summary>
    static async Task NobodyIsLeftAsync()
    {
        await WithinAsync(60, () => Task.FromResult(ProcessList.Find(s_workers).Count == 0), () => "workers outlive their run");
        using var applications = JsonDocument.Parse(await s_http.GetStringAsync(s_pages));
        var jobs = new Uri(s_pages, $"{applications.RootElement[0].GetProperty("id").GetString()}/jobs?status=running");
        var left = "";
        await WithinAsync(60, async () => (left = await s_http.GetStringAsync(jobs)).Trim() is "[ ]" or "[]", () => $"jobs outlive their run: {left}");
    }

    static async Task WithinAsync(int seconds, Func<Task<bool>> isDone, Func<string> otherwise)
    {
        for (var begun = TimeProvider.System.GetTimestamp(); !await isDone(); await Task.Delay(100))
            Assert.IsLessThan(seconds, TimeProvider.System.GetElapsedTime(begun).TotalSeconds, otherwise());
    }

    /// <summary>Nothing that has its final name is half there.</summary>
    static void AssertWhole(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            switch (Path.GetExtension(file))
            {
                case ".json":
                    JsonDocument.Parse(File.ReadAllBytes(file)).Dispose();
                    break;
                case ".csv":
                    Assert.EndsWith("\n", File.ReadAllText(file));
                    break;
                case ".safetensors":
                    SafeTensors.Read(File.ReadAllBytes(file), file);
                    break;
                case ".ckpt":
                    using (var stream = File.OpenRead(file))
                        CheckpointFile.Verify(stream);
                    break;
            }
        }
    }

    static ProgramProcess Start(string[] arguments) => new(arguments, [.. s_fixture.Variables.Select(v => (v.Key, v.Value))]) { Patience = TimeSpan.FromMinutes(10) };

    static void WaitUntil(Func<bool> condition, int milliseconds = 60_000)
    {
        for (var begun = TimeProvider.System.GetTimestamp(); !condition() && TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds < milliseconds;)
            Thread.Sleep(10);
    }
}
