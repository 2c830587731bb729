using System.Buffers.Binary;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data.Doctor;

/// <summary>Small pictures inside a page.</summary>
internal static class ThumbnailImage
{
    const int Header = 54;

    /// <summary>A picture as a data address, which every browser shows.</summary>
    public static string ToDataAddress(RgbImage image)
    {
        var stride = ((3 * image.Width) + 3) & ~3;
        var file = new byte[Header + (stride * image.Height)];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        file[10] = Header;
        file[14] = 40;
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), image.Width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), image.Height);
        file[26] = 1;
        file[28] = 24;
        for (var y = 0; y < image.Height; y++)
        {
            var row = file.AsSpan(Header + ((image.Height - 1 - y) * stride));
            for (var i = 0; i < 3 * image.Width; i++)
                row[i] = image.Row(y)[i - (i % 3) + 2 - (i % 3)];
        }

        return "data:image/bmp;base64," + Convert.ToBase64String(file);
    }
}
