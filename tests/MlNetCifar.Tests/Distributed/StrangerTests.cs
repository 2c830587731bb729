using System.Net;
using System.Net.Sockets;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Whoever is no worker of the run, or not as it should be, is told why, and the run is none the worse.</summary>
[TestClass]
public sealed class StrangerTests
{
    static readonly TrainingOptions s_options = SmallRun.Adam with { Slices = 4, Epochs = 1, Threads = 1 };

    [TestMethod]
    public void Strangers_AreRefused_AndTheRunGoesOn()
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_options));
        var told = new List<string>();
        using var launcher = new Meddler(new ThreadLauncher(_ => new WorkerImages(SmallRun.Train)), (address, token) =>
        {
            told.Add(Say(address, Hello.Own("nonsense").ToJson()));
            told.Add(Say(address, (Hello.Own("") with { Version = "0.0.1" }).ToJson()));
            told.Add(Say(address, "{}"u8.ToArray()));
            using var rude = new TcpClient();
            rude.Connect(address);
            rude.GetStream().Write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8);
            using var silent = new TcpClient();
            silent.Connect(address);
        });
        using var group = new WorkerGroup(launcher, new() { Workers = 2 });
        using var actual = new Trainer(SmallRun.Network, s_options) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.HasCount(6, told);
        Assert.IsTrue(told.Where((_, i) => i % 3 < 2).All(text => text.StartsWith("MNC3305", StringComparison.Ordinal)), string.Join('\n', told));
    }

    [TestMethod]
    public void AToken_IsGoodForOnce()
    {
        var told = "";
        using var launcher = new Meddler(null, (address, token) =>
        {
            using var first = new TcpClient();
            first.Connect(address);
            Frame.Write(first.GetStream(), FrameKind.Hello, Hello.Own(token).ToJson());
            Assert.AreEqual(FrameKind.Welcome, new FrameReader(first.GetStream()) { Most = 1 << 20 }.Next());
            told = Say(address, Hello.Own(token).ToJson());
        });
        var error = Begin(launcher);
        Assert.AreEqual("MNC3310", error.Code);
        StringAssert.Contains(error.Message, "the connection ended");
        StringAssert.StartsWith(told, "MNC3305");
    }

    [TestMethod]
    public void AnotherVersion_IsNamed() => AssertRefused("MNC3306", "version 9.9 of the program", token => Hello.Own(token) with { Version = "9.9" });

    [TestMethod]
    public void OtherLanes_AreNamed() => AssertRefused("MNC3307", "32 bits without fused multiply-add", token => Hello.Own(token) with { Arithmetic = "32 bits without fused multiply-add" });

    [TestMethod]
    public void OtherImages_AreNamed()
    {
        var pixels = SmallRun.Train.Pixels.ToArray();
        pixels[0] ^= 1;
        var other = new ImageSet(pixels, [.. Enumerable.Range(0, SmallRun.Train.Count).Select(SmallRun.Train.Label)], 8, 8, 3, SmallRun.Train.Classes);
        foreach (var images in new[] { other, TestImages.Random(74, seed: 1), TestImages.Random(75, seed: 2) })
        {
            using var launcher = new ThreadLauncher(_ => new WorkerImages(images));
            var error = Begin(launcher);
            Assert.AreEqual("MNC3309", error.Code);
            StringAssert.Contains(error.Message, "other training images");
        }
    }

    [TestMethod]
    public void AnotherTeacher_IsNamed()
    {
        using var teacher = new ImageClassifier(NetworkWeights.Initialize(SmallRun.Network, 1), SmallRun.Train.Classes, new() { Width = 8, Height = 8 }, Normalization.Compute(SmallRun.Train));
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train, new Distillation { Teacher = teacher }));
        var error = Begin(launcher);
        Assert.AreEqual("MNC3309", error.Code);
        StringAssert.Contains(error.Message, "expected none");
    }

    [TestMethod]
    public void AnotherNetwork_IsNamed()
    {
        var welcome = new Welcome(SmallRun.Network, s_options, Normalization.Compute(SmallRun.Train), "", null, 1, new Dictionary<string, string>()).ToJson();
        Assert.AreEqual(SmallRun.Network, Welcome.Read(welcome).Network);
        var text = System.Text.Encoding.UTF8.GetString(welcome);
        var changed = text.Replace("\\u0022filters\\u0022:8", "\\u0022filters\\u0022:9", StringComparison.Ordinal);
        Assert.AreNotEqual(text, changed, "there is nothing to change");
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Welcome.Read(System.Text.Encoding.UTF8.GetBytes(changed)));
        Assert.AreEqual("MNC3308", error.Code);
    }

    [TestMethod]
    public void ATakenPort_IsNamed()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
        var error = Begin(launcher, ((IPEndPoint)taken.LocalEndpoint).Port);
        Assert.AreEqual("MNC3304", error.Code);
    }

    [TestMethod]
    [DataRow(false, "a slice for the batch then")]
    [DataRow(true, "the whole batch all the same")]
    public void OneSlice_IsTooFew(bool isWide, string expected)
    {
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
        using var group = new WorkerGroup(launcher, new() { Workers = 2 });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(SmallRun.Network, s_options with { Slices = 1, SyncBatchNorm = isWide }) { Workers = group }.Fit(SmallRun.Train));
        Assert.AreEqual("MNC3301", error.Code);
        StringAssert.Contains(error.Action, expected);
        Assert.AreEqual(0, launcher.Starts);
    }

    [TestMethod]
    public void AWorkerThatFindsNoRun_SaysSo()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = (IPEndPoint)closed.LocalEndpoint;
        closed.Stop();
        Assert.AreEqual("MNC3312", Assert.ThrowsExactly<MlNetCifarException>(() => WorkerProgram.Run(address, "t", _ => null!)).Code);
        foreach (var line in new[] { "", "nonsense", "127.0.0.1:x token", "127.0.0.1:1" })
            Assert.AreEqual("MNC3313", Assert.ThrowsExactly<MlNetCifarException>(() => Experiment.RunWorker(new StringReader(line))).Code, line);
    }

    static void AssertRefused(string code, string text, Func<string, Hello> hello)
    {
        var told = "";
        using var launcher = new Meddler(null, (address, token) => told = Say(address, hello(token).ToJson()));
        var error = Begin(launcher);
        Assert.AreEqual(code, error.Code);
        StringAssert.Contains(error.Message, text);
        StringAssert.StartsWith(told, code);
    }

    static MlNetCifarException Begin(IWorkerLauncher launcher, int port = 0)
    {
        using var group = new WorkerGroup(launcher, new() { Workers = 1, Listen = new(IPAddress.Loopback, port), JoinTime = TimeSpan.FromSeconds(20) });
        return Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(SmallRun.Network, s_options) { Workers = group }.Fit(SmallRun.Train));
    }

    /// <summary>Introduces itself, and gives the answer's code and reason.</summary>
    static string Say(IPEndPoint address, byte[] hello)
    {
        using var client = new TcpClient();
        client.Connect(address);
        Frame.Write(client.GetStream(), FrameKind.Hello, hello);
        var reader = new FrameReader(client.GetStream());
        Assert.AreEqual(FrameKind.Refuse, reader.Next());
        var refusal = Refusal.Read(reader.Rest());
        return $"{refusal.Code} {refusal.Reason}";
    }

    /// <summary>Somebody who comes when a worker is started, before it or instead of it.</summary>
    sealed class Meddler(IWorkerLauncher? workers, Action<IPEndPoint, string> meddle) : IWorkerLauncher
    {
        public void Start(int worker, IPEndPoint address, string token)
        {
            meddle(address, token);
            workers?.Start(worker, address, token);
        }

        public Exception? Ended(int worker) => workers?.Ended(worker);

        public void End(int worker) => workers?.End(worker);

        public void Dispose() => workers?.Dispose();
    }
}
