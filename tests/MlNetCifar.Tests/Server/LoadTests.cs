using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Server;

/// <summary>The server under load for a while, in a process of its own: what is answered, and whether memory and handles stay.</summary>
[TestClass]
public sealed class LoadTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public async Task HundredSwaps_LoseNoRequest()
    {
        using var other = SmallModel.Create(seed: 2);
        await using var server = await RunningServer.Start(o => o with { WatchInterval = TimeSpan.FromMilliseconds(20) });
        var expected = new[] { server.Model, other }.ToDictionary(m => m.WeightsSha256, m => m.Classify(RunningServer.Png()));
        using var done = new CancellationTokenSource();
        var served = 0;
        var clients = Enumerable.Range(0, 8).Select(async _ =>
        {
            while (!done.IsCancellationRequested)
            {
                var answer = await server.Post("/predict", RunningServer.Body(RunningServer.Png()));
                RunningServer.AssertSame(expected[answer.GetProperty("model").GetProperty("sha256").GetString()!], answer);
                Interlocked.Increment(ref served);
            }
        }).ToArray();
        const int swaps = 100;
        for (var i = 1; i <= swaps; i++)
        {
            (i % 2 == 0 ? server.Model : other).Save(server["small.safetensors"]);
            await RunningServer.Until(() => server.Log.Text.Contains($"version {i + 1} is served", StringComparison.Ordinal));
        }

        await done.CancelAsync();
        await Task.WhenAll(clients);
        Console.WriteLine($"{swaps} swaps, {served} requests, 0 failed");
        Assert.IsGreaterThan(swaps, served);
        StringAssert.Contains(await server.Client.GetStringAsync("/metrics"), $"mlnetcifar_model_swaps {swaps}\n");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public Task Overload_IsRefused_AndMemoryStays() => OverloadAsync(TimeSpan.FromSeconds(12));

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public Task Overload_ForAMinute_IsRefused_AndMemoryStays() => OverloadAsync(TimeSpan.FromSeconds(60));

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public Task ManyRequests_LeaveMemoryAndHandles() => ManyAsync(20_000);

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public Task HundredThousandRequests_LeaveMemoryAndHandles() => ManyAsync(100_000);

    /// <summary>Ten times as many clients as pictures are accepted at once, none of which ever waits.</summary>
    static async Task OverloadAsync(TimeSpan duration)
    {
        const int accepted = 32;
        using var folder = new Pictures();
        using var server = Start(folder, "--max-pictures", $"{accepted}", "--batch-delay", "5");
        using var client = Client(server, 10 * accepted);
        var statuses = new ConcurrentDictionary<int, int>();
        var times = new ConcurrentQueue<double>();
        using var done = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 10 * accepted).Select(async _ =>
        {
            while (!done.IsCancellationRequested)
            {
                var clock = Stopwatch.GetTimestamp();
                using var response = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png()));
                await response.Content.ReadAsByteArrayAsync();
                statuses.AddOrUpdate((int)response.StatusCode, 1, (_, n) => n + 1);
                if (response.StatusCode == HttpStatusCode.OK)
                    times.Enqueue(Stopwatch.GetElapsedTime(clock).TotalMilliseconds);
            }
        }).ToArray();
        var memory = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < duration;)
        {
            await Task.Delay(500);
            memory.Add(Resident(server));
        }

        await done.CancelAsync();
        await Task.WhenAll(clients);
        var (before, after) = (Middle(memory[(memory.Count / 3)..(2 * memory.Count / 3)]), Middle(memory[(2 * memory.Count / 3)..]));
        double[] sorted = [.. times.Order()];
        Console.WriteLine($"{duration.TotalSeconds} s, {10 * accepted} clients: {string.Join(", ", statuses.OrderBy(s => s.Key).Select(s => $"{s.Value} × {s.Key}"))}");
        Console.WriteLine(FormattableString.Invariant($"accepted: p50 {sorted[sorted.Length / 2]:0.0} ms, p99 {sorted[(int)(0.99 * sorted.Length)]:0.0} ms; resident {memory[0]:0.0} MiB at first, {before:0.0} in the second third, {after:0.0} in the last"));
        Assert.IsTrue(statuses.Keys.All(status => status is 200 or 429 or 503), string.Join(", ", statuses.Keys));
        Assert.IsGreaterThan(0, statuses.GetValueOrDefault(429));
        Assert.IsLessThanOrEqualTo(1.1 * before, after);
    }

    static async Task ManyAsync(int count)
    {
        using var folder = new Pictures();
        using var server = Start(folder);
        const int connections = 16;
        var warm = Math.Max(count / 5, 10_000);
        using var client = Client(server, connections);
        var left = count;
        double memory = 0;
        var handles = 0;
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) is >= 0 and var still)
            {
                using var response = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png(still % 100)));
                Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
                await response.Content.ReadAsByteArrayAsync();

                // Warm by then: code is compiled, the heap has its size.
                if (still == count - warm)
                    (memory, handles) = (Resident(server), Handles(server));
            }
        }));
        var (memoryAfter, handlesAfter) = (Resident(server), Handles(server));
        Console.WriteLine(FormattableString.Invariant($"{count} requests: resident {memory:0.0} MiB after {warm} of them, {memoryAfter:0.0} at the end ({100 * ((memoryAfter / memory) - 1):+0.0;-0.0} %); handles {handles}, {handlesAfter}"));
        Assert.IsLessThanOrEqualTo(1.05 * memory, memoryAfter);
        Assert.IsLessThanOrEqualTo(handles + 4, handlesAfter);
    }

    static ProgramProcess Start(Pictures folder, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux())
            throw new AssertInconclusiveException("The memory of another process is read from /proc.");
        using (var model = SmallModel.Create())
            model.Save(folder["small.safetensors"]);
        return new ProgramProcess(["serve", "--model", $"small={folder["small.safetensors"]}", "--urls", "http://127.0.0.1:0", .. arguments]).Until("http://");
    }

    static HttpClient Client(ProgramProcess server, int connections) => new(new SocketsHttpHandler { MaxConnectionsPerServer = connections })
    {
        BaseAddress = new Uri(server.Log.Split('\n').First(line => line.StartsWith("http://", StringComparison.Ordinal)).Trim()),
    };

    /// <summary>MiB in memory.</summary>
    static double Resident(ProgramProcess process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return int.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }

    static int Handles(ProgramProcess process) => Directory.EnumerateFileSystemEntries($"/proc/{process.Id}/fd").Count();

    static double Middle(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
}
