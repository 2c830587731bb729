using Parquet;
using Parquet.Schema;

namespace MlNetCifar.Parquet;

/// <summary>A column's values of the row group that is being made.</summary>
abstract class ParquetColumn(DataField own)
{
    public DataField Field => own;

    public static ParquetColumn Of(string name, Type type) =>
        type == typeof(string) ? new Texts(name)
        : type == typeof(byte[]) ? new Contents(name)
        : type == typeof(long) ? new Values<long>(name)
        : type == typeof(double) ? new Values<double>(name)
        : type == typeof(bool) ? new Values<bool>(name)
        : throw new ArgumentException($"A column cannot hold {type.Name}.", nameof(type));

    /// <summary>Takes a value; gives its bytes.</summary>
    public abstract int Add(object? value);

    /// <summary>Writes the values and forgets them.</summary>
    public abstract Task WriteAsync(ParquetRowGroupWriter group, CancellationToken cancellationToken);

    sealed class Texts(string name) : ParquetColumn(new DataField<string>(name))
    {
        readonly List<string?> _values = [];

        public override int Add(object? value)
        {
            var text = (string?)value;
            _values.Add(text);
            return text?.Length ?? 0;
        }

        public override async Task WriteAsync(ParquetRowGroupWriter group, CancellationToken cancellationToken)
        {
            await group.WriteAsync(Field, _values!).ConfigureAwait(false);
            _values.Clear();
        }
    }

    sealed class Contents(string name) : ParquetColumn(new DataField<byte[]>(name))
    {
        readonly List<byte[]?> _values = [];

        public override int Add(object? value)
        {
            var content = (byte[]?)value;
            _values.Add(content);
            return content?.Length ?? 0;
        }

        public override async Task WriteAsync(ParquetRowGroupWriter group, CancellationToken cancellationToken)
        {
            await group.WriteAsync(Field, _values!).ConfigureAwait(false);
            _values.Clear();
        }
    }

    sealed class Values<T>(string name) : ParquetColumn(new DataField<T?>(name))
        where T : struct
    {
        readonly List<T?> _values = [];

        public override int Add(object? value)
        {
            _values.Add((T?)value);
            return 8;
        }

        public override async Task WriteAsync(ParquetRowGroupWriter group, CancellationToken cancellationToken)
        {
            await group.WriteAsync<T>(Field, _values.ToArray().AsMemory(), cancellationToken: cancellationToken).ConfigureAwait(false);
            _values.Clear();
        }
    }
}
