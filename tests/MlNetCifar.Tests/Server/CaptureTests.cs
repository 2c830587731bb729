using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using MlNetCifar.Server;
using MlNetCifar.Server.Monitoring;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>Pictures reach the disk where that is asked for, as they came, for as long as they may, and nothing else is touched.</summary>
[TestClass]
public sealed class CaptureTests
{
    [TestMethod]
    public async Task Pictures_AreWritten_WithTheirAnswers()
    {
        using var folder = new TestFolder();
        await using (var server = await RunningServer.Start(o => o with { CaptureFolder = folder["captured"] }))
        {
            for (var i = 0; i < 5; i++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/predict") { Content = RunningServer.Body(RunningServer.Png(i)) };
                request.Headers.Add("X-Request-Id", $"..{i}");
                using var response = await server.Client.SendAsync(request);
                Assert.AreEqual(200, (int)response.StatusCode);
            }

            await server.Post("/predict", RunningServer.Body([1, 2, 3]), 400);
            StringAssert.Contains(server.Log.Text, "pictures are written to");
            var text = "";
            await RunningServer.Until(() => (text = server.Client.GetStringAsync("/metrics").GetAwaiter().GetResult()).Contains("mlnetcifar_captured_pictures 5\n", StringComparison.Ordinal));
            StringAssert.Contains(text, "mlnetcifar_captured_skipped 0\n");
            var files = Files(folder["captured"]);
            Assert.HasCount(10, files);
            for (var i = 0; i < 5; i++)
            {
                CollectionAssert.AreEqual(RunningServer.Png(i), await File.ReadAllBytesAsync(files.Single(f => f.EndsWith($"-..{i}.png", StringComparison.Ordinal))));
                var json = JsonDocument.Parse(await File.ReadAllTextAsync(files.Single(f => f.EndsWith($"-..{i}.json", StringComparison.Ordinal)))).RootElement;
                var best = server.Model.Classify(RunningServer.Png(i)).Predictions[0];
                Assert.AreEqual((best.Label, best.Probability, server.Model.WeightsSha256), (json.GetProperty("label").GetString(), json.GetProperty("probability").GetSingle(), json.GetProperty("sha256").GetString()));
            }
        }

        if (!OperatingSystem.IsWindows())
            Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder["captured"]));
    }

    [TestMethod]
    public void Share_IsKept()
    {
        using var folder = new TestFolder();
        var answer = new Classification([new("a", 0, 1)], false, null);
        using var capture = new PictureCapture(Options(folder) with { CaptureShare = 0.2 }, NullLogger.Instance);
        for (var i = 0; i < 500; i++)
            capture.Offer($"{i}", RunningServer.Png(), "sha", answer);
        capture.Dispose();

        // 500 draws at 0.2: outside 65 to 137 has a probability below 1e-4.
        Assert.IsTrue(capture.Written + capture.Skipped is > 64 and < 138, $"{capture.Written} + {capture.Skipped}");
        Assert.HasCount(2 * (int)capture.Written, Files(folder["captured"]));
    }

    [TestMethod]
    public void OldestGo_BySize_AndByAge_AcrossServers_AndOthersFilesStay()
    {
        using var folder = new TestFolder();
        var clock = new Clock { Now = new(2026, 5, 6, 7, 8, 9, TimeSpan.Zero) };
        var answer = new Classification([new("a", 0, 1)], false, null);
        var options = Options(folder) with { CaptureMaxBytes = 5000, CaptureFor = TimeSpan.FromDays(2) };
        Directory.CreateDirectory(folder["captured/20260506"]);
        foreach (var others in new[] { "captured/note.txt", "captured/20260506/mine.png" })
            File.WriteAllText(folder[others], "mine");
        for (var server = 0; server < 2; server++)
        {
            using var capture = new PictureCapture(options, NullLogger.Instance, clock);
            for (var i = 0; i < 10; i++)
            {
                clock.Now += TimeSpan.FromSeconds(1);
                capture.Offer($"{server}-{i}", new byte[1000], "sha", answer);
                var wanted = i + 1;
                SpinWait.SpinUntil(() => capture.Written == wanted, TimeSpan.FromSeconds(30));
                Assert.IsLessThanOrEqualTo(5000, capture.Bytes);
            }
        }

        var left = Files(folder["captured"]).Where(f => !f.Contains("mine", StringComparison.Ordinal)).ToArray();
        Assert.IsLessThanOrEqualTo(5000, left.Sum(f => new FileInfo(f).Length));
        Assert.IsTrue(left.Count(f => f.EndsWith(".bin", StringComparison.Ordinal)) is 3 or 4, string.Join('\n', left));
        Assert.IsTrue(left.All(f => f.Contains("-1-", StringComparison.Ordinal)), "of the second server's");

        // Two days later a server that only starts clears up.
        clock.Now += TimeSpan.FromDays(3);
        new PictureCapture(options, NullLogger.Instance, clock).Dispose();
        CollectionAssert.AreEquivalent(new[] { folder["captured/note.txt"], folder["captured/20260506/mine.png"] }, Directory.GetFiles(folder["captured"], "*", SearchOption.AllDirectories));
    }

    [TestMethod]
    public async Task FolderThatCannotBeUsed_IsToldAtTheStart()
    {
        using var folder = new TestFolder();
        await File.WriteAllTextAsync(folder["file"], "no folder");
        Assert.AreEqual("MNC8024", (await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => RunningServer.Start(o => o with { CaptureFolder = folder["file"] }))).Code);
    }

    static ServingOptions Options(TestFolder folder) => new() { ModelsFolder = ".", CaptureFolder = folder["captured"] };

    static string[] Files(string folder) => Directory.GetFiles(folder, "*-*", SearchOption.AllDirectories);

    sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
