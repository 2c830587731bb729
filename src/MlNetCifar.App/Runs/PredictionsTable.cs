using System.Globalization;
using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>The table of an evaluation's answers as Parquet.</summary>
internal static class PredictionsTable
{
    public static OptionDescription<string?> Option { get; } =
        OptionDescription.Text("parquet", "FILE", "Also write predictions.csv to this file, as Parquet; also on hdfs://");

    /// <summary>Refuses a name that promises another format.</summary>
    public static void Check(Call call)
    {
        if (call.Get(Option) is { } file)
            OutputFile.Format(Option, file, "the table", ".parquet");
    }

    /// <summary>Writes the file, where one is asked for.</summary>
    /// <param name="call">Names it.</param>
    /// <param name="csv">The table of the run.</param>
    public static void Write(Call call, string csv)
    {
        if (call.Get(Option) is not { } file)
            return;
        file = HdfsPath.ToLocal(file);
        using var reader = new StreamReader(csv);
        var rows = new CsvReader(reader);
        (string, Type)[] columns = [.. rows.Read()!.Select(name => (name, TypeOf(name)))];
        new HdfsStorage(call).StoreOf(file).Write(file, stream =>
        {
            using var table = AnswerTable.Parquet(stream, columns);
            while (rows.Read() is { } cells)
                table.Add([.. cells.Zip(columns, (cell, column) => Value(cell, column.Item2))]);
        });
    }

    static Type TypeOf(string column) => column switch
    {
        "index" => typeof(long),
        "correct" => typeof(bool),
        "confidence" => typeof(double),
        _ => column.StartsWith("p:", StringComparison.Ordinal) ? typeof(double) : typeof(string),
    };

    static object? Value(string cell, Type type) => type == typeof(string) ? cell
        : cell.Length == 0 ? null
        : type == typeof(long) ? long.Parse(cell, CultureInfo.InvariantCulture)
        : type == typeof(bool) ? cell == "1"
        : double.Parse(cell, CultureInfo.InvariantCulture);
}
