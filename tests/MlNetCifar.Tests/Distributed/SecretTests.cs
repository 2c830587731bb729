using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Encrypted runs: nothing passes in plain, and whoever does not know the secret is told so.</summary>
[TestClass]
public sealed class SecretTests
{
    const string Secret = "correct horse battery staple";

    static readonly TrainingOptions s_options = SmallRun.Adam with { Slices = 4, Epochs = 2, Threads = 1 };

    /// <summary>What a wire between a worker and its run has seen: with a secret no frame, no token, no weight; without one all of them, so that the search finds what is there.</summary>
    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    [DataRow(true, true)]
    public void Nothing_PassesInPlain(bool isSecret, bool isLinked)
    {
        using var expected = SmallRun.Fit(SmallRun.Trainer(s_options));
        using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train), secret: isSecret ? Secret : null);
        using var group = new WorkerGroup(launcher, new() { Workers = 2, Secret = isSecret ? new(Secret) : null, PeerPorts = isLinked ? PortRange.Any : null });
        using var actual = new Trainer(SmallRun.Network, s_options) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
        SmallRun.AssertSame(expected, actual);
        Assert.IsEmpty(launcher.Errors);
        Assert.AreEqual(isLinked, group.IsPeering);
        using var first = NetworkWeights.Initialize(SmallRun.Network, s_options.Seed);
        var weights = MemoryMarshal.AsBytes(first.Parameters)[..64].ToArray();
        for (var i = 0; i < 2; i++)
        {
            var passed = launcher.Passed[i].AsSpan();
            Assert.IsGreaterThan(20_000, passed.Length);
            foreach (var (what, bytes) in new[] { ("frames", Frame.Magic.ToArray()), ("the token", Encoding.UTF8.GetBytes(launcher.Tokens[i].Split(' ')[0])), ("weights", weights), ("the version", Encoding.UTF8.GetBytes("\"version\"")) })
                Assert.AreEqual(!isSecret, passed.IndexOf(bytes) >= 0, what);
            Assert.IsLessThan(0, passed.IndexOf(Encoding.UTF8.GetBytes(Secret)), "the secret is never sent");
        }
    }

    /// <summary>The same of a wire between two workers.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Nothing_PassesInPlain_BetweenWorkers(bool isSecret)
    {
        using var door = new PeerDoor(IPAddress.Loopback, PortRange.Any, isEncrypted: isSecret);
        using var other = new PeerDoor(IPAddress.Loopback, PortRange.Any, isEncrypted: isSecret);
        using var wire = new FaultyWire(new(door.Address.Addresses[0], door.Address.Port), WireFault.None, 0);
        var plan = new LinkPlan(1, "the key of this generation", 0, TimeSpan.FromSeconds(20), [(0, door.Address with { Port = wire.Address.Port }), (1, other.Address)]);
        PeerLink?[] mine = [];
        var linking = Task.Run(() => mine = door.Link(plan, out _));
        var theirs = other.Link(plan with { Index = 1 }, out var missing);
        linking.Wait();
        Assert.IsNull(missing);
        using var here = mine[1]!;
        using var there = theirs[0]!;
        var floats = Enumerable.Range(0, 100).Select(i => i + 0.5f).ToArray();
        here.Begin(100);
        there.Begin(100);
        here.Write(FrameKind.Node, new(1, 2, 0, 1, 3, 4, 5, 0), floats, 100, GradientFormat.F32);
        Assert.AreEqual(3, there.Expect(out var kind).Correct);
        Assert.AreEqual(FrameKind.Node, kind);
        var read = new float[100];
        there.Reader.Read(read);
        there.Reader.End();
        CollectionAssert.AreEqual(floats, read);
        foreach (var bytes in new[] { Frame.Magic.ToArray(), Encoding.UTF8.GetBytes(plan.Key), MemoryMarshal.AsBytes(floats.AsSpan()).ToArray() })
            Assert.AreEqual(!isSecret, wire.Passed.AsSpan().IndexOf(bytes) >= 0);
    }

    [TestMethod]
    [DataRow(Secret, "another horse, another staple", "MNC3319", "worker does not know the secret")]
    [DataRow(Secret, null, "MNC3319", "worker does not know the secret")]
    public void AWorkerWithoutTheSecret_IsTold(string run, string? worker, string code, string text)
    {
        using var launcher = new Direct(worker);
        using var group = new WorkerGroup(launcher, new() { Workers = 1, Secret = new(run), JoinTime = TimeSpan.FromSeconds(20) });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(SmallRun.Network, s_options) { Workers = group }.Fit(SmallRun.Train));
        Assert.AreEqual(code, error.Code);
        StringAssert.Contains(error.Message, text);
        Assert.AreEqual(code, launcher.Error.Result?.Code);
    }

    /// <summary>Somebody who gives himself out as the run, and knows the worker's token but not the secret, or whose certificate is another.</summary>
    [TestMethod]
    public void ARunWithoutTheSecret_IsLeft()
    {
        var secret = new WorkerSecret(Secret);
        Assert.AreEqual("MNC3319", Dial("token", secret, null), "a run that does not encrypt");
        using var identity = new LineIdentity();
        using var other = new LineIdentity();
        Assert.AreEqual("MNC3312", Dial($"token {other.Fingerprint}", secret, identity), "another certificate than the worker was told of");
        foreach (var proof in new[] { null, new WorkerSecret("a secret of someone else").Proof(Invitation.OfRun, identity.Fingerprint, "token"), secret.Proof(Invitation.OfWorker, identity.Fingerprint, "token"), secret.Proof(Invitation.OfRun, identity.Fingerprint, "another") })
            Assert.AreEqual("MNC3319", Dial($"token {identity.Fingerprint}", secret, identity, proof), proof ?? "none");
    }

    [TestMethod]
    public void ASecretThatIsNone_IsNamed()
    {
        using var folder = new TestFolder();
        Assert.AreEqual("MNC3318", Assert.ThrowsExactly<MlNetCifarException>(() => WorkerSecret.Read(folder["nowhere"])).Code);
        File.WriteAllText(folder["short"], "  short\n");
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => WorkerSecret.Read(folder["short"]));
        Assert.AreEqual("MNC3318", error.Code);
        StringAssert.Contains(error.Message, "5 characters");
        File.WriteAllText(folder["long"], Secret + "\n");
        Assert.AreEqual(new WorkerSecret(Secret).Proof("a", "b", "c"), WorkerSecret.Read(folder["long"]).Proof("a", "b", "c"));
    }

    /// <summary>A worker dials somebody.</summary>
    /// <returns>The code that it ends with.</returns>
    static string Dial(string token, WorkerSecret secret, LineIdentity? identity, string? proof = null)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(() =>
        {
            try
            {
                using var socket = listener.AcceptSocket();
                using var stream = identity!.Serve(new NetworkStream(socket));
                var reader = new FrameReader(stream);
                if (reader.Next() is null)
                    return;
                reader.Rest();
                var welcome = new Welcome(SmallRun.Network, s_options, Normalization.Compute(SmallRun.Train), "", null, 1, new Dictionary<string, string>()) { Proof = proof };
                Frame.Write(stream, FrameKind.Welcome, welcome.ToJson());
                reader.Next();
            }
            catch (Exception e) when (e is IOException or SocketException or NullReferenceException or InvalidOperationException)
            {
                // The worker has left, or never came.
            }
        });
        var code = Assert.ThrowsExactly<MlNetCifarException>(() => WorkerProgram.Run((IPEndPoint)listener.LocalEndpoint, token, _ => throw new AssertFailedException("it opens data for a stranger"), secret: secret)).Code;
        listener.Stop();
        serving.Wait();
        return code;
    }

    /// <summary>One worker without a wire between: what the run says last reaches it.</summary>
    sealed class Direct(string? secret) : IWorkerLauncher
    {
        readonly TaskCompletionSource<MlNetCifarException?> _error = new();

        public Task<MlNetCifarException?> Error => _error.Task;

        public void Start(int worker, IPEndPoint address, string token) => new Thread(() =>
        {
            try
            {
                WorkerProgram.Run(address, token, _ => new WorkerImages(SmallRun.Train), secret: secret is null ? null : new(secret));
                _error.SetResult(null);
            }
            catch (MlNetCifarException e)
            {
                _error.SetResult(e);
            }
        })
        { IsBackground = true }.Start();

        public Exception? Ended(int worker) => null;

        public void End(int worker)
        {
        }

        public void Dispose()
        {
        }
    }
}
