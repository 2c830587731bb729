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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool DecodeSequential(ref EntropyReader reader, HuffmanTable dcTable, HuffmanTable acTable, ref int prediction, ref short block)
    {
        reader.Refill();
        var entry = Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(dcTable.Lookup), (nint)(reader.Bits >> (64 - HuffmanTable.LookupBits)));
        var valid = true;
        if ((entry & HuffmanTable.SymbolFlag) == 0)
        {
            reader.Skip(entry & 63);
            prediction += entry >> 16;
        }
        else
        {
            prediction += Difference(ref reader, dcTable, ref valid);
        }
        block = (short)prediction;

        ref var zigzag = ref MemoryMarshal.GetArrayDataReference(ZigZag.Grouped);
        ref var pairs = ref MemoryMarshal.GetArrayDataReference(acTable.Pairs);
        var (bits, count) = (reader.Bits, reader.Count);
        var k = 1;
        while (true)
        {
            // Five lookups, that of the DC among them, are within the bits of one filling.
            var more = k < PairEnd && Step(ref pairs, ref zigzag, ref block, ref bits, ref count, ref k) && Step(ref pairs, ref zigzag, ref block, ref bits, ref count, ref k)
                && Step(ref pairs, ref zigzag, ref block, ref bits, ref count, ref k) && Step(ref pairs, ref zigzag, ref block, ref bits, ref count, ref k);
            (reader.Bits, reader.Count) = (bits, count);
            if (!more && k < 64) k = Single(ref reader, acTable, ref block, k, ref valid);
            if (k >= 64) return valid;
            reader.Refill();
            (bits, count) = (reader.Bits, reader.Count);
        }
    }

    // From here on what the first coefficient of a pair passes could be the rest of the block.
    const int PairEnd = 64 - 16;

    /// <summary>Decodes what one lookup yields, of at most <see cref="HuffmanTable.LookupBits"/> bits.</summary>
    /// <returns>Whether another may follow.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool Step(ref ulong pairs, ref byte zigzag, ref short block, ref ulong bits, ref int count, ref int k)
    {
        var pair = Unsafe.Add(ref pairs, (nint)(bits >> (64 - HuffmanTable.LookupBits)));
        bits <<= (int)pair;
        count -= (byte)pair;
        Unsafe.Add(ref block, (nint)Unsafe.Add(ref zigzag, k + (byte)(pair >> 8))) = (short)(pair >> 32);
        Unsafe.Add(ref block, (nint)Unsafe.Add(ref zigzag, k + (byte)(pair >> 16))) = (short)(pair >> 48);
        k += (byte)(pair >> 24);
        return pair != 0 && k < PairEnd;
    }

    /// <summary>Decodes a DC difference of any length, and fills up.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Difference(ref EntropyReader reader, HuffmanTable table, ref bool valid)
    {
        var size = table.DecodeSymbol(reader.Bits, out var length) & 15;
        valid &= length < HuffmanTable.MaxLength;
        reader.Skip(length);
        var difference = Extend(reader.Bits, size);
        reader.Skip(size);
        reader.Refill();
        return difference;
    }

    /// <summary>Decodes one coefficient, run of zeros or end of block of any length.</summary>
    /// <returns>The position reached.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Single(ref EntropyReader reader, HuffmanTable table, ref short block, int k, ref bool valid)
    {
        reader.Fill();
        var symbol = table.DecodeSymbol(reader.Bits, out var length);
        valid &= length < HuffmanTable.MaxLength;
        reader.Skip(length);
        var size = symbol & 15;
        if (size == 0) return symbol == 0xF0 ? k + 16 : 64;
        k += symbol >> 4;
        Unsafe.Add(ref block, (int)ZigZag.Grouped[k]) = (short)Extend(reader.Bits, size);
        reader.Skip(size);
        return k + 1;
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
}
