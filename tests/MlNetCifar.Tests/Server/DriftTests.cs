using MlNetCifar.Server.Monitoring;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed class DriftTests
{
    [TestMethod]
    public void Tests_GiveKnownValues()
    {
        // scipy.stats.chi2.sf: 3.841458820694124 at 1 degree → 0.05; 16.918977604620448 at 9 → 0.05; 40 at 9 → 7.599e-06.
        Assert.AreEqual(0.05, TwoSample.UpperGamma(0.5, 3.841458820694124 / 2), 1e-12);
        Assert.AreEqual(0.05, TwoSample.UpperGamma(4.5, 16.918977604620448 / 2), 1e-12);
        Assert.AreEqual(Math.Exp(-7.5), TwoSample.UpperGamma(1, 7.5), 1e-15);

        // A table of 10, 20 / 20, 10: χ² = 6.666…, V = √(χ² ÷ 60).
        var (distance, p) = TwoSample.ChiSquare([10, 20], [20, 10]);
        Assert.AreEqual(1.0 / 3, distance, 1e-12);
        Assert.AreEqual(0.009823274507519235, p, 1e-12);
        Assert.AreEqual((0.5, true), (TwoSample.KolmogorovSmirnov([10, 10], [20, 0]).Distance, TwoSample.KolmogorovSmirnov([10, 10], [20, 0]).PValue < 0.02));
        Assert.AreEqual((0.0, 1.0), TwoSample.KolmogorovSmirnov([5, 5], [50, 50]));
        Assert.AreEqual((0.0, 1.0), TwoSample.ChiSquare([0, 0], [50, 50]));
    }

    /// <summary>At most one window in 10,000 without drift may raise an alarm; here 0.01 % of 40,000 is 4, and more than 13 has a probability below 1e-4.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    public void WithoutDrift_AlarmsAreRare()
    {
        var random = new Random(7);
        var alarms = 0;
        const int references = 40, windows = 1000;
        for (var r = 0; r < references; r++)
        {
            var reference = Draw(random, 5000, 0);
            for (var w = 0; w < windows; w++)
                alarms += DriftMonitor.Compare(reference, Draw(random, 500, 0)).Any(reading => reading.IsAlarm) ? 1 : 0;
        }

        Console.WriteLine($"{alarms} alarms in {references * windows} windows without drift");
        Assert.IsLessThanOrEqualTo(13, alarms);
    }

    [TestMethod]
    public void Shifts_AreFound()
    {
        var random = new Random(8);
        var reference = Draw(random, 5000, 0);
        Assert.IsTrue(DriftMonitor.Compare(reference, Draw(random, 500, 25)).Single(r => r.Statistic == "brightness").IsAlarm);
        var shifted = Draw(random, 500, 0);
        Array.Clear(shifted.Answers);
        shifted.Answers[0] = 300;
        shifted.Answers[1] = 200;
        Assert.IsTrue(DriftMonitor.Compare(reference, shifted).Single(r => r.Statistic == "answers").IsAlarm);
    }

    [TestMethod]
    public async Task Server_ComparesWindows_AndAlarms()
    {
        using var model = SmallModel.Create();
        var reference = ReferenceStatistics.Empty(model.Classes);
        for (var i = 0; i < 400; i++)
            Add(reference, model, RunningServer.Png(i));
        var parsed = System.Text.Json.JsonDocument.Parse(reference.ToJson()).RootElement;
        Assert.AreEqual(400, parsed.GetProperty("answers").EnumerateArray().Sum(v => v.GetInt32()));
        await using var server = await RunningServer.Start(options =>
        {
            File.WriteAllBytes(ReferenceStatistics.PathBeside(options.Models["small"]), reference.ToJson());
            return options with { DriftWindow = 100 };
        });
        var drift = await After(server, 100, i => RunningServer.Png(1000 + i));
        Assert.AreEqual((1, 0), (drift.GetProperty("windows").GetInt32(), drift.GetProperty("alarms").GetInt32()));
        drift = await After(server, 100, i => Flat((byte)i));
        Assert.AreEqual((2, 1), (drift.GetProperty("windows").GetInt32(), drift.GetProperty("alarms").GetInt32()));
        StringAssert.Contains(server.Log.Text, "drift of model small: contrast");
        StringAssert.Contains(await server.Client.GetStringAsync("/metrics"), "mlnetcifar_drift_alarms_total{model=\"small\",statistic=\"contrast\"} 1\n");
    }

    [TestMethod]
    public async Task BadReference_IsToldAtTheStart()
    {
        var fault = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => RunningServer.Start(options =>
        {
            File.WriteAllText(ReferenceStatistics.PathBeside(options.Models["small"]), "{\"classes\":[]}");
            return options;
        }));
        Assert.AreEqual("MNC8021", fault.Code);
    }

    static async Task<System.Text.Json.JsonElement> After(RunningServer server, int count, Func<int, byte[]> picture)
    {
        for (var i = 0; i < count; i++)
            await server.Post("/predict", RunningServer.Body(picture(i)));
        return (await server.Get("/health")).GetProperty("models")[0].GetProperty("drift");
    }

    static byte[] Flat(byte value) => MlNetCifar.Imaging.PngEncoder.Encode([.. Enumerable.Repeat(value, 48)], 4, 4, 3);

    static void Add(ReferenceStatistics statistics, ImageClassifier model, byte[] file)
    {
        var pixels = new byte[model.Preprocess.Length];
        new MlNetCifar.Imaging.Preprocessor(model.Preprocess).Apply(file, pixels);
        statistics.Add(model.Classify(file), pixels);
    }

    /// <summary>Ten classes of unequal shares, probabilities mostly near 1, brightness and contrast as photographs have them.</summary>
    static ReferenceStatistics Draw(Random random, int count, double brighter)
    {
        var statistics = ReferenceStatistics.Empty(Enumerable.Range(0, 10).Select(k => $"{k}"));
        for (var i = 0; i < count; i++)
        {
            statistics.Answers[Math.Min(10, (int)(11 * Math.Pow(random.NextDouble(), 1.5)))]++;
            statistics.Confidence[(int)(19.999 * (1 - Math.Pow(random.NextDouble(), 3)))]++;
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            statistics.Brightness[Math.Clamp((int)((120 + brighter + (32 * normal)) / 8), 0, 31)]++;
            statistics.Contrast[Math.Clamp((int)((50 + (15 * normal) + (8 * random.NextDouble())) / 4), 0, 31)]++;
        }

        return statistics;
    }
}
