using System.Buffers.Binary;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Run-length codes of 8-bit bitmaps, built by hand: what they skip, overshoot or leave out.</summary>
[TestClass]
public sealed class BmpRunLengthTests
{
    [TestMethod]
    [DataRow("03 07 00 00 03 08 00 01", "777 888", DisplayName = "runs")]
    [DataRow("00 03 01 02 03 00 00 00 03 08 00 01", "123 888", DisplayName = "an absolute row of an odd length, padded to two bytes")]
    [DataRow("01 07 00 00 03 08 00 01", "700 888", DisplayName = "a row that ends early")]
    [DataRow("05 07 00 00 03 08 00 01", "777 888", DisplayName = "a run beyond the row")]
    [DataRow("00 05 01 02 03 04 05 00 00 00 03 08 00 01", "123 888", DisplayName = "an absolute run beyond the row")]
    [DataRow("00 00 03 08 00 01", "000 888", DisplayName = "an empty row")]
    [DataRow("01 07 00 02 01 00 01 09 00 00 03 08 00 01", "709 888", DisplayName = "a delta to the right")]
    [DataRow("01 07 00 02 00 01 01 09 00 01", "700 090", DisplayName = "a delta to the next row")]
    [DataRow("01 07 00 02 09 09 01 09 00 01", "700 000", DisplayName = "a delta out of the picture")]
    [DataRow("03 07 00 01", "777 000", DisplayName = "an early end")]
    public void Decode_FollowsTheCodes(string codes, string rows)
    {
        var image = ImageDecoder.Decode(Bitmap(3, 2, Convert.FromHexString(codes.Replace(" ", ""))));
        var found = Enumerable.Range(0, 2).Select(y => string.Concat(Enumerable.Range(0, 3).Select(x => (char)('0' + image.Row(1 - y)[3 * x]))));
        Assert.AreEqual(rows, string.Join(' ', found));
    }

    [TestMethod]
    [DataRow("03 07 00 00 01 08", DisplayName = "in a row")]
    [DataRow("03 07 00 00 00 03 01 02", DisplayName = "in an absolute run")]
    [DataRow("03 07 00 02 01", DisplayName = "in a delta")]
    public void Decode_OfCodesThatBreakOff_IsRefused(string codes)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDecoder.Decode(Bitmap(3, 2, Convert.FromHexString(codes.Replace(" ", "")))));
        StringAssert.Contains(error.Message, "run lengths end before the picture is complete");
    }

    [TestMethod]
    public void Decode_OfRandomCodes_EqualsPillow()
    {
        PillowPeer.Require();
        using var pillow = new PillowPeer();
        using var folder = new TestFolder();
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var (width, height) = (random.Next(1, 40), random.Next(1, 12));
            var bitmap = Bitmap(width, height, Codes(random, width, height));
            File.WriteAllBytes(folder["a.bmp"], bitmap);
            Assert.AreEqual(pillow.Decode(folder["a.bmp"]), GoldenPictures.Digest(ImageDecoder.Decode(bitmap).Pixels), $"seed {seed}");
        }
    }

    /// <summary>Codes without what Pillow 9.4 misreads: deltas, empty rows, and absolute runs beyond the row.</summary>
    static byte[] Codes(Random random, int width, int height)
    {
        List<byte> codes = [];
        for (var y = 0; y < height; y++)
        {
            var x = 0;
            do
            {
                var count = random.Next(3, 12);
                if (random.Next(2) == 0 && x + count <= width)
                {
                    codes.AddRange([0, (byte)count, .. Enumerable.Range(0, count + (count % 2)).Select(_ => (byte)random.Next(256))]);
                }
                else
                {
                    codes.AddRange([(byte)count, (byte)random.Next(256)]);
                }

                x += count;
            }
            while (x < width && random.Next(8) > 0);
            codes.AddRange([0, 0]);
        }

        return [.. codes, 0, 1];
    }

    /// <summary>A bottom-up bitmap whose palette gives index i the red i.</summary>
    static byte[] Bitmap(int width, int height, byte[] codes)
    {
        var file = new byte[14 + 40 + 1024 + codes.Length];
        "BM"u8.CopyTo(file);
        foreach (var (offset, value) in new[] { (2, file.Length), (10, 1078), (14, 40), (18, width), (22, height), (26, 1 | (8 << 16)), (30, 1), (34, codes.Length), (46, 256) })
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(offset), value);
        for (var i = 0; i < 256; i++)
            (file[54 + (4 * i)], file[55 + (4 * i)], file[56 + (4 * i)]) = ((byte)(7 * i), (byte)(255 - i), (byte)i);
        codes.CopyTo(file, 1078);
        return file;
    }
}
