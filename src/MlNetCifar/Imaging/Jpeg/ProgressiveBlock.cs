using System.Runtime.CompilerServices;

namespace MlNetCifar.Imaging;

/// <summary>Entropy decoding of one block of a progressive scan (T.81, annex G.1.2).</summary>
static class ProgressiveBlock
{
    public static bool DecodeDcFirst(ref EntropyReader reader, HuffmanTable table, ref int prediction, ref short block, int low)
    {
        reader.Fill();
        var symbol = NextSymbol(ref reader, table, out var valid) & 15;
        prediction += Value(ref reader, symbol);
        block = (short)(prediction << low);
        return valid;
    }

    public static void DecodeDcRefine(ref EntropyReader reader, ref short block, int low)
    {
        if (reader.Take(1) != 0) block |= (short)(1 << low);
    }

    public static bool DecodeAcFirst(ref EntropyReader reader, HuffmanTable table, ref int endOfBand, ref short block, int start, int end, int low)
    {
        var zigzag = ZigZag.Grouped;
        var valid = true;
        for (var k = start; k <= end; k++)
        {
            var symbol = NextSymbol(ref reader, table, out var good);
            valid &= good;
            var run = symbol >> 4;
            var size = symbol & 15;
            if (size != 0)
            {
                k += run;
                Unsafe.Add(ref block, zigzag[k]) = (short)(Value(ref reader, size) << low);
            }
            else if (run == 15)
            {
                k += 15;
            }
            else
            {
                endOfBand = (1 << run) - 1 + reader.Take(run);
                break;
            }
        }
        return valid;
    }

    public static bool DecodeAcRefine(ref EntropyReader reader, HuffmanTable table, ref int endOfBand, ref short block, int start, int end, int low)
    {
        var zigzag = ZigZag.Grouped;
        var valid = true;
        var k = start;
        if (endOfBand == 0)
        {
            for (; k <= end; k++)
            {
                var symbol = NextSymbol(ref reader, table, out var good);
                var run = symbol >> 4;
                var size = symbol & 15;
                var value = 0;
                valid &= good && size <= 1;
                if (size != 0)
                {
                    value = reader.Take(1) != 0 ? 1 << low : -1 << low;
                }
                else if (run != 15)
                {
                    endOfBand = (1 << run) + reader.Take(run);
                    break;
                }
                k = SkipZeros(ref reader, ref block, k, end, run, low);
                if (value != 0) Unsafe.Add(ref block, zigzag[k]) = (short)value;
            }
        }
        if (endOfBand == 0) return valid;
        SkipZeros(ref reader, ref block, k, end, int.MaxValue, low);
        endOfBand--;
        return valid;
    }

    /// <summary>Passes over <paramref name="run"/> zero coefficients and refines every other one on the way.</summary>
    /// <returns>The position of the next zero coefficient, or one past the end.</returns>
    static int SkipZeros(ref EntropyReader reader, ref short block, int k, int end, int run, int low)
    {
        var zigzag = ZigZag.Grouped;
        for (; k <= end; k++)
        {
            ref var coefficient = ref Unsafe.Add(ref block, zigzag[k]);
            if (coefficient == 0)
            {
                if (--run < 0) break;
            }
            else if (reader.Take(1) != 0 && (coefficient & (1 << low)) == 0)
            {
                coefficient += (short)(coefficient >= 0 ? 1 << low : -1 << low);
            }
        }
        return k;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int Value(ref EntropyReader reader, int size)
    {
        var value = BlockDecoder.Extend(reader.Bits, size);
        reader.Bits <<= size;
        reader.Count -= size;
        return value;
    }

    /// <summary>Decodes one symbol, leaving at least the 15 bits of a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static int NextSymbol(ref EntropyReader reader, HuffmanTable table, out bool valid)
    {
        reader.Fill();
        var symbol = table.DecodeSymbol(reader.Bits, out var length);
        valid = length < HuffmanTable.MaxLength;
        reader.Bits <<= length;
        reader.Count -= length;
        return symbol;
    }
}
