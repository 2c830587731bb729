using System.Text;
using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

namespace MlNetCifar.Spark.Connect;

/// <summary>The rows of results, which come as streams of Arrow record batches.</summary>
static class ArrowRows
{
    /// <summary>Digits that every <see cref="decimal"/> can hold.</summary>
    const int MostDigits = 28;

    static readonly CompressionCodecFactory s_codecs = new();

    /// <summary>All rows of a stream.</summary>
    /// <exception cref="MlNetCifarException">The stream is damaged, or a column is of a type that a row cannot hold (MNC6025).</exception>
    public static IEnumerable<SparkRow> Read(ReadOnlyMemory<byte> stream)
    {
        using var reader = new ArrowStreamReader(stream, s_codecs);
        while (Guard(reader.ReadNextRecordBatch) is { } batch)
        {
            using (batch)
            {
                string[] names = [.. batch.Schema.FieldsList.Select(f => f.Name)];
                for (var row = 0; row < batch.Length; row++)
                    yield return Guard(() => new SparkRow(names, [.. batch.Arrays.Select(column => Value(column, row))]));
            }
        }
    }

    static object? Value(IArrowArray column, int row) => column.IsNull(row) ? null : column switch
    {
        BooleanArray a => a.GetValue(row),
        Int8Array a => (long)a.Values[row],
        Int16Array a => (long)a.Values[row],
        Int32Array a => (long)a.Values[row],
        Int64Array a => a.Values[row],
        Date32Array a => (long)a.Values[row],
        TimestampArray a => a.Values[row],
        DurationArray a => a.Values[row],
        YearMonthIntervalArray a => (long)a.Values[row].Months,
        FloatArray a => (double)a.Values[row],
        DoubleArray a => a.Values[row],
        Decimal128Array a => ((Decimal128Type)a.Data.DataType).Precision <= MostDigits ? a.GetValue(row) : a.GetString(row),
        // Their own way to text does not look where its bytes end.
        StringArray a => Encoding.UTF8.GetString(a.GetBytes(row)),
        LargeStringArray a => Encoding.UTF8.GetString(a.GetBytes(row)),
        BinaryArray a => a.GetBytes(row).ToArray(),
        LargeBinaryArray a => a.GetBytes(row).ToArray(),
        MapArray a => Items(a, row).Select(i => (Key: Value(a.Keys, i)!, Value: Value(a.Values, i))).ToDictionary(p => p.Key, p => p.Value),
        ListArray a => Items(a, row).Select(i => Value(a.Values, i)).ToArray(),
        StructArray a => Names(a).Zip(a.Fields, (name, field) => (name, field)).ToDictionary(f => f.name, f => Value(f.field, row)),
        _ => throw SparkErrors.BadArrow($"a column has Arrow type {column.Data.DataType.Name}."),
    };

    static IEnumerable<int> Items(ListArray lists, int row)
    {
        var (first, count) = (lists.ValueOffsets[row], lists.GetValueLength(row));
        return first >= 0 && count >= 0 && count <= lists.Values.Length - first
            ? Enumerable.Range(first, count)
            : throw SparkErrors.BadArrow($"the Arrow stream is damaged: a list of {count} begins at place {first} of {lists.Values.Length}");
    }

    static IEnumerable<string> Names(StructArray structs) => ((StructType)structs.Data.DataType).Fields.Select(f => f.Name);

    // What the library throws at damaged bytes is not of one kind.
    static T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (OutOfMemoryException or MlNetCifarException))
        {
            throw SparkErrors.BadArrow($"the Arrow stream is damaged: {e.Message}", e);
        }
    }
}
