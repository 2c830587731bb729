using System.Globalization;
using System.Text;
using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Parquet;

namespace MlNetCifar.App.Runs;

/// <summary>A table that a command writes row by row, as CSV or Parquet.</summary>
internal abstract class AnswerTable : IDisposable
{
    /// <summary>Starts a CSV file.</summary>
    public static AnswerTable Csv(Stream stream, IReadOnlyList<(string Name, Type Type)> columns) => new CsvTable(stream, columns);

    /// <summary>Starts a Parquet file.</summary>
    public static AnswerTable Parquet(Stream stream, IReadOnlyList<(string Name, Type Type)> columns) => new ParquetTable(stream, columns);

    /// <summary>Adds a row.</summary>
    /// <param name="cells">Of the columns' types, or null.</param>
    public abstract void Add(IReadOnlyList<object?> cells);

    /// <summary>Ends the file.</summary>
    public abstract void Dispose();

    sealed class CsvTable : AnswerTable
    {
        readonly StreamWriter _writer;

        public CsvTable(Stream stream, IReadOnlyList<(string Name, Type Type)> columns)
        {
            _writer = new(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
            _writer.WriteLine(string.Join(',', columns.Select(c => c.Name)));
        }

        // What is known so far can be looked at.
        public override void Add(IReadOnlyList<object?> cells)
        {
            _writer.WriteLine(string.Join(',', cells.Select(c => Cell(Text(c)))));
            _writer.Flush();
        }

        public override void Dispose() => _writer.Dispose();

        static string Text(object? value) => value switch
        {
            null => "",
            bool truth => OptionText.Of(truth),
            double number => ((float)number).ToString("0.######", CultureInfo.InvariantCulture),
            _ => (string)value,
        };

        static string Cell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    sealed class ParquetTable : AnswerTable
    {
        readonly ParquetRowWriter _rows;

        public ParquetTable(Stream stream, IReadOnlyList<(string Name, Type Type)> columns) => _rows = ParquetRowWriter.CreateAsync(stream, columns).GetAwaiter().GetResult();

        public override void Add(IReadOnlyList<object?> cells) => _rows.AddAsync(cells).AsTask().GetAwaiter().GetResult();

        public override void Dispose() => _rows.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
