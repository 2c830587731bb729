namespace MlNetCifar.Imaging;

/// <summary>
/// One Huffman table (T.81, annex C) with a direct lookup on the next <see cref="LookupBits"/> bits that, where both fit,
/// yields code and coefficient value at once. An entry is
/// value (bits 16–31), run (8–11), length of code and value (0–5), bit 6 clear; or
/// symbol (8–15), length of the code alone (0–5), bit 6 set; the length is 0 where the code is longer than the lookup.
/// </summary>
sealed class HuffmanTable
{
    public const int LookupBits = 10;
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
        return true;
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
