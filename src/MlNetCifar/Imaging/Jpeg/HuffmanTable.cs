namespace MlNetCifar.Imaging;

/// <summary>
/// One Huffman table (T.81, annex C) with a direct lookup on the next <see cref="LookupBits"/> bits that, where both fit,
/// yields code and coefficient value at once. An entry is
/// value (bits 16–31), run (8–11), length of code and value (0–5), bit 6 clear; or
/// symbol (8–15), length of the code alone (0–5), bit 6 set; the length is 0 where the code is longer than the lookup.
/// </summary>
sealed class HuffmanTable
{
    public const int LookupBits = 11;
    public const int SymbolFlag = 64;
    public const int MaxLength = 17;

    readonly byte[] _definition = new byte[16 + 256];
    readonly byte[] _values = new byte[256];
    readonly ushort[] _symbols = new ushort[1 << LookupBits];
    readonly int[] _limit = new int[18];
    readonly int[] _offset = new int[18];
    int _definitionLength = -1;
    bool _isDc;

    public int[] Lookup { get; } = new int[1 << LookupBits];

    /// <summary>
    /// For AC coefficients, as many as two at once; 0 where not even one fits. Otherwise bits of codes and values (bits 0–5); where the first value goes, counted from the
    /// position reached (8–15), where the second (16–23), positions passed (24–31), 64 at least where the block ends; the values (32–47, 48–63), 0 for one that is not there.
    /// </summary>
    public ulong[] Pairs { get; } = new ulong[1 << LookupBits];

    /// <summary>Whether the current file has defined it.</summary>
    public bool IsDefined { get; private set; }

    /// <summary>Starts a new file; what was built stays, in case the file defines the same.</summary>
    public void Forget() => IsDefined = false;

    /// <summary>Takes over a table as a DHT segment defines it; the same definition twice costs one comparison.</summary>
    /// <param name="definition">16 counts, then the symbols.</param>
    /// <param name="isDc">Whether the symbols are sizes of DC differences.</param>
    /// <returns>False where the definition is no Huffman code.</returns>
    public bool Define(ReadOnlySpan<byte> definition, bool isDc)
    {
        IsDefined = true;
        if (_definitionLength == definition.Length && _isDc == isDc && definition.SequenceEqual(_definition.AsSpan(0, _definitionLength))) return true;
        _definitionLength = -1;
        if (!Assign(definition[..16], definition[16..], isDc)) return IsDefined = false;
        definition.CopyTo(_definition);
        _definitionLength = definition.Length;
        _isDc = isDc;
        return true;
    }

    /// <summary>Decodes one symbol bit length by bit length; an invalid code is symbol 0 of 17 bits, as libjpeg has it.</summary>
    /// <param name="bits">The next bits, left-aligned.</param>
    /// <param name="length">Bits of the code.</param>
    public int DecodeLong(ulong bits, out int length)
    {
        var next = (int)(bits >> 48);
        for (length = 1; length <= 16; length++)
        {
            if (next < _limit[length]) return _values[((next >> (16 - length)) + _offset[length]) & 255];
        }
        return 0;
    }

    /// <summary>Decodes one symbol without its value.</summary>
    /// <param name="bits">The next bits, left-aligned.</param>
    /// <param name="length">Bits of the code; <see cref="MaxLength"/> for an invalid one.</param>
    public int DecodeSymbol(ulong bits, out int length)
    {
        var entry = _symbols[bits >> (64 - LookupBits)];
        length = entry & 255;
        return length == 0 ? DecodeLong(bits, out length) : entry >> 8;
    }

    bool Assign(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> values, bool isDc)
    {
        Lookup.AsSpan().Fill(SymbolFlag);
        Array.Clear(_symbols);
        values.CopyTo(_values);
        var code = 0;
        var index = 0;
        for (var length = 1; length <= 16; length++)
        {
            _offset[length] = index - code;
            for (var i = 0; i < counts[length - 1]; i++, index++, code++)
            {
                if (code >= 1 << length || (isDc && values[index] > 15)) return false;
                if (length <= LookupBits) FillLookup(code, length, values[index], isDc);
            }
            _limit[length] = code << (16 - length);
            code <<= 1;
        }
        if (!isDc) FillPairs();
        return true;
    }

    void FillPairs()
    {
        for (var i = 0; i < Pairs.Length; i++)
        {
            var (length, run, passed, value) = Part(i, 0);
            if (length == 0)
            {
                Pairs[i] = 0;
                continue;
            }
            var ends = passed > 16;
            var (nextLength, nextRun, nextPassed, nextValue) = ends ? default : Part((i << length) & (Pairs.Length - 1), length);
            var (low, high) = ((passed + nextPassed) << 24 | (ends ? 0 : passed + nextRun) << 16 | run << 8 | (length + nextLength), nextValue << 16 | value);
            Pairs[i] = (ulong)(uint)high << 32 | (uint)low;
        }
    }

    /// <summary>The coefficient, or the end of the block, that a part of a lookup index begins with, if all of it is there.</summary>
    (int Length, int Run, int Passed, ushort Value) Part(int index, int used)
    {
        var entry = Lookup[index];
        var length = entry & 63;
        if (length == 0 || length > LookupBits - used) return default;
        if ((entry & SymbolFlag) == 0) return (length, (entry >> 8) & 15, ((entry >> 8) & 15) + 1, (ushort)(entry >> 16));
        return (entry >> 8) == 0 ? (length, 0, 64, (ushort)0) : default;
    }

    void FillLookup(int code, int length, int symbol, bool isDc)
    {
        var spare = LookupBits - length;
        var size = symbol & 15;
        _symbols.AsSpan(code << spare, 1 << spare).Fill((ushort)((symbol << 8) | length));
        var entries = Lookup.AsSpan(code << spare, 1 << spare);
        if (size > spare || (size == 0 && !isDc))
        {
            entries.Fill((symbol << 8) | SymbolFlag | length);
            return;
        }
        for (var tail = 0; tail < entries.Length; tail++)
        {
            var magnitude = tail >> (spare - size);
            var value = size > 0 && magnitude < 1 << (size - 1) ? magnitude - (1 << size) + 1 : magnitude;
            entries[tail] = (value << 16) | ((symbol >> 4) << 8) | (length + size);
        }
    }
}
