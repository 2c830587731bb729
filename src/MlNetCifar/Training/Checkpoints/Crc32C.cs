using System.Numerics;
using System.Runtime.InteropServices;

namespace MlNetCifar.Training;

/// <summary>CRC-32C (Castagnoli) of bytes, by the processor's instruction where it has one.</summary>
internal static class Crc32C
{
    /// <summary>Words of each of three runs.</summary>
    const int Run = 512;

    /// <summary>What becomes of each bit of a checksum when a run of zeros follows.</summary>
    static readonly uint[] s_passed = PassBits();

    /// <summary>The checksum of the bytes so far followed by more.</summary>
    /// <param name="crc">Of the bytes so far; 0 for none.</param>
    /// <param name="bytes">What follows.</param>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;

        // Each word waits for the one before it: three runs at a time do not wait for one another.
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (; words.Length >= 3 * Run; words = words[(3 * Run)..])
        {
            var (second, third) = (0u, 0u);
            for (var i = 0; i < Run; i++)
            {
                crc = BitOperations.Crc32C(crc, words[i]);
                second = BitOperations.Crc32C(second, words[Run + i]);
                third = BitOperations.Crc32C(third, words[(2 * Run) + i]);
            }

            crc = Pass(Pass(crc) ^ second) ^ third;
        }

        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);
        foreach (var value in bytes[^(bytes.Length % sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    static uint[] PassBits()
    {
        var passed = new uint[32];
        for (var bit = 0; bit < passed.Length; bit++)
        {
            passed[bit] = 1u << bit;
            for (var i = 0; i < Run; i++)
                passed[bit] = BitOperations.Crc32C(passed[bit], 0ul);
        }

        return passed;
    }

    static uint Pass(uint crc)
    {
        var passed = 0u;
        foreach (var bit in s_passed)
        {
            passed ^= bit & (0 - (crc & 1));
            crc >>= 1;
        }

        return passed;
    }
}
