namespace MlNetCifar.Imaging;

/// <summary>CRC-32 as PNG and zip use it (ISO 3309, reflected, polynomial 0xEDB88320), eight bytes a step.</summary>
static class Crc32
{
    static readonly uint[][] s_tables = MakeTables();

    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Update(uint.MaxValue, bytes);

    public static uint Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => ~Update(Update(uint.MaxValue, first), second);

    static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        var t = s_tables;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            var low = crc ^ System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            crc = t[7][low & 255] ^ t[6][(low >> 8) & 255] ^ t[5][(low >> 16) & 255] ^ t[4][low >> 24]
                ^ t[3][bytes[4]] ^ t[2][bytes[5]] ^ t[1][bytes[6]] ^ t[0][bytes[7]];
        }
        foreach (var value in bytes) crc = t[0][(crc ^ value) & 255] ^ (crc >> 8);
        return crc;
    }

    static uint[][] MakeTables()
    {
        var tables = new uint[8][];
        for (var k = 0; k < 8; k++) tables[k] = new uint[256];
        for (var n = 0u; n < 256; n++)
        {
            var crc = n;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            tables[0][n] = crc;
        }
        for (var k = 1; k < 8; k++)
        {
            for (var n = 0; n < 256; n++) tables[k][n] = tables[0][tables[k - 1][n] & 255] ^ (tables[k - 1][n] >> 8);
        }
        return tables;
    }
}
