using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace MlNetCifar.Files;

/// <summary>The header of NumPy's <c>.npy</c> format.</summary>
/// <param name="Descr">Element type, for example <c>|u1</c>, <c>&lt;f4</c>, <c>&lt;i8</c>; of a big-endian file that of its little-endian twin.</param>
/// <param name="Shape">Sizes, those of a row-major array.</param>
/// <param name="DataOffset">Bytes before the first element.</param>
internal sealed record NpyHeader(string Descr, long[] Shape, int DataOffset)
{
    // What NumPy itself accepts is 10,000 characters; a longer header is no honest array.
    const int MaxHeader = 1 << 16;

    static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Whether the first index runs fastest.</summary>
    public bool IsFortran { get; init; }

    /// <summary>Whether the highest byte of an element comes first.</summary>
    public bool IsBigEndian { get; init; }

    /// <summary>Whether the data are as <see cref="Format"/> announces them.</summary>
    public bool IsPlain => !IsFortran && !IsBigEndian;

    /// <summary>Bytes an element.</summary>
    public int ElementSize => Descr[^1] - '0';

    /// <summary>Number of elements; saturates, so that a hostile shape cannot wrap round to a small number.</summary>
    public long Elements => Shape.Aggregate(1L, (a, b) => (long)Int128.Min((Int128)a * b, long.MaxValue / 8));

    /// <summary>Bytes of the data.</summary>
    public long DataLength => Elements * ElementSize;

    /// <summary>Reads a header and checks the file's length against it.</summary>
    /// <param name="stream">At the file's start; afterwards at the data.</param>
    /// <param name="length">The file's length in bytes.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="MlNetCifarException">The file is no array of numbers, or its length is wrong (MNC1020).</exception>
    public static NpyHeader Read(Stream stream, long length, string path)
    {
        Span<byte> start = stackalloc byte[12];
        if (stream.ReadAtLeast(start[..10], 10, throwOnEndOfStream: false) < 10 || !start[..6].SequenceEqual(Magic))
            throw FileErrors.Npy(path, "This is no .npy file.");
        var wide = start[6] is 2 or 3;
        if (!wide && start[6] != 1)
            throw FileErrors.Npy(path, $"The .npy version is {start[6]}.{start[7]}, expected 1, 2 or 3.");
        if (wide && stream.ReadAtLeast(start[10..], 2, throwOnEndOfStream: false) < 2)
            throw FileErrors.Npy(path, "The header is cut short.");
        var size = wide ? BinaryPrimitives.ReadUInt32LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt16LittleEndian(start[8..]);
        if (size > MaxHeader)
            throw FileErrors.Npy(path, $"The header has {size:N0} bytes; {MaxHeader:N0} are the limit.");
        var text = new byte[size];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
            throw FileErrors.Npy(path, "The header is cut short.");
        var header = Parse(Encoding.Latin1.GetString(text), (wide ? 12 : 10) + (int)size, path);
        if (length - header.DataOffset != header.DataLength)
            throw FileErrors.Npy(path, $"The file has {length - header.DataOffset:N0} bytes of data, its shape says {header.DataLength:N0}.");
        return header;
    }

    /// <summary>The header's bytes, version 1.0, padded to a multiple of 64.</summary>
    public static byte[] Format(string descr, params ReadOnlySpan<long> shape)
    {
        var sizes = new StringBuilder();
        foreach (var size in shape)
            sizes.Append(CultureInfo.InvariantCulture, $"{size}, ");
        var tuple = shape.Length == 1 ? sizes.ToString().TrimEnd() : sizes.ToString().TrimEnd(' ', ',');
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({tuple}), }}";
        var total = (10 + text.Length + 1 + 63) / 64 * 64;
        var bytes = new byte[total];
        Magic.CopyTo(bytes);
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)(total - 10));
        bytes.AsSpan(10).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(10));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    static NpyHeader Parse(string text, int offset, string path)
    {
        var descr = Value(text, "descr", path).Trim('\'', '"');
        var type = descr.Length == 3 && descr[^1] == '1' ? $"|{descr[1..]}" : descr.StartsWith('>') ? $"<{descr[1..]}" : descr;
        if (type is not ("|u1" or "|i1" or "|b1" or "<i2" or "<u2" or "<i4" or "<u4" or "<i8" or "<u8" or "<f2" or "<f4" or "<f8"))
            throw FileErrors.Npy(path, $"The element type is '{descr}', expected integers, floats or booleans.");
        var shape = new List<long>();
        foreach (var part in Value(text, "shape", path).Trim('(', ')').Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                throw FileErrors.Npy(path, $"The shape holds '{part}'.");
            shape.Add(size);
        }

        return new(type, [.. shape], offset) { IsFortran = Value(text, "fortran_order", path) == "True" && shape.Count > 1, IsBigEndian = descr.StartsWith('>') && type[0] == '<' };
    }

    static string Value(string text, string key, string path)
    {
        var at = text.IndexOf($"'{key}'", StringComparison.Ordinal);
        if (at < 0)
            at = text.IndexOf($"\"{key}\"", StringComparison.Ordinal);
        var colon = at < 0 ? -1 : text.IndexOf(':', at);
        if (colon < 0)
            throw FileErrors.Npy(path, $"The header lacks '{key}'.");
        var rest = text[(colon + 1)..].TrimStart();
        var end = rest.StartsWith('(') ? rest.IndexOf(')') + 1 : rest.IndexOfAny([',', '}']);
        return end <= 0 ? throw FileErrors.Npy(path, $"The header's '{key}' does not end.") : rest[..end].Trim();
    }
}
