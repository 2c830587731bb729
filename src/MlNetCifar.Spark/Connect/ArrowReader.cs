using System.Buffers.Binary;

namespace MlNetCifar.Spark.Connect;

/// <summary>Reads Arrow IPC streams with flat columns, as Spark sends results.</summary>
static class ArrowReader
{
    const byte SchemaMessage = 1;
    const byte RecordBatchMessage = 3;

    /// <summary>All record batches of a stream.</summary>
    /// <exception cref="MlNetCifarException">The stream is damaged or holds a type this reader does not know (MNC6025).</exception>
    public static IEnumerable<ArrowBatch> Read(ReadOnlyMemory<byte> stream)
    {
        ArrowField[] fields = [];
        while (TryNext(ref stream, out var message, out var body))
        {
            if (message.Byte(1) == SchemaMessage)
                fields = Guard(() => Fields(message.Table(2)));
            else if (message.Byte(1) == RecordBatchMessage)
                yield return Guard(() => Batch(message.Table(2), fields, body));
        }
    }

    static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException)
        {
            throw SparkErrors.BadArrow("the Arrow stream is damaged.");
        }
    }

    static bool TryNext(ref ReadOnlyMemory<byte> stream, out FlatTable message, out ReadOnlyMemory<byte> body)
    {
        (message, body) = (default, default);
        if (stream.Length < 8)
            return false;
        var rest = stream;
        var size = BinaryPrimitives.ReadInt32LittleEndian(rest.Span);
        var head = size == -1 ? 8 : 4;
        if (head == 8)
            size = BinaryPrimitives.ReadInt32LittleEndian(rest.Span[4..]);
        if (size == 0)
            return false;
        if (size < 0 || size > rest.Length - head)
            throw SparkErrors.BadArrow("an Arrow message is cut off.");
        var metadata = rest.Slice(head, size);
        var table = Guard(() => FlatTable.Root(metadata));
        var length = Guard(() => table.Int64(3));
        if (length < 0 || length > rest.Length - head - size)
            throw SparkErrors.BadArrow("an Arrow message is cut off.");
        (message, body) = (table, rest.Slice(head + size, (int)length));
        stream = rest[(head + size + (int)length)..];
        return true;
    }

    static ArrowField[] Fields(FlatTable schema)
    {
        var fields = new ArrowField[schema.Count(1)];
        for (var i = 0; i < fields.Length; i++)
            fields[i] = ArrowField.Read(schema.Element(1, i));
        return fields;
    }

    static ArrowBatch Batch(FlatTable batch, ArrowField[] fields, ReadOnlyMemory<byte> body)
    {
        if (batch.Has(3))
            throw SparkErrors.BadArrow("the batch is compressed.");
        var buffers = new ReadOnlyMemory<byte>[batch.Count(2)];
        for (var i = 0; i < buffers.Length; i++)
        {
            var (offset, length) = batch.Pair(2, i);
            buffers[i] = body.Slice(checked((int)offset), checked((int)length));
        }

        var columns = new ArrowColumn[fields.Length];
        var next = 0;
        for (var i = 0; i < fields.Length; i++)
        {
            var (_, nulls) = batch.Pair(1, i);
            columns[i] = new(fields[i], buffers.AsMemory(next, fields[i].Buffers), nulls > 0);
            next += fields[i].Buffers;
        }

        return new(checked((int)batch.Int64(0)), columns);
    }
}

/// <summary>Rows of a result.</summary>
sealed record ArrowBatch(int Count, ArrowColumn[] Columns);
