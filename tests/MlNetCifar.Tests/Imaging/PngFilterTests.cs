using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>The row filters of PNG against their formulas, for every kind of pixel and every length of tail.</summary>
[TestClass]
public sealed class PngFilterTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    public void Undo_EqualsTheFormulaForEveryPixelAndLength(int type)
    {
        var random = new Random(type);
        foreach (var step in (int[])[1, 2, 3, 4, 6, 8])
        {
            for (var length = 1; length <= 100; length++)
            {
                var (row, previous) = (new byte[length], new byte[length]);
                random.NextBytes(row);
                random.NextBytes(previous);
                var expected = Undo(type, row, previous, step);
                Assert.IsTrue(PngFilter.Undo(type, row, previous, step));
                CollectionAssert.AreEqual(expected, row, $"pixels of {step} bytes, {length} bytes");
            }
        }
    }

    static byte[] Undo(int type, byte[] row, byte[] previous, int step)
    {
        var result = new byte[row.Length];
        for (var i = 0; i < row.Length; i++)
        {
            int left = i < step ? 0 : result[i - step], above = previous[i], corner = i < step ? 0 : previous[i - step];
            var guess = left + above - corner;
            var nearest = new[] { left, above, corner }.MinBy(candidate => Math.Abs(guess - candidate));
            result[i] = (byte)(row[i] + type switch { 0 => 0, 1 => left, 2 => above, 3 => (left + above) / 2, _ => nearest });
        }
        return result;
    }
}
