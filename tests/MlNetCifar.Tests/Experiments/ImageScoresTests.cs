using System.Text;
using MlNetCifar.Experiments;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Experiments;

/// <summary>Scores that other processes compute: as they are sent, and put together.</summary>
[TestClass]
public sealed class ImageScoresTests
{
    static readonly ImageClassifier s_model = new(NetworkWeights.Initialize(SmallRun.Network, 1), SmallRun.Train.Classes, new() { Width = 8, Height = 8 }, Normalization.Compute(SmallRun.Train));

    [ClassCleanup]
    public static void Close() => s_model.Dispose();

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Runs_InAnyOrderAndTwice_GiveTheBitsOfOneProcess(bool whole)
    {
        var images = SmallRun.Train;
        var expected = s_model.Outputs(images, 1);
        var all = new CollectedScores(images.Count);
        foreach (var first in new[] { 40, 0, 20, 60, 20 })
            all.Add(ImageScores.Read(ImageScores.Of(s_model, images, first, Math.Min(20, images.Count - first), TestTimeViews.None, whole, whole, 1).ToBytes()));
        Assert.AreEqual(images.Count, all.Done);
        CollectionAssert.AreEqual(expected.Logits, ClassScores.Logits(s_model.Network, all.Raw.Logits));
        CollectionAssert.AreEqual(whole ? expected.Features : [], all.Raw.Features);
        CollectionAssert.AreEqual(whole ? expected.Texture : [], all.Raw.Texture);
        var buffer = new byte[images.ImageLength];
        CollectionAssert.AreEqual(whole ? Enumerable.Range(0, images.Count).Select(i => images.PixelHash(i, buffer)).ToArray() : [], all.Hashes);
        var some = all.Only([5, 3]);
        CollectionAssert.AreEqual(s_model.RawOutputs(images.Subset([5, 3]), 1).Logits, some.Raw.Logits);
        CollectionAssert.AreEqual(whole ? new[] { all.Hashes[5], all.Hashes[3] } : [], some.Hashes);
    }

    [TestMethod]
    public void DamagedAnywhere_IsRefused()
    {
        var bytes = ImageScores.Of(s_model, SmallRun.Train, 0, 2, TestTimeViews.None, true, true, 1).ToBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            byte[] other = [.. bytes];
            other[i] ^= 4;
            Assert.ThrowsExactly<InvalidDataException>(() => ImageScores.Read(other), $"byte {i}");
            Assert.ThrowsExactly<InvalidDataException>(() => ImageScores.Read(bytes.AsSpan(0, i)), $"{i} bytes");
        }
    }

    [TestMethod]
    [DataRow("lanes", "MNC3307")]
    [DataRow("version", "MNC3306")]
    public void OtherArithmeticOrVersion_IsNamed(string what, string code)
    {
        var bytes = ImageScores.Of(s_model, SmallRun.Train, 0, 2, TestTimeViews.None, false, false, 1).ToBytes();
        var text = Encoding.Latin1.GetString(bytes);
        var at = what == "lanes" ? text.IndexOf(" bits", StringComparison.Ordinal) - 1 : text.IndexOf('\n', StringComparison.Ordinal) - 1;
        bytes[at] = (byte)'1' == bytes[at] ? (byte)'2' : (byte)'1';
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), MlNetCifar.Training.Crc32C.Append(0, bytes.AsSpan(0, bytes.Length - 4)));
        Assert.AreEqual(code, Assert.ThrowsExactly<MlNetCifarException>(() => ImageScores.Read(bytes)).Code);
    }

    [TestMethod]
    public void WhatDoesNotFit_IsRefused()
    {
        var scores = ImageScores.Of(s_model, SmallRun.Train, 10, 5, TestTimeViews.None, false, false, 1);
        Assert.ThrowsExactly<InvalidDataException>(() => new CollectedScores(14).Add(scores));
        var all = new CollectedScores(20);
        all.Add(scores);
        Assert.ThrowsExactly<InvalidDataException>(() => all.Add(ImageScores.Of(s_model, SmallRun.Train, 0, 5, TestTimeViews.None, false, true, 1)));
    }
}
