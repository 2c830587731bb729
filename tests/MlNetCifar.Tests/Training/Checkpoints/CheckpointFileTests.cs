using System.Text;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Checkpoints;

[TestClass]
public sealed class CheckpointFileTests
{
    readonly float[] _first = [1, 2.5f, -3, float.Epsilon];
    readonly float[] _second = [];

    [TestMethod]
    public void Load_GivesBackWhatWasWritten()
    {
        var file = Write();
        Assert.AreEqual("{\"a\":1}", Encoding.UTF8.GetString(CheckpointFile.Verify(new MemoryStream(file))));
        var values = new float[4];
        CheckpointFile.Load(new MemoryStream(file), [new("one", () => values), new("two", () => [])]);
        CollectionAssert.AreEqual(_first, values);
    }

    [TestMethod]
    public void Verify_OfEveryShorterFile_Fails()
    {
        var file = Write();
        for (var length = 0; length < file.Length; length++)
            Assert.ThrowsExactly<InvalidDataException>(() => CheckpointFile.Verify(new MemoryStream(file, 0, length)), $"{length} bytes");
        Assert.ThrowsExactly<InvalidDataException>(() => CheckpointFile.Verify(new MemoryStream([.. file, 0])));
    }

    [TestMethod]
    public void Verify_WithAnyBitChanged_Fails()
    {
        var file = Write();
        for (var bit = 0; bit < 8 * file.Length; bit++)
        {
            file[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                CheckpointFile.Verify(new MemoryStream(file));
                Assert.Fail($"bit {bit}");
            }
            catch (Exception e) when (e is InvalidDataException or NotSupportedException)
            {
                // A changed version is told apart from damage.
                Assert.IsTrue(e is InvalidDataException || bit / 8 is >= 8 and < 12, $"bit {bit}: {e.Message}");
            }

            file[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [TestMethod]
    public void Load_IntoABlockOfAnotherLength_Fails()
    {
        var values = new float[5];
        Assert.ThrowsExactly<InvalidDataException>(() => CheckpointFile.Load(new MemoryStream(Write()), [new("one", () => values)]));
        Assert.ThrowsExactly<InvalidDataException>(() => CheckpointFile.Load(new MemoryStream(Write()), [new("three", () => values)]));
    }

    [TestMethod]
    public void Crc32C_IsTheCastagnoliChecksum()
    {
        // The check value of the polynomial (RFC 3720, appendix B.4, and the usual nine digits).
        Assert.AreEqual(0xE3069283u, Crc32C.Append(0, "123456789"u8));
        Assert.AreEqual(0x8A9136AAu, Crc32C.Append(0, new byte[32]));
        Assert.AreEqual(0xE3069283u, Crc32C.Append(Crc32C.Append(0, "1234"u8), "56789"u8));
    }

    /// <summary>Three runs are summed up side by side where there are so many bytes.</summary>
    [TestMethod]
    [DataRow(3 * 4096)]
    [DataRow((3 * 4096) - 1)]
    [DataRow((3 * 4096) + 13)]
    [DataRow((6 * 4096) + 8)]
    [DataRow(100_001)]
    public void Crc32C_OfManyBytes_IsThatOfOneAfterTheOther(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        var expected = 7u;
        foreach (var value in bytes)
            expected = Crc32C.Append(expected, [value]);
        Assert.AreEqual(expected, Crc32C.Append(7, bytes));
    }

    byte[] Write()
    {
        using var stream = new MemoryStream();
        CheckpointFile.Write(stream, "{\"a\":1}"u8, [new("one", () => _first), new("two", () => _second)]);
        return stream.ToArray();
    }
}
