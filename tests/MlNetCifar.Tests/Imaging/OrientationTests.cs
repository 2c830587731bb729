using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

[TestClass]
public sealed class OrientationTests
{
    // A picture of 3×2 pixels, 1 2 3 / 4 5 6, as each orientation shows it.
    [TestMethod]
    [DataRow(1, 3, "123456")]
    [DataRow(2, 3, "321654")]
    [DataRow(3, 3, "654321")]
    [DataRow(4, 3, "456123")]
    [DataRow(5, 2, "142536")]
    [DataRow(6, 2, "415263")]
    [DataRow(7, 2, "635241")]
    [DataRow(8, 2, "362514")]
    public void Apply_TurnsThePicture(int orientation, int width, string expected)
    {
        var image = new RgbImage(3, 2);
        for (var i = 0; i < 18; i++) image.Pixels[i] = (byte)('1' + i / 3);
        var turned = ExifOrientation.Apply(image, orientation);
        Assert.AreEqual(width, turned.Width);
        Assert.AreEqual(expected, string.Concat(Enumerable.Range(0, 6).Select(i => (char)turned.Pixels[3 * i])));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Decode_AppliesTheExifOrientation(bool littleEndian)
    {
        var plain = GoldenPictures.Read("jpeg-420.jpg");
        byte[] exif = littleEndian
            ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
            : [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        byte[] file = [0xFF, 0xD8, 0xFF, 0xE1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif, .. plain.AsSpan(2)];
        Assert.AreEqual(6, ImageDecoder.ReadInfo(file).Orientation);
        var upright = ImageDecoder.Decode(file);
        var expected = ExifOrientation.Apply(ImageDecoder.Decode(plain), 6);
        Assert.AreEqual((29, 37), (upright.Width, upright.Height));
        Assert.IsTrue(expected.Pixels.SequenceEqual(upright.Pixels));
        var stored = ImageDecoder.Decode(file, new DecodeOptions { ApplyOrientation = false });
        Assert.AreEqual((37, 29), (stored.Width, stored.Height));
    }

    [TestMethod]
    [DataRow(1, true, new byte[] { 6, 0, 0, 0 })]
    [DataRow(3, true, new byte[] { 6, 0, 0, 0 })]
    [DataRow(4, true, new byte[] { 6, 0, 0, 0 })]
    [DataRow(9, true, new byte[] { 6, 0, 0, 0 })]
    [DataRow(1, false, new byte[] { 6, 0, 0, 0 })]
    [DataRow(3, false, new byte[] { 0, 6, 0, 0 })]
    [DataRow(4, false, new byte[] { 0, 0, 0, 6 })]
    [DataRow(8, false, new byte[] { 0, 6, 0, 0 })]
    public void Read_AnyWholeNumber_Counts(int type, bool littleEndian, byte[] value)
    {
        byte[] exif = littleEndian
            ? [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, (byte)type, 0, 1, 0, 0, 0, .. value, 0, 0, 0, 0]
            : [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, (byte)type, 0, 0, 0, 1, .. value, 0, 0, 0, 0];
        Assert.AreEqual(6, ExifOrientation.Read(exif));
        exif[littleEndian ? 12 : 13] = 5;
        Assert.AreEqual(1, ExifOrientation.Read(exif), "a fraction");
    }
}
