using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>A column of labels: a key, as MapValueToKey makes it, or text.</summary>
internal sealed class LabelColumn
{
    const string Expected = "Key or String";
    const string Cure = "MapValueToKey makes keys of other values.";

    readonly DataViewSchema.Column _column;

    LabelColumn(DataViewSchema.Column column)
    {
        _column = column;
        if (column.Type is KeyDataViewType key)
            Keys = LabelValues.Of(column, key);
        else if (column.Type is not TextDataViewType)
            throw MLNetErrors.OtherType("label", column.Name, Expected, column.Type.ToString()!, Cure);
    }

    /// <summary>The column.</summary>
    public DataViewSchema.Column Column => _column;

    /// <summary>The key's values; null where the labels are text.</summary>
    public LabelValues? Keys { get; }

    /// <summary>Finds the column in a schema.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not there, or holds no labels.</exception>
    public static LabelColumn Find(DataViewSchema schema, string name) =>
        new(schema.GetColumnOrNull(name) ?? throw MLNetErrors.NoColumn("label", name, schema.Select(c => c.Name), nameof(ImageNetworkOptions.LabelColumnName)));

    /// <summary>Checks what an estimator is promised.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is not there, or holds no labels.</exception>
    public static SchemaShape.Column Check(SchemaShape shape, string name)
    {
        var column = shape.Find(name, "label", nameof(ImageNetworkOptions.LabelColumnName));
        return column.Kind == SchemaShape.Column.VectorKind.Scalar && (column.IsKey || column.ItemType is TextDataViewType)
            ? column
            : throw MLNetErrors.OtherType("label", name, Expected, column.ItemType.ToString()!, Cure);
    }

    /// <summary>What reads the label of the current row: its name, null where it is missing.</summary>
    public Func<string?> ReaderOf(DataViewRow row)
    {
        var column = row.Schema[_column.Index];
        if (Keys is null)
        {
            var text = row.GetGetter<ReadOnlyMemory<char>>(column);
            ReadOnlyMemory<char> value = default;
            return () =>
            {
                text(ref value);
                return value.IsEmpty ? null : value.ToString();
            };
        }

        var key = KeyOf(row, column);
        return () => key() is > 0 and var k && k <= (ulong)Keys.Names.Count ? Keys.Names[(int)k - 1] : null;
    }

    static Func<ulong> KeyOf(DataViewRow row, DataViewSchema.Column column) => Type.GetTypeCode(column.Type.RawType) switch
    {
        TypeCode.Byte => Read(row.GetGetter<byte>(column), static v => v),
        TypeCode.UInt16 => Read(row.GetGetter<ushort>(column), static v => v),
        TypeCode.UInt32 => Read(row.GetGetter<uint>(column), static v => v),
        _ => Read(row.GetGetter<ulong>(column), static v => v),
    };

    static Func<ulong> Read<T>(ValueGetter<T> getter, Func<T, ulong> widen)
    {
        T value = default!;
        return () =>
        {
            getter(ref value);
            return widen(value);
        };
    }
}

/// <summary>The values of a label's key, in the key's order.</summary>
/// <param name="Names">As text.</param>
/// <param name="Type">What they are; null where the key has none, and the names are numbers from 0.</param>
internal sealed record LabelValues(IReadOnlyList<string> Names, PrimitiveDataViewType? Type)
{
    static readonly PrimitiveDataViewType[] s_types =
    [
        TextDataViewType.Instance, BooleanDataViewType.Instance, NumberDataViewType.Byte, NumberDataViewType.SByte, NumberDataViewType.Int16, NumberDataViewType.UInt16,
        NumberDataViewType.Int32, NumberDataViewType.UInt32, NumberDataViewType.Int64, NumberDataViewType.UInt64, NumberDataViewType.Single, NumberDataViewType.Double,
    ];

    /// <summary>The name of the type, to be kept in files.</summary>
    public string? TypeName => Type?.RawType == typeof(ReadOnlyMemory<char>) ? "Text" : Type?.RawType.Name;

    /// <summary>Puts together what was kept in a file.</summary>
    public static LabelValues Of(IReadOnlyList<string> names, string? type) => new(names, s_types.SingleOrDefault(t => new LabelValues([], t).TypeName == type));

    /// <summary>The values of a column.</summary>
    public static LabelValues Of(DataViewSchema.Column column, KeyDataViewType key)
    {
        if (column.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is not { Type: VectorDataViewType { ItemType: { } item } } || !s_types.Contains(item))
            return new([.. Enumerable.Range(0, checked((int)key.Count)).Select(k => k.ToString(CultureInfo.InvariantCulture))], null);
        return new(item is TextDataViewType ? Read<ReadOnlyMemory<char>>(column) : (IReadOnlyList<string>)Generic.Call(typeof(LabelValues), nameof(Read), item.RawType, column)!, item);
    }

    /// <summary>The type of a column that answers with one of the values.</summary>
    public KeyDataViewType KeyType => new(typeof(uint), Names.Count);

    /// <summary>Adds the values to the annotations of a column.</summary>
    public void AddTo(DataViewSchema.Annotations.Builder annotations, string kind)
    {
        if (Type is TextDataViewType)
            Add(annotations, kind, name => name.AsMemory());
        else if (Type is not null)
            Generic.Call(typeof(LabelValues), nameof(AddParsed), Type.RawType, this, annotations, kind);
    }

    static void AddParsed<T>(LabelValues values, DataViewSchema.Annotations.Builder annotations, string kind) =>
        values.Add(annotations, kind, name => (T)Convert.ChangeType(name, typeof(T), CultureInfo.InvariantCulture));

    void Add<T>(DataViewSchema.Annotations.Builder annotations, string kind, Func<string, T> parse) =>
        annotations.Add(kind, new VectorDataViewType(Type!, Names.Count), (ref VBuffer<T> values) => values = new(Names.Count, [.. Names.Select(parse)]));

    static IReadOnlyList<string> Read<T>(DataViewSchema.Column column)
    {
        VBuffer<T> values = default;
        column.Annotations.GetValue(AnnotationKinds.KeyValues, ref values);
        return [.. values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)!)];
    }
}
