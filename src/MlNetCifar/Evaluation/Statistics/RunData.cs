using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Evaluation;

/// <summary>One evaluated run, as comparison and quality gate need it.</summary>
/// <param name="Name">What to call the run; the folder's name when it was loaded.</param>
/// <param name="DataHash">Fingerprint of the test data.</param>
/// <param name="Result">The evaluation, with its rows.</param>
/// <param name="Names">Names of the images in the order of the rows.</param>
public sealed record RunData(string Name, string DataHash, EvaluationResult Result, IReadOnlyList<string> Names)
{
    /// <summary>Names the layout of <c>report.json</c>; a reader refuses others.</summary>
    internal const string ReportSchema = "mlnetcifar.report/1";

    const int FixedColumns = 6;

    /// <summary>The run folder it was loaded from; null when it never was on disk.</summary>
    public string? Folder { get; init; }

    /// <summary>Loads a run from <c>report.json</c> and <c>predictions.csv</c> and evaluates it again.</summary>
    /// <param name="folder">A run folder.</param>
    /// <param name="options">Choices of the evaluation; null for the defaults.</param>
    /// <exception cref="MlNetCifarException">A file is missing (MNC5005) or damaged (MNC5006).</exception>
    public static RunData Load(string folder, EvaluationOptions? options = null)
    {
        var hash = ReadHash(Existing(folder, "report.json"));
        var path = Existing(folder, "predictions.csv");
        using var reader = new StreamReader(path);
        var csv = new CsvReader(reader);
        var header = csv.Read() ?? [];
        if (header.Count < FixedColumns + 2 || header[2] != "label" || !header.Skip(FixedColumns).All(name => name.StartsWith("p:", StringComparison.Ordinal)))
            throw EvaluationErrors.DamagedFile(path, "The header is not that of predictions.");
        string[] classes = [.. header.Skip(FixedColumns).Select(name => name[2..])];
        var (labels, scores, names) = ReadRows(csv, path, classes);
        var result = Evaluator.Evaluate([.. labels], [.. scores], classes, options);
        return new RunData(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), hash, result, names) { Folder = folder };
    }

    static (List<int> Labels, List<float> Scores, List<string> Names) ReadRows(CsvReader csv, string path, string[] classes)
    {
        var indices = classes.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i, StringComparer.Ordinal);
        (List<int> Labels, List<float> Scores, List<string> Names) rows = ([], [], []);
        while (csv.Read() is { } cells)
        {
            var line = rows.Labels.Count + 2;
            if (cells.Count != FixedColumns + classes.Length)
                throw EvaluationErrors.DamagedFile(path, $"Line {line} has {cells.Count} cells; expected {FixedColumns + classes.Length}.");
            if (!indices.TryGetValue(cells[2], out var label))
                throw EvaluationErrors.DamagedFile(path, $"Line {line} has the unknown label '{cells[2]}'.");
            foreach (var cell in cells.Skip(FixedColumns))
            {
                if (!float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var score))
                    throw EvaluationErrors.DamagedFile(path, $"Line {line} has '{cell}' where a probability belongs.");
                rows.Scores.Add(score);
            }

            if (Probabilities.Fault(CollectionsMarshal.AsSpan(rows.Scores)[^classes.Length..]) is { } fault)
                throw EvaluationErrors.DamagedFile(path, $"Line {line} is no row of probabilities: it {fault}.");
            rows.Labels.Add(label);
            rows.Names.Add(cells[1]);
        }

        return rows;
    }

    static string Existing(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw EvaluationErrors.MissingFile(path);
        return path;
    }

    static string ReadHash(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var schema = json.RootElement.GetProperty("schema").GetString();
            if (schema != ReportSchema)
                throw EvaluationErrors.DamagedFile(path, $"The layout is '{schema}'; expected '{ReportSchema}'.");
            return json.RootElement.GetProperty("data").GetProperty("hash").GetString() ?? "";
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw EvaluationErrors.DamagedFile(path, "This is no report of an evaluation.", e);
        }
    }
}
