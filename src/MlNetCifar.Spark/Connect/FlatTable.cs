using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Spark.Connect;

/// <summary>A table of a FlatBuffer: just enough to read Arrow's metadata. Every offset is checked by the span it indexes.</summary>
readonly struct FlatTable(ReadOnlyMemory<byte> buffer, int position)
{
    readonly ReadOnlyMemory<byte> _buffer = buffer;
    readonly int _position = position;

    public static FlatTable Root(ReadOnlyMemory<byte> buffer) => new(buffer, BinaryPrimitives.ReadInt32LittleEndian(buffer.Span));

    public bool Has(int field) => Offset(field) != 0;

    public byte Byte(int field) => Offset(field) is > 0 and var o ? _buffer.Span[_position + o] : (byte)0;

    public short Int16(int field) => Offset(field) is > 0 and var o ? BinaryPrimitives.ReadInt16LittleEndian(_buffer.Span[(_position + o)..]) : (short)0;

    public int Int32(int field) => Offset(field) is > 0 and var o ? ReadInt32(_position + o) : 0;

    public long Int64(int field) => Offset(field) is > 0 and var o ? BinaryPrimitives.ReadInt64LittleEndian(_buffer.Span[(_position + o)..]) : 0;

    public FlatTable Table(int field) => new(_buffer, Follow(field));

    public string Text(int field)
    {
        if (!Has(field))
            return "";
        var at = Follow(field);
        return Encoding.UTF8.GetString(_buffer.Span.Slice(at + 4, ReadInt32(at)));
    }

    /// <summary>Elements of a vector.</summary>
    public int Count(int field) => Has(field) ? ReadInt32(Follow(field)) : 0;

    /// <summary>An element of a vector of tables.</summary>
    public FlatTable Element(int field, int index)
    {
        var at = Follow(field) + 4 + (4 * index);
        return new(_buffer, at + ReadInt32(at));
    }

    /// <summary>An element of a vector of pairs of 64-bit numbers.</summary>
    public (long First, long Second) Pair(int field, int index)
    {
        var span = _buffer.Span.Slice(Follow(field) + 4 + (16 * index), 16);
        return (BinaryPrimitives.ReadInt64LittleEndian(span), BinaryPrimitives.ReadInt64LittleEndian(span[8..]));
    }

    int Follow(int field)
    {
        var at = _position + Offset(field);
        return at + ReadInt32(at);
    }

    int Offset(int field)
    {
        var table = _position - ReadInt32(_position);
        var size = BinaryPrimitives.ReadUInt16LittleEndian(_buffer.Span[table..]);
        var slot = 4 + (2 * field);
        return slot < size ? BinaryPrimitives.ReadUInt16LittleEndian(_buffer.Span[(table + slot)..]) : 0;
    }

    int ReadInt32(int at) => BinaryPrimitives.ReadInt32LittleEndian(_buffer.Span[at..]);
}
