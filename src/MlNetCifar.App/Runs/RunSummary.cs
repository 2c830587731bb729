using System.Globalization;
using System.Text.Json;

namespace MlNetCifar.App.Runs;

/// <summary>What the files of a run tell about it.</summary>
/// <param name="Folder">The run's folder.</param>
/// <param name="Verb">What made it.</param>
/// <param name="Changed">When it last wrote.</param>
/// <param name="Data">Its data; null where that is not recorded.</param>
/// <param name="Network">Its network; null where that is not recorded.</param>
/// <param name="Epochs">Epochs done.</param>
/// <param name="Planned">Epochs planned; null where time decides, or nothing was trained.</param>
/// <param name="Seconds">Time of these epochs.</param>
/// <param name="Accuracy">Accuracy in the report; null where there is none yet.</param>
/// <param name="Interval">Its interval.</param>
/// <param name="BestValidation">Best validation accuracy; null where nothing was validated.</param>
internal sealed record RunSummary(
    string Folder, string Verb, DateTime Changed, string? Data, string? Network, int Epochs, int? Planned, double Seconds, double? Accuracy, (double Lower, double Upper)? Interval,
    double? BestValidation)
{
    const string Settings = "args.json";
    const string Report = "report.json";
    const string History = "results.csv";
    const string Journal = "trials.jsonl";
    const string SweepPage = "tune.html";

    /// <summary>Whether the run has written its report after all else, that is, has ended; a sweep its page, if it has trials.</summary>
    public bool IsDone { get; private init; }

    /// <summary>The page that a run leaves behind.</summary>
    public string Page { get; private init; } = "";

    /// <summary>All runs below a folder of runs, newest first; what is no run is left out.</summary>
    public static IReadOnlyList<RunSummary> All(string runs) => !Directory.Exists(runs) ? [] :
    [
        .. Directory.EnumerateDirectories(runs).SelectMany(Directory.EnumerateDirectories)
            .Where(folder => File.Exists(Path.Combine(folder, Settings))).Select(Read).OrderByDescending(run => run.Changed).ThenBy(run => run.Folder, StringComparer.Ordinal),
    ];

    /// <summary>Reads what there is; files that are missing or damaged tell nothing.</summary>
    public static RunSummary Read(string folder)
    {
        var verb = Path.GetFileName(Path.GetDirectoryName(folder)!);
        var reportPath = Path.Combine(Reported(folder, verb), Report);
        var (settings, report) = (Json(Path.Combine(folder, Settings)), Json(reportPath));

        // An evaluation keeps the history of its model, which is another run's.
        var epochs = verb == "evaluate" ? [] : Rows(Path.Combine(folder, History));
        var accuracy = report?.TryGetProperty("metrics", out var metrics) == true && metrics.TryGetProperty("microAccuracy", out var figure) ? figure : default;
        var validation = epochs.Select(row => row.GetValueOrDefault("val_accuracy")).OfType<double>().ToArray();
        var begun = new[] { Settings, History, Journal }.Max(name => File.GetLastWriteTimeUtc(Path.Combine(folder, name)));
        var isSweep = File.Exists(Path.Combine(folder, Journal));
        var end = isSweep ? Path.Combine(folder, SweepPage) : reportPath;
        var reported = File.GetLastWriteTimeUtc(end);
        return new(
            folder, verb, begun > reported ? begun : reported, Text(settings, "data"),
            Text(settings, "preset") is { } preset and not "auto" ? preset : Text(report, "title")?.Split(' ')[0], epochs.Count, Text(settings, "time-budget") is null ? (int?)Number(settings, "epochs") : null,
            epochs.Sum(row => row.GetValueOrDefault("seconds") ?? 0), Number(accuracy, "value"),
            Number(accuracy, "lower") is { } lower && Number(accuracy, "upper") is { } upper ? (lower, upper) : null, validation.Length > 0 ? validation.Max() : null)
        {
            IsDone = File.Exists(end) && reported >= begun, Page = isSweep ? end : Path.ChangeExtension(reportPath, ".html"),
        };
    }

    /// <summary>The folder of the training that a run's figures are of: of a sweep the one at its end, with the first of the seeds.</summary>
    static string Reported(string folder, string verb) => verb switch
    {
        "automl" => Path.Combine(folder, "final"),
        "tune" when Directory.Exists(folder) => Directory.EnumerateDirectories(folder, "best-*-seed1").OrderByDescending(Directory.GetLastWriteTimeUtc).FirstOrDefault(folder),
        _ => folder,
    };

    /// <summary>The backbone that a run's model was trained on; null for none.</summary>
    public static string? BackboneOf(string folder) => Text(Json(Path.Combine(folder, Settings)), "backbone");

    /// <summary>The rows of results.csv by column; empty cells are left out.</summary>
    public static IReadOnlyList<Dictionary<string, double?>> Rows(string path)
    {
        try
        {
            var lines = File.Exists(path) ? File.ReadAllLines(path) : [];
            return lines.Length == 0 ? [] : [.. lines.Skip(1).Select(line => Row(lines[0].Split(','), line.Split(',')))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    static Dictionary<string, double?> Row(string[] names, string[] cells) =>
        names.Zip(cells).ToDictionary(pair => pair.First, pair => double.TryParse(pair.Second, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : (double?)null);

    static JsonElement? Json(string path)
    {
        try
        {
            return File.Exists(path) ? JsonDocument.Parse(File.ReadAllBytes(path)).RootElement : null;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static string? Text(JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static double? Number(JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } json && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
