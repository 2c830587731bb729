using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Files;

/// <summary>How a field of a protobuf message is encoded.</summary>
internal enum WireKind
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>Writes one protobuf message, field by field.</summary>
internal sealed class ProtoWriter
{
    readonly MemoryStream _bytes = new();

    /// <summary>What was written.</summary>
    public ReadOnlyMemory<byte> Content => _bytes.GetBuffer().AsMemory(0, (int)_bytes.Length);

    /// <summary>A whole number; 0 is written too.</summary>
    public void Int(int field, long value)
    {
        Tag(field, WireKind.Varint);
        Varint((ulong)value);
    }

    /// <summary>Whole numbers, packed; nothing for none.</summary>
    public void Ints(int field, IReadOnlyCollection<long> values)
    {
        if (values.Count == 0)
            return;
        var packed = new ProtoWriter();
        foreach (var value in values)
            packed.Varint((ulong)value);
        Bytes(field, packed.Content.Span);
    }

    /// <summary>A 32-bit float.</summary>
    public void Real(int field, float value)
    {
        Tag(field, WireKind.Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    /// <summary>A 64-bit float.</summary>
    public void Double(int field, double value)
    {
        Tag(field, WireKind.Fixed64);
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    /// <summary>A text.</summary>
    public void Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A text, unless it is empty.</summary>
    public void TextIfAny(int field, string value)
    {
        if (value.Length > 0)
            Text(field, value);
    }

    /// <summary>Bytes as they are.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Tag(field, WireKind.Bytes);
        Varint((ulong)value.Length);
        _bytes.Write(value);
    }

    /// <summary>A message within the message.</summary>
    public void Message(int field, Action<ProtoWriter> write)
    {
        var inner = new ProtoWriter();
        write(inner);
        Bytes(field, inner.Content.Span);
    }

    void Tag(int field, WireKind kind) => Varint(((ulong)field << 3) | (ulong)kind);

    void Varint(ulong value)
    {
        for (; value >= 128; value >>= 7)
            _bytes.WriteByte((byte)(value | 128));
        _bytes.WriteByte((byte)value);
    }
}
