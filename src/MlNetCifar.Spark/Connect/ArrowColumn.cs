using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace MlNetCifar.Spark.Connect;

/// <summary>How the values of a column are laid out.</summary>
enum ArrowKind
{
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Binary,
}

/// <summary>A column's name and layout.</summary>
/// <param name="Name">As in the query.</param>
/// <param name="Kind">What its values are.</param>
/// <param name="Width">Bytes of a number, or of an offset.</param>
sealed record ArrowField(string Name, ArrowKind Kind, int Width)
{
    /// <summary>Buffers of a batch: validity, then values, or offsets and values.</summary>
    public int Buffers => Kind switch { ArrowKind.Null => 0, ArrowKind.Text or ArrowKind.Binary => 3, _ => 2 };

    public static ArrowField Read(FlatTable field)
    {
        var name = field.Text(0);
        var type = field.Table(3);
        return field.Byte(2) switch
        {
            1 => new(name, ArrowKind.Null, 0),
            2 => new(name, ArrowKind.Integer, type.Int32(0) / 8),
            3 when type.Int16(0) is 1 or 2 => new(name, ArrowKind.Float, type.Int16(0) == 1 ? 4 : 8),
            4 => new(name, ArrowKind.Binary, 4),
            5 => new(name, ArrowKind.Text, 4),
            6 => new(name, ArrowKind.Bool, 0),
            8 => new(name, ArrowKind.Integer, type.Int16(0) == 0 && type.Has(0) ? 4 : 8),
            10 => new(name, ArrowKind.Integer, 8),
            19 => new(name, ArrowKind.Binary, 8),
            20 => new(name, ArrowKind.Text, 8),
            var other => throw SparkErrors.BadArrow(string.Create(CultureInfo.InvariantCulture, $"column '{name}' has Arrow type {other}.")),
        };
    }
}

/// <summary>The values of a column in one batch.</summary>
sealed class ArrowColumn(ArrowField layout, ReadOnlyMemory<ReadOnlyMemory<byte>> buffers, bool hasNulls)
{
    public ArrowField Field => layout;

    public bool IsNull(int row) =>
        layout.Kind == ArrowKind.Null || (hasNulls && (buffers.Span[0].Span[row >> 3] & (1 << (row & 7))) == 0);

    /// <summary>A value as long, double, bool, string, byte array or null.</summary>
    public object? Value(int row) => IsNull(row) ? null : layout.Kind switch
    {
        ArrowKind.Bool => (buffers.Span[1].Span[row >> 3] & (1 << (row & 7))) != 0,
        ArrowKind.Integer => Integer(row),
        ArrowKind.Float => Float(row),
        ArrowKind.Text => Encoding.UTF8.GetString(Bytes(row)),
        _ => Bytes(row).ToArray(),
    };

    long Integer(int row)
    {
        var at = buffers.Span[1].Span[(row * layout.Width)..];
        return layout.Width switch
        {
            1 => (sbyte)at[0],
            2 => BinaryPrimitives.ReadInt16LittleEndian(at),
            4 => BinaryPrimitives.ReadInt32LittleEndian(at),
            _ => BinaryPrimitives.ReadInt64LittleEndian(at),
        };
    }

    double Float(int row)
    {
        var at = buffers.Span[1].Span[(row * layout.Width)..];
        return layout.Width == 4 ? BinaryPrimitives.ReadSingleLittleEndian(at) : BinaryPrimitives.ReadDoubleLittleEndian(at);
    }

    ReadOnlySpan<byte> Bytes(int row)
    {
        var start = Offset(row);
        return buffers.Span[2].Span.Slice(start, Offset(row + 1) - start);
    }

    int Offset(int row)
    {
        var at = buffers.Span[1].Span[(row * layout.Width)..];
        return layout.Width == 4 ? BinaryPrimitives.ReadInt32LittleEndian(at) : checked((int)BinaryPrimitives.ReadInt64LittleEndian(at));
    }
}
