using System.Net;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Frames as they were written, and as anybody may change them.</summary>
[TestClass]
public sealed class FrameTests
{
    static readonly byte[] s_head = [1, 2, 3, 4, 5, 6, 7, 8];
    static readonly float[] s_first = [1, -2, 3.5f];
    static readonly float[] s_second = [float.NaN, 0];

    [TestMethod]
    public void Read_GivesWhatWasWritten()
    {
        using var stream = new MemoryStream();
        var sent = Frame.Write(stream, FrameKind.Part, s_head, [new StateBlock("a", () => s_first), new StateBlock("b", () => s_second)]) + Frame.Write(stream, FrameKind.Ready, []);
        Assert.AreEqual(stream.Length, sent);
        stream.Position = 0;
        var reader = new FrameReader(stream);
        Assert.AreEqual(FrameKind.Part, reader.Next());
        Assert.AreEqual(8 + (5 * sizeof(float)), reader.Left);
        var (head, first, second) = (new byte[8], new float[3], new float[2]);
        reader.Read(head);
        reader.Read(first);
        reader.Read(second);
        reader.End();
        CollectionAssert.AreEqual(s_head, head);
        CollectionAssert.AreEqual(s_first, first);
        CollectionAssert.AreEqual(s_second, second);
        Assert.AreEqual(FrameKind.Ready, reader.Next());
        Assert.IsEmpty(reader.Rest());
        Assert.IsNull(reader.Next());
        Assert.AreEqual(sent, reader.Total);
    }

    [TestMethod]
    public void Read_OfEveryChangedByte_IsAFault()
    {
        var bytes = Bytes();
        for (var at = 0; at < bytes.Length; at++)
            for (var bit = 0; bit < 8; bit++)
            {
                var changed = bytes.ToArray();
                changed[at] ^= (byte)(1 << bit);
                AssertFault(() => Drain(changed), $"bit {bit} of byte {at}");
            }
    }

    [TestMethod]
    public void Read_OfAFrameThatWasCutOff_IsAFault()
    {
        var bytes = Bytes();
        for (var length = 1; length < bytes.Length; length++)
            AssertFault(() => Drain(bytes[..length]), $"{length} bytes");
        Assert.AreEqual(0, Drain([]));
    }

    [TestMethod]
    public void Read_OfMoreThanIsAllowed_TakesNoMemory()
    {
        byte[] bytes = [.. Frame.Magic, Frame.Version, (byte)FrameKind.Hello, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F];
        var before = GC.GetAllocatedBytesForCurrentThread();
        AssertFault(() => Drain(bytes), "2 GiB");
        Assert.IsLessThan(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Read_OfAnotherVersion_SaysSo()
    {
        var bytes = Bytes();
        bytes[4] = 9;
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Drain(bytes));
        Assert.AreEqual("MNC3306", error.Code);
        StringAssert.Contains(error.Message, $"version 9 of the protocol; expected {Frame.Version}");
    }

    [TestMethod]
    public void Read_OfRandomBytes_IsAFaultOrNothing() => Fuzz(TimeSpan.FromSeconds(1));

    [TestMethod]
    [TestCategory("Slow")]
    public void Read_OfRandomBytes_ForLong_IsAFaultOrNothing() => Fuzz(Fuzzing.SlowTime);

    [TestMethod]
    public void Messages_AreReadAsTheyWereWritten()
    {
        var hello = new Hello("token", "1.2", "512 bits", 17);
        Assert.AreEqual(hello, Hello.Read(hello.ToJson()));
        var refusal = Refusal.Of(new MlNetCifarException("MNC3305", ErrorKind.Data, "wrong", "do this"));
        Assert.AreEqual(refusal, Refusal.Read(refusal.ToJson()));
        Assert.AreEqual("MNC3305", ((MlNetCifarException)refusal.ToException()).Code);
        var work = new WorkHead(3, new StepPlace(4, 0.25, 0.5), 5, 6, new SlicePart(1, 2, 3), true);
        var bytes = new byte[WorkHead.Length];
        work.Write(bytes);
        Assert.AreEqual(work, WorkHead.Read(bytes));
        var part = new PartHead(3, 4, 2, 9, 0.5, 7, 1.25, 6, 1L << 41);
        bytes = new byte[PartHead.Length];
        part.Write(bytes);
        Assert.AreEqual(part, PartHead.Read(bytes));
    }

    [TestMethod]
    public void MessagesOfPeers_AreReadAsTheyWereWritten()
    {
        var address = new PeerAddress([IPAddress.Parse("10.0.0.5"), IPAddress.Parse("fd00::5")], 7100);
        Assert.AreEqual("10.0.0.5 fd00::5 7100", Describe(PeerAddress.Read(address.ToJson())));
        var plan = LinkPlan.Read(new LinkPlan(3, "key", 1, TimeSpan.FromSeconds(2.5), [(4, address), (0, new([], 0))]).ToJson());
        Assert.AreEqual((3L, "key", 1, 2.5, 2, 4), (plan.Generation, plan.Key, plan.Index, plan.Patience.TotalSeconds, plan.Members.Count, plan.Members[0].Worker));
        Assert.AreEqual("10.0.0.5 fd00::5 7100", Describe(plan.Members[0].Address));
        var hello = new PeerHello(5, "key", 2, 0);
        Assert.AreEqual(hello, PeerHello.Read(hello.ToJson()));
        foreach (var report in new[] { new LinkReport(5, null), new LinkReport(6, "worker 1 does not reach worker 2") })
            Assert.AreEqual(report, LinkReport.Read(report.ToJson()));
        Assert.HasCount(LinkReport.MostText, LinkReport.Read(new LinkReport(1, new string('a', 5000)).ToJson()).Missing!);
        var sum = new SumHead(1, 2, 4, 2, 9, 0.5, 7, 6, 1.25, 1L << 40, 1L << 41);
        var bytes = new byte[SumHead.Length];
        sum.Write(bytes);
        Assert.AreEqual(sum, SumHead.Read(bytes));
        foreach (var state in Enum.GetValues<SentState>())
        {
            bytes = new byte[StateHead.Length];
            new StateHead(9, state).Write(bytes);
            Assert.AreEqual(new StateHead(9, state), StateHead.Read(bytes));
        }

        foreach (var (at, value) in new[] { (7, (byte)0x80), (8, (byte)3), (15, (byte)0x80) })
        {
            bytes = new byte[StateHead.Length];
            bytes[at] = value;
            Assert.ThrowsExactly<InvalidDataException>(() => StateHead.Read(bytes), $"byte {at}");
        }

        static string Describe(PeerAddress address) => $"{string.Join(' ', address.Addresses)} {address.Port}";
    }

    [TestMethod]
    [DataRow("""{"generation":1,"key":"k","index":2,"patience":1,"members":[{"worker":0,"port":1,"certificate":null,"addresses":[]}]}""")]
    [DataRow("""{"generation":1,"key":"k","index":0,"patience":0,"members":[{"worker":0,"port":1,"certificate":null,"addresses":[]}]}""")]
    [DataRow("""{"generation":1,"key":"k","index":0,"patience":1,"members":[{"worker":0,"port":65536,"certificate":null,"addresses":[]}]}""")]
    [DataRow("""{"generation":1,"key":"k","index":0,"patience":1,"members":[{"worker":0,"port":1,"certificate":null,"addresses":["nowhere"]}]}""")]
    [DataRow("""{"generation":1,"key":"k","index":0,"patience":1,"members":[{"worker":0,"port":1,"certificate":null,"addresses":["1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"]}]}""")]
    [DataRow("""{"generation":1,"key":null,"index":0}""")]
    [DataRow("7")]
    public void MessagesOfPeers_ThatAreNone_AreFaults(string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        Assert.ThrowsExactly<InvalidDataException>(() => LinkPlan.Read(bytes));
    }

    /// <summary>Texts that were changed anywhere are read as something, or are faults; nothing else happens.</summary>
    [TestMethod]
    public void MessagesOfPeers_ThatWereChanged_AreFaultsOrRead()
    {
        var random = new Random(12);
        byte[][] whole = [new LinkPlan(3, "key", 1, TimeSpan.FromSeconds(2), [(4, new([IPAddress.Loopback], 7100)), (0, new([], 0))]).ToJson(), new PeerHello(5, "key", 2, 0).ToJson(), new LinkReport(5, "worker").ToJson()];
        Action<byte[]>[] read = [bytes => LinkPlan.Read(bytes), bytes => PeerHello.Read(bytes), bytes => LinkReport.Read(bytes)];
        var faults = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var bytes = whole[i % 3].ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                read[i % 3](random.Next(5) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            }
            catch (InvalidDataException)
            {
                faults++;
            }
        }

        Assert.IsGreaterThan(10_000, faults);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("{}")]
    [DataRow("[1]")]
    [DataRow("{\"token\":1,\"version\":\"\",\"arithmetic\":\"\",\"process\":1}")]
    [DataRow("{\"token\":null,\"version\":\"\",\"arithmetic\":\"\",\"process\":1}")]
    [DataRow("{\"token\":\"\",\"version\":\"\",\"arithmetic\":\"\",\"process\":1e99}")]
    public void Messages_ThatAreNone_AreFaults(string json)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        Assert.ThrowsExactly<InvalidDataException>(() => Hello.Read(bytes));
        Assert.ThrowsExactly<InvalidDataException>(() => Refusal.Read(bytes));
        Assert.ThrowsExactly<InvalidDataException>(() => Welcome.Read(bytes));
    }

    [TestMethod]
    [DataRow(0, -1)]
    [DataRow(16, -1)]
    [DataRow(20, -1)]
    [DataRow(24, 3)]
    [DataRow(28, 4)]
    [DataRow(32, 0)]
    [DataRow(36, 2)]
    [DataRow(44, int.MaxValue)]
    [DataRow(52, -1)]
    public void Work_OutOfRange_IsAFault(int at, int value)
    {
        var bytes = new byte[WorkHead.Length];
        new WorkHead(3, new StepPlace(4, 0.25, 0.5), 5, 6, new SlicePart(1, 2, 3), true).Write(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(at == 0 ? 4 : at), value);
        Assert.ThrowsExactly<InvalidDataException>(() => WorkHead.Read(bytes));
    }

    static byte[] Bytes()
    {
        using var stream = new MemoryStream();
        Frame.Write(stream, FrameKind.Part, s_head, [new StateBlock("a", () => s_first), new StateBlock("b", () => s_second)]);
        return stream.ToArray();
    }

    static void Fuzz(TimeSpan time)
    {
        var random = new Random(11);
        var started = TimeProvider.System.GetTimestamp();
        var (whole, faults) = (0, 0);
        while (TimeProvider.System.GetElapsedTime(started) < time)
        {
            byte[] bytes = [.. Bytes(), .. Bytes()];
            for (var changes = random.Next(4); changes > 0; changes--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            else if (random.Next(8) == 0)
                random.NextBytes(bytes);
            try
            {
                Drain(bytes);
                whole++;
            }
            catch (Exception e) when (e is InvalidDataException or MlNetCifarException { Code: "MNC3306" })
            {
                faults++;
            }
        }

        Assert.IsTrue(whole > 0 && faults > 0, $"{whole} whole, {faults} faults");
    }

    /// <summary>Reads all frames.</summary>
    static int Drain(byte[] bytes)
    {
        var reader = new FrameReader(new MemoryStream(bytes));
        var frames = 0;
        for (; reader.Next() is not null; frames++)
            reader.Rest();
        return frames;
    }

    static void AssertFault(Action action, string what)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is InvalidDataException or MlNetCifarException { Code: "MNC3306" })
        {
            return;
        }

        Assert.Fail($"{what} went unnoticed");
    }
}
