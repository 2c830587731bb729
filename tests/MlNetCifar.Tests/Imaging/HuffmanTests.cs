using MlNetCifar.Imaging;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Entropy decoding by lookups, of several coefficients at once, against one bit after the other.</summary>
[TestClass]
public sealed class HuffmanTests
{
    const int Blocks = 40;

    [TestMethod]
    public void DecodeSequential_OfRandomBits_EqualsDecodingBitByBit()
    {
        // Most random bits soon end a block by a bad code or run past its end: the cases that must not differ either.
        for (var seed = 0; seed < 80; seed++)
        {
            var random = new Random(seed);
            var (dc, ac) = (Definition(random, isDc: true), Definition(random, isDc: false));
            var data = new byte[4096];
            random.NextBytes(data);
            if (seed % 3 == 0) data.AsSpan().Replace((byte)0xFF, (byte)0x3C);
            Check(dc, ac, data, seed);
        }
    }

    [TestMethod]
    public void DecodeSequential_OfEveryCoefficient_EqualsDecodingBitByBit()
    {
        // Blocks as an encoder writes them, from empty ones to full ones, whose last coefficient is followed by no end of block.
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var (dc, ac) = (Definition(random, isDc: true), Definition(random, isDc: false));
            var bits = new List<bool>();
            for (var block = 0; block < Blocks; block++) Write(bits, dc, ac, random, density: random.Next(1, 101));
            var data = new byte[(bits.Count / 8) + 1];
            for (var i = 0; i < bits.Count; i++) data[i / 8] |= (byte)(bits[i] ? 128 >> (i % 8) : 0);
            Check(dc, ac, data, seed);
        }
    }

    static void Check(byte[] dc, byte[] ac, byte[] data, int seed)
    {
        HuffmanTable dcTable = new(), acTable = new();
        Assert.IsTrue(dcTable.Define(dc, isDc: true) && acTable.Define(ac, isDc: false));
        var reader = new EntropyReader();
        reader.Load(Stuffed(data), 0);
        var slow = new SlowReader(Codes(dc), Codes(ac), data);
        var (prediction, slowPrediction) = (0, 0);
        for (var block = 0; block < Blocks && !reader.IsExhausted; block++)
        {
            var found = new short[JpegComponent.GroupLength];
            var valid = BlockDecoder.DecodeSequential(ref reader, dcTable, acTable, ref prediction, ref found[0]);
            var (expected, expectedValid) = slow.Block(ref slowPrediction);
            CollectionAssert.AreEqual(expected, found, $"seed {seed}, block {block}");
            Assert.AreEqual(expectedValid, valid, $"seed {seed}, block {block}");
            Assert.AreEqual(slow.Position, (reader.Position * 8) - reader.Count, $"seed {seed}, block {block}: bits taken");
        }
    }

    /// <summary>Zero bytes behind every 0xFF, as a file has them, and a marker at the end.</summary>
    static byte[] Stuffed(byte[] data) => [.. data.SelectMany(b => b == 0xFF ? new byte[] { b, 0 } : [b]), 0xFF, 0xD9];

    /// <summary>A random code: 16 counts, then the symbols; some leave codes that mean nothing.</summary>
    static byte[] Definition(Random random, bool isDc)
    {
        byte[] symbols = isDc ? [.. Enumerable.Range(0, 12).Select(i => (byte)i)] : [0x00, 0xF0, .. from run in Enumerable.Range(0, 16) from size in Enumerable.Range(1, 10) select (byte)((run << 4) | size)];
        random.Shuffle(symbols);
        if (random.Next(3) == 0) symbols = symbols[..random.Next(2, symbols.Length)];
        var counts = new byte[16];
        var (left, free) = (symbols.Length, 1);
        for (var length = 0; length < 16; length++)
        {
            // At least so many as the longer codes cannot hold, and never all but at the end.
            free *= 2;
            var most = Math.Min(left, free - (length == 15 ? 0 : 1));
            var count = length == 15 ? most : Math.Min(most, random.Next(1 + Math.Min(most, 1 + (length * 2))));
            while (left - count > (free - count) * (long)(1 << (15 - length)) && count < most) count++;
            counts[length] = (byte)count;
            (left, free) = (left - count, free - count);
        }
        return [.. counts, .. symbols[..(symbols.Length - left)]];
    }

    static Dictionary<(int Length, int Code), int> Codes(byte[] definition)
    {
        var codes = new Dictionary<(int, int), int>();
        var (code, index) = (0, 16);
        for (var length = 1; length <= 16; length++, code <<= 1)
        {
            for (var i = 0; i < definition[length - 1]; i++) codes.Add((length, code++), definition[index++]);
        }
        return codes;
    }

    static void Write(List<bool> bits, byte[] dc, byte[] ac, Random random, int density)
    {
        var (dcCodes, acCodes) = (Codes(dc).ToArray(), Codes(ac).ToArray());
        var end = acCodes.FirstOrDefault(c => c.Value == 0);
        Put(dcCodes[random.Next(dcCodes.Length)]);
        for (var k = 1; k < 64;)
        {
            var code = end.Key.Length > 0 && random.Next(100) >= density ? end : acCodes[random.Next(acCodes.Length)];
            k += (code.Value & 15) == 0 ? (code.Value == 0xF0 ? 16 : 64) : (code.Value >> 4) + 1;
            Put(code);
        }

        void Put(KeyValuePair<(int Length, int Code), int> code)
        {
            for (var i = code.Key.Length - 1; i >= 0; i--) bits.Add(((code.Key.Code >> i) & 1) != 0);
            for (var i = code.Value & 15; i > 0; i--) bits.Add(random.Next(2) != 0);
        }
    }

    /// <summary>T.81, F.2.2, with libjpeg's ways where data are damaged: an unknown code is symbol 0 of 17 bits, and what lies behind the last coefficient goes there.</summary>
    sealed class SlowReader(Dictionary<(int Length, int Code), int> dc, Dictionary<(int Length, int Code), int> ac, byte[] data)
    {
        public int Position { get; private set; }

        public (short[] Block, bool Valid) Block(ref int prediction)
        {
            var (block, valid) = (new short[JpegComponent.GroupLength], true);
            prediction += Value(Symbol(dc, ref valid) & 15);
            block[0] = (short)prediction;
            for (var k = 1; k < 64; k++)
            {
                var symbol = Symbol(ac, ref valid);
                if (symbol == 0xF0)
                {
                    k += 15;
                    continue;
                }
                if ((symbol & 15) == 0) break;
                k += symbol >> 4;
                var natural = ZigZag.Natural[Math.Min(k, 63)];
                block[((natural >> 3) * 32) + (natural & 7)] = (short)Value(symbol & 15);
            }
            return (block, valid);
        }

        int Symbol(Dictionary<(int Length, int Code), int> codes, ref bool valid)
        {
            var code = 0;
            for (var length = 1; length <= 16; length++)
            {
                code = (code << 1) | Bit();
                if (codes.TryGetValue((length, code), out var symbol)) return symbol;
            }
            Bit();
            valid = false;
            return 0;
        }

        int Value(int size)
        {
            var value = 0;
            for (var i = 0; i < size; i++) value = (value << 1) | Bit();
            return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
        }

        int Bit()
        {
            var (at, shift) = (Position >> 3, 7 - (Position++ & 7));
            return at < data.Length ? (data[at] >> shift) & 1 : 0;
        }
    }
}
