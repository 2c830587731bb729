using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Distributed;

/// <summary>Gradients in 16 bits: rounded as they should be, sent as they are, and the same weights for any number of workers.</summary>
[TestClass]
public sealed class GradientFormatTests
{
    [TestMethod]
    [DataRow(GradientFormat.Bf16)]
    [DataRow(GradientFormat.F16)]
    public void Round_GivesTheNearest_AndStaysSo(GradientFormat format)
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 20_003).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-12, 2)))).ToArray();
        values[..9].AsSpan().Clear();
        (values[1], values[2], values[3], values[4], values[5]) = (-0f, 1 + (1f / 256), 1 + (3f / 256), 63.95f, float.Epsilon);
        var rounded = values.ToArray();
        GradientCodec.Round(rounded, format);
        for (var i = 0; i < values.Length; i++)
            Assert.AreEqual(Nearest(values[i], format), rounded[i], 0, $"{values[i]:R}");
        var again = rounded.ToArray();
        GradientCodec.Round(again, format);
        CollectionAssert.AreEqual(rounded, again, "what has been rounded stays");
        var bits = new ushort[values.Length];
        GradientCodec.Encode(rounded, bits, format);
        var read = new float[values.Length];
        GradientCodec.Decode(bits, read, format);
        CollectionAssert.AreEqual(rounded.Select(BitConverter.SingleToInt32Bits).ToArray(), read.Select(BitConverter.SingleToInt32Bits).ToArray(), "what is sent is what it was");
    }

    /// <summary>What is no number, or beyond all, is not taken for something else.</summary>
    [TestMethod]
    public void Round_KeepsWhatIsNoNumber()
    {
        foreach (var length in new[] { 1, 64 })
        {
            foreach (var bits in new[] { 0x7FC00000u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x7F800001u })
            {
                foreach (var format in new[] { GradientFormat.Bf16, GradientFormat.F16 })
                {
                    var values = Enumerable.Repeat(BitConverter.UInt32BitsToSingle(bits), length).ToArray();
                    GradientCodec.Round(values, format);
                    Assert.IsTrue(values.All(float.IsNaN), $"{bits:X8} in {format}");
                }
            }

            var ends = Enumerable.Repeat(float.PositiveInfinity, length).Append(float.NegativeInfinity).Append(float.MaxValue).ToArray();
            GradientCodec.Round(ends, GradientFormat.Bf16);
            Assert.IsTrue(ends[..length].All(float.IsPositiveInfinity) && float.IsNegativeInfinity(ends[length]) && float.IsPositiveInfinity(ends[^1]));
            ends = [.. Enumerable.Repeat(1000f, length), -1e30f];
            GradientCodec.Round(ends, GradientFormat.F16);
            Assert.IsTrue(ends[..length].All(value => value == 65504f / 1024) && ends[^1] == -65504f / 1024, "at most 64");
        }
    }

    [TestMethod]
    [DataRow(GradientFormat.Bf16)]
    [DataRow(GradientFormat.F16)]
    public void Frames_CarryRanges(GradientFormat format)
    {
        var floats = Enumerable.Range(0, 20_000).Select(i => 1f / (i + 1)).ToArray();
        GradientCodec.Round(floats.AsSpan(0, 19_990), format);
        using var stream = new MemoryStream();
        foreach (var gradients in new[] { 0, 5, 8192, 19_990 })
        {
            var sent = Frame.Write(stream, FrameKind.Part, [1, 2], floats.AsSpan(0, gradients == 0 ? 10 : 19_990 + 10)[..(gradients + 10)], gradients, format);
            Assert.AreEqual(Frame.HeaderLength + 2 + (2 * gradients) + 40 + Frame.TrailerLength, sent);
        }

        stream.Position = 0;
        var reader = new FrameReader(stream) { Most = 1 << 20 };
        foreach (var gradients in new[] { 0, 5, 8192, 19_990 })
        {
            reader.Next();
            reader.Read(new byte[2].AsSpan());
            var read = new float[gradients + 10];
            reader.Read(read, gradients, format);
            reader.End();
            CollectionAssert.AreEqual(floats[..(gradients + 10)], read);
        }
    }

    [TestMethod]
    [DataRow(GradientFormat.Bf16)]
    [DataRow(GradientFormat.F16)]
    public void Fit_IsTheSameForEveryNumberOfWorkers(GradientFormat format)
    {
        var options = SmallRun.Adam with { Slices = 8, Threads = 1, GradientFormat = format };
        using var whole = SmallRun.Fit(SmallRun.Trainer(options with { GradientFormat = GradientFormat.F32 }));
        using var expected = SmallRun.Fit(SmallRun.Trainer(options));
        Assert.AreNotEqual(whole.LastWeightsSha256, expected.LastWeightsSha256, "nothing was rounded");
        foreach (var (workers, isLinked) in new[] { (1, false), (2, false), (3, true), (8, true) })
        {
            using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
            using var group = new WorkerGroup(launcher, new() { Workers = workers, PeerPorts = isLinked ? PortRange.Any : null });
            using var actual = new Trainer(SmallRun.Network, options) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
            SmallRun.AssertSame(expected, actual);
            Assert.AreEqual(isLinked, group.IsPeering, string.Join('\n', actual.Warnings));
        }
    }

    [TestMethod]
    public void Fit_ReceivesHalf()
    {
        var received = new long[2];
        foreach (var format in new[] { GradientFormat.F32, GradientFormat.Bf16 })
        {
            using var launcher = new ThreadLauncher(_ => new WorkerImages(SmallRun.Train));
            using var group = new WorkerGroup(launcher, new() { Workers = 2 });
            using var result = new Trainer(SmallRun.Network, SmallRun.Adam with { Slices = 8, Threads = 1, GradientFormat = format }) { Workers = group }.Fit(SmallRun.Train, SmallRun.Validation);
            received[(int)format] = group.Figures.Sum(f => f.BytesReceived);
        }

        Assert.AreEqual(0.5, (double)received[1] / received[0], 0.05);
    }

    [TestMethod]
    public void WhatIsNotSliced_IsNotRounded()
    {
        var none = Assert.ThrowsExactly<MlNetCifarException>(() => (SmallRun.Adam with { GradientFormat = GradientFormat.Bf16 }).Validate());
        Assert.AreEqual("MNC3001", none.Code);
        StringAssert.Contains(none.Message, "at least 2 Slices");
        Assert.ThrowsExactly<MlNetCifarException>(() => (SmallRun.Adam with { Slices = 4, DistributedMode = DistributedMode.Averaged, GradientFormat = GradientFormat.F16 }).Validate());
        Assert.ThrowsExactly<MlNetCifarException>(() => (SmallRun.Adam with { Slices = 4, GradientFormat = (GradientFormat)9 }).Validate());
        (SmallRun.Adam with { Slices = 4, GradientFormat = GradientFormat.F16 }).Validate();
    }

    /// <summary>By a search among all numbers of the format that are near: the slow way, in double precision.</summary>
    static float Nearest(float value, GradientFormat format)
    {
        if (value == 0)
            return value;
        var scaled = (double)value * (format == GradientFormat.F16 ? 1024 : 1);
        var (digits, least) = format == GradientFormat.F16 ? (11, -14) : (8, -126);
        var exponent = Math.Max(least, (int)Math.Floor(Math.Log2(Math.Abs(scaled))));
        var unit = Math.Pow(2, exponent - digits + 1);
        return (float)(Math.Round(scaled / unit, MidpointRounding.ToEven) * unit / (format == GradientFormat.F16 ? 1024 : 1));
    }
}
