using MlNetCifar.Data;

namespace MlNetCifar.Tests.Data.Spilling;

[TestClass]
public sealed class RowBufferTests
{
    const int BlockBytes = 1 << 16;

    [TestMethod]
    [DataRow(1, 100_000)]
    [DataRow(768, 3_000)]
    [DataRow(BlockBytes / 2, 100)]
    [DataRow((BlockBytes / 2) + 1, 100)]
    [DataRow(BlockBytes + 1, 40)]
    [DataRow((1 << 20) + 1, 4)]
    public void RowsComeBackInBlocks_FromMemoryAndFromAFile(int stride, int count)
    {
        List<byte[]> memory = [];
        using var file = new RowBuffer(stride, new TemporaryFile(Path.GetTempPath()));
        foreach (var rows in new[] { count / 2, count, count / 3 })
        {
            // Without a label: every seventh row, and two runs.
            var labels = Enumerable.Range(0, rows).Select(r => r % 7 == 3 || r < 2 || r > rows - 3 ? -1 : 0).ToArray();
            foreach (var buffer in new[] { new RowBuffer(stride, rows, memory), file })
            {
                Fill(buffer, stride, rows);
                var actual = new List<byte>();
                foreach (var block in buffer.Blocks(labels))
                {
                    Assert.IsLessThanOrEqualTo(Math.Max(stride, BlockBytes), block.Length);
                    actual.AddRange(block.Span);
                }

                var expected = Enumerable.Range(0, rows).Where(r => labels[r] >= 0).SelectMany(r => Row(stride, r)).ToArray();
                Assert.IsTrue(actual.SequenceEqual(expected), $"{rows} rows");
            }
        }
    }

    [TestMethod]
    public void Memory_GrowsByWhatIsMissing()
    {
        List<byte[]> memory = [];
        _ = new RowBuffer(1 << 16, 20, memory);
        var before = memory.ToArray();
        _ = new RowBuffer(1 << 16, 40, memory);
        CollectionAssert.AreEqual(before, memory.Take(before.Length).ToArray());
        Assert.HasCount(3, memory);
        _ = new RowBuffer(1 << 16, 1, memory);
        Assert.HasCount(3, memory);
    }

    static void Fill(RowBuffer buffer, int stride, int rows)
    {
        var scratch = buffer.NewScratch();
        for (var r = rows - 1; r >= 0; r--)
        {
            var place = buffer.Place(r, scratch);
            Row(stride, r).CopyTo(place);
            buffer.Keep(r, place);
        }
    }

    static byte[] Row(int stride, int row)
    {
        var bytes = new byte[stride];
        new Random(row).NextBytes(bytes.AsSpan(0, Math.Min(stride, 1000)));
        bytes[^1] = (byte)row;
        return bytes;
    }
}
