using Parquet;
using Parquet.Schema;

namespace MlNetCifar.Parquet;

/// <summary>
/// Writes a table as Parquet, Snappy-compressed, a row group at a time, so that no more than one is in memory. A cell is what its column holds (text, bytes, long, double or bool), or null.
/// Not thread-safe.
/// </summary>
public sealed class ParquetRowWriter : IAsyncDisposable
{
    /// <summary>Bytes of texts and contents from which on a row group is written.</summary>
    const long GroupBytes = 16 << 20;
    const int GroupRows = 1 << 16;

    readonly ParquetWriter _writer;
    readonly ParquetColumn[] _columns;
    long _bytes;
    int _rows;

    ParquetRowWriter(ParquetWriter writer, ParquetColumn[] columns) => (_writer, _columns) = (writer, columns);

    /// <summary>Starts a table.</summary>
    /// <param name="output">Where to; not closed. It need not be seekable.</param>
    /// <param name="columns">Names and types: <see cref="string"/>, byte arrays, <see cref="long"/>, <see cref="double"/> or <see cref="bool"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ArgumentException">A column is of another type.</exception>
    public static async Task<ParquetRowWriter> CreateAsync(Stream output, IReadOnlyList<(string Name, Type Type)> columns, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(columns);
        ParquetColumn[] own = [.. columns.Select(c => ParquetColumn.Of(c.Name, c.Type))];

        // A dictionary of pictures would be the pictures.
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy, DictionaryEncodingThreshold = 0 };
        return new(await ParquetWriter.CreateAsync(new ParquetSchema(own.Select(c => c.Field)), output, options, cancellationToken: cancellationToken).ConfigureAwait(false), own);
    }

    /// <summary>Adds a row.</summary>
    /// <param name="cells">As many as columns; byte arrays are kept until they are written.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ArgumentException">There are more or fewer cells.</exception>
    /// <exception cref="InvalidCastException">A cell is of another type than its column.</exception>
    public async ValueTask AddAsync(IReadOnlyList<object?> cells, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        if (cells.Count != _columns.Length)
            throw new ArgumentException($"{cells.Count} cells given, {_columns.Length} columns expected.", nameof(cells));
        for (var i = 0; i < _columns.Length; i++)
            _bytes += _columns[i].Add(cells[i]);
        if (++_rows == GroupRows || _bytes >= GroupBytes)
            await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes what is left and the file's end. A file that is not to be kept is not worth it.</summary>
    public async ValueTask DisposeAsync()
    {
        await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
    }

    async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_rows == 0)
            return;
        using var group = _writer.CreateRowGroup();
        foreach (var column in _columns)
            await column.WriteAsync(group, cancellationToken).ConfigureAwait(false);
        group.CompleteValidate();
        (_rows, _bytes) = (0, 0);
    }
}
