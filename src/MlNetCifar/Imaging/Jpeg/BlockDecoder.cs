using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlNetCifar.Imaging;

/// <summary>Entropy decoding of one block of a sequential scan.</summary>
static class BlockDecoder
{
    /// <summary>Decodes all coefficients of a block.</summary>
    /// <param name="reader">Bits; holds enough for any block (see <see cref="EntropyReader"/>).</param>
    /// <param name="dcTable">Table of the DC difference.</param>
    /// <param name="acTable">Table of the AC coefficients.</param>
    /// <param name="prediction">DC of the block before; updated.</param>
    /// <param name="block">First coefficient of the block, zeroed, grouped layout.</param>
    /// <returns>False where a code was invalid.</returns>
    public static bool DecodeSequential(ref EntropyReader reader, HuffmanTable dcTable, HuffmanTable acTable, ref int prediction, ref short block)
    {
        var bits = reader.Bits;
        var count = reader.Count;
        var position = reader.Position;
        var valid = true;
        ref var data = ref MemoryMarshal.GetArrayDataReference(reader.Buffer);
        ref var zigzag = ref MemoryMarshal.GetArrayDataReference(ZigZag.Grouped);
        ref var lookup = ref MemoryMarshal.GetArrayDataReference(acTable.Lookup);
        ref var pairs = ref MemoryMarshal.GetArrayDataReference(acTable.Pairs);

        if (count < 32) Fill(ref data, ref bits, ref count, ref position);
        var entry = dcTable.Lookup[bits >> (64 - HuffmanTable.LookupBits)];
        int length, size;
        if ((entry & HuffmanTable.SymbolFlag) == 0)
        {
            length = entry & 63;
            bits <<= length;
            count -= length;
            prediction += entry >> 16;
        }
        else
        {
            size = Symbol(dcTable, entry, bits, out length) & 15;
            valid &= length < HuffmanTable.MaxLength;
            bits <<= length;
            prediction += Extend(bits, size);
            bits <<= size;
            count -= length + size;
        }
        block = (short)prediction;

        for (var k = 1; k < 64; k++)
        {
            if (count < 32)
            {
                bits |= System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref data, position))) >> count;
                position += (63 - count) >> 3;
                count |= 56;
            }
            if (k < 48)
            {
                var pair = Unsafe.Add(ref pairs, (nint)(bits >> (64 - HuffmanTable.LookupBits)));
                if ((byte)pair != 0)
                {
                    bits <<= (int)pair;
                    count -= (byte)pair;
                    Unsafe.Add(ref block, (int)Unsafe.Add(ref zigzag, k + (byte)(pair >> 8))) = (short)(pair >> 32);
                    Unsafe.Add(ref block, (int)Unsafe.Add(ref zigzag, k + (byte)(pair >> 16))) = (short)(pair >> 48);
                    k += (byte)(pair >> 24) - 1;
                    continue;
                }
            }
            entry = Unsafe.Add(ref lookup, (int)(bits >> (64 - HuffmanTable.LookupBits)));
            if ((entry & HuffmanTable.SymbolFlag) == 0)
            {
                length = entry & 63;
                k += (entry >> 8) & 15;
                bits <<= length;
                count -= length;
                Unsafe.Add(ref block, (int)Unsafe.Add(ref zigzag, k)) = (short)(entry >> 16);
                continue;
            }
            var symbol = Symbol(acTable, entry, bits, out length);
            valid &= length < HuffmanTable.MaxLength;
            bits <<= length;
            count -= length;
            size = symbol & 15;
            if (size == 0)
            {
                if (symbol != 0xF0) break;
                k += 15;
                continue;
            }
            k += symbol >> 4;
            Unsafe.Add(ref block, (int)Unsafe.Add(ref zigzag, k)) = (short)Extend(bits, size);
            bits <<= size;
            count -= size;
        }
        reader.Bits = bits;
        reader.Count = count;
        reader.Position = position;
        return valid;
    }

    /// <summary>The signed value that the next <paramref name="size"/> bits stand for (T.81, F.2.2.1).</summary>
    /// <param name="bits">The next bits, left-aligned.</param>
    /// <param name="size">0 … 15.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Extend(ulong bits, int size)
    {
        var value = (int)(bits >> 1 >> (63 - size));
        return (long)bits < 0 ? value : value - (1 << size) + 1;
    }

    /// <summary>The symbol of a lookup entry that is flagged as a bare symbol.</summary>
    /// <param name="table">The entry's table.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="bits">The next bits, left-aligned.</param>
    /// <param name="length">Bits of the code.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Symbol(HuffmanTable table, int entry, ulong bits, out int length)
    {
        length = entry & 63;
        return length == 0 ? table.DecodeLong(bits, out length) : entry >> 8;
    }

    static void Fill(ref byte data, ref ulong bits, ref int count, ref int position)
    {
        bits |= System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref data, position))) >> count;
        position += (63 - count) >> 3;
        count |= 56;
    }
}
