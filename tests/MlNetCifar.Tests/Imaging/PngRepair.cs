using System.Buffers.Binary;
using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Makes checksums right again, so that mutations reach the code behind them.</summary>
static class PngRepair
{
    public static byte[] FixChecksums(byte[] file)
    {
        for (var position = 8; position + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(position));
            if (length > file.Length - position - 12) break;
            var crc = Crc32.Compute(file.AsSpan(position + 4, 4), file.AsSpan(position + 8, (int)length));
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(position + 8 + (int)length), crc);
            position += 12 + (int)length;
        }
        return file;
    }
}
