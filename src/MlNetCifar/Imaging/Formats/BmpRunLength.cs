namespace MlNetCifar.Imaging;

/// <summary>The run-length codes of 4- and 8-bit bitmaps.</summary>
static class BmpRunLength
{
    const int EndOfLine = 0, EndOfPicture = 1, Delta = 2;

    /// <summary>Writes what the codes say; pixels that they skip have colour 0.</summary>
    /// <returns>False where the codes end before the picture does.</returns>
    public static bool Decode(ReadOnlySpan<byte> data, BmpHeader header, ReadOnlySpan<byte> palette, RgbImage image)
    {
        for (var i = 0; i < image.Pixels.Length; i += 3) palette[..3].CopyTo(image.Pixels[i..]);
        var is4 = header.Compression == BmpCompression.Rle4;
        var (x, y, at) = (0, 0, 0);
        while (at + 1 < data.Length)
        {
            int count = data[at], value = data[at + 1];
            at += 2;
            if (count > 0)
            {
                for (var i = 0; i < count; i++) Put(image, header.IsTopDown, palette, x++, y, is4 ? (i % 2 == 0 ? value >> 4 : value & 15) : value);
                continue;
            }
            switch (value)
            {
                case EndOfLine:
                    (x, y) = (0, y + 1);
                    break;
                case EndOfPicture:
                    return true;
                case Delta:
                    if (at + 1 >= data.Length) return false;
                    (x, y) = (x + data[at], y + data[at + 1]);
                    at += 2;
                    break;
                default:
                    var bytes = is4 ? (value + 1) / 2 : value;
                    if (at + bytes > data.Length) return false;
                    for (var i = 0; i < value; i++) Put(image, header.IsTopDown, palette, x++, y, is4 ? (data[at + i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15 : data[at + i]);
                    at += (bytes + 1) / 2 * 2;
                    break;
            }
            if (y > image.Height) return true;
        }
        return y >= image.Height || (y == image.Height - 1 && x >= image.Width);
    }

    static void Put(RgbImage image, bool isTopDown, ReadOnlySpan<byte> palette, int x, int y, int index)
    {
        if (x < image.Width && y < image.Height) palette.Slice(3 * index, 3).CopyTo(image.Row(isTopDown ? y : image.Height - 1 - y)[(3 * x)..]);
    }
}
