using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

[TestClass]
public sealed class PngEncoderTests
{
    [TestMethod]
    public void Encode_ComesBackEqual() => Prop.ForAll(
        Gen.Choose(1, 40).ToArbitrary(), Gen.Choose(1, 40).ToArbitrary(), Gen.Elements(1, 3).ToArbitrary(),
        (width, height, channels) =>
        {
            var pixels = new byte[width * height * channels];
            new Random(width * 41 + height).NextBytes(pixels.AsSpan(pixels.Length / 3));
            var image = ImageDecoder.Decode(PngEncoder.Encode(pixels, width, height, channels));
            var expected = channels == 3 ? pixels : [.. pixels.SelectMany(value => new[] { value, value, value })];
            return image.Width == width && image.Pixels.SequenceEqual(expected);
        }).QuickCheckThrowOnFailure();

    [TestMethod]
    public void Encode_RefusesTooFewPixels() => Assert.ThrowsExactly<ArgumentException>(() => PngEncoder.Encode(new byte[11], 2, 2, 3));
}
