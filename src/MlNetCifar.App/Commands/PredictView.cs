using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Inference;
using MlNetCifar.Spark.Executors;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>What predict found.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Answer">The classes; null where the picture cannot be read.</param>
/// <param name="Fault">Why not.</param>
internal sealed record PredictedPicture(ListedPicture Picture, Classification? Answer, MlNetCifarException? Fault);

/// <summary>Prints, writes and sorts what predict found, one picture after the other.</summary>
internal sealed class PredictView
{
    const string Unknown = "unknown";
    const int WidestName = 60;

    readonly Call _call;
    readonly ImageClassifier _model;
    readonly IReadOnlyList<AnswerTable> _tables;
    readonly string? _save;
    readonly int _top;
    readonly (int Name, int Label) _widths;
    readonly Dictionary<string, HashSet<string>> _saved = [];

    /// <summary>Prints the headings.</summary>
    /// <param name="call">Terminal and options.</param>
    /// <param name="model">Names the classes.</param>
    /// <param name="pictures">All that will come; their names decide the width.</param>
    /// <param name="top">Classes of each.</param>
    /// <param name="tables">Tables of answers, with the columns of <see cref="Columns"/>.</param>
    /// <param name="save">Folder for copies; null for none.</param>
    public PredictView(Call call, ImageClassifier model, IReadOnlyList<ListedPicture> pictures, int top, IReadOnlyList<AnswerTable> tables, string? save)
    {
        (_call, _model, _tables, _save, _top) = (call, model, tables, save, top);
        _widths = (Math.Clamp(pictures.Select(picture => picture.Name.Length).DefaultIfEmpty().Max(), 7, WidestName), Math.Max(Unknown.Length, model.Classes.Max(name => name.Length)));
        if (!call.Json)
            call.Terminal.Out.WriteLine($"{"Picture".PadRight(_widths.Name)}  {"Answer".PadRight(_widths.Label)}  Probability  Next");
    }

    /// <summary>The columns of a table of answers.</summary>
    /// <param name="top">Classes of each picture.</param>
    public static IReadOnlyList<(string Name, Type Type)> Columns(int top) =>
    [
        ("path", typeof(string)), ("answer", typeof(string)), ("probability", typeof(double)), ("unknown", typeof(bool)), ("label_set", typeof(string)), ("code", typeof(string)), ("error", typeof(string)),
        .. Enumerable.Range(1, top).SelectMany(i => new[] { (Invariant($"label_{i}"), typeof(string)), (Invariant($"probability_{i}"), typeof(double)) }),
    ];

    /// <summary>Pictures that could not be read.</summary>
    public int Failed { get; private set; }

    /// <summary>Prints what a cluster wrote.</summary>
    public static void Print(Call call, SparkPredictReport report, string folder)
    {
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("to", folder);
                json.WriteNumber("pictures", report.Pictures);
                json.WriteNumber("failed", report.Failed);
                json.WriteStartObject("answers");
                foreach (var (answer, count) in report.Answers)
                    json.WriteNumber(answer, count);
                json.WriteEndObject();
            });
            return;
        }

        call.Terminal.Out.WriteLine(Invariant($"answers for {report.Pictures:N0} pictures in {folder}{(report.Failed > 0 ? Invariant($", {report.Failed:N0} of which could not be read") : "")}"));
        foreach (var (answer, count) in report.Answers)
            call.Terminal.Out.WriteLine(Invariant($"{count,12:N0}  {answer}"));
    }

    public void Show(PredictedPicture result)
    {
        if (_tables.Count > 0)
            WriteRow(result);
        if (_save is not null && result.Answer is not null)
            Save(result);
        if (result.Fault is not null)
            Failed++;
        if (_call.Json)
            PrintJson(result);
        else if (result.Fault is { } fault)
            _call.Terminal.Log($"error {fault.Code}: {(fault.Path is null ? result.Picture.Name + ": " : "")}{fault.Message}", $"error {fault.Code}:", "red");
        else
            PrintLine(result.Picture.Name, result.Answer!);
    }

    void PrintLine(string name, Classification answer)
    {
        var best = answer.Predictions[0];
        var label = answer.IsUnknown ? $"[yellow]{Unknown.PadRight(_widths.Label)}[/]" : $"[green]{Markup.Escape(best.Label.PadRight(_widths.Label))}[/]";
        var next = string.Join(", ", answer.Predictions.Skip(answer.IsUnknown ? 0 : 1).Select(p => Invariant($"{p.Label} {p.Probability:0.000}")));
        var line = $"{Markup.Escape(name.PadRight(_widths.Name))}  {label}  {(answer.IsUnknown ? "" : Invariant($"{best.Probability:0.000}")),11}  {Markup.Escape(next)}";

        // Lines are not broken to a width that nobody looks at.
        if (_call.Terminal.IsOutTerminal)
            _call.Terminal.Tables.MarkupLine(line);
        else
            _call.Terminal.Out.WriteLine(Markup.Remove(line).TrimEnd());
    }

    void PrintJson(PredictedPicture result) => JsonLine.Write(_call.Terminal.Out, json =>
    {
        json.WriteString("path", result.Picture.Name);
        if (result.Fault is { } fault)
        {
            json.WriteString("code", fault.Code);
            json.WriteString("error", fault.Message);
            return;
        }

        json.WriteStartArray("predictions");
        foreach (var prediction in result.Answer!.Predictions)
        {
            json.WriteStartObject();
            json.WriteString("label", prediction.Label);
            json.WriteNumber("index", prediction.Index);
            json.WriteNumber("probability", prediction.Probability);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteBoolean("unknown", result.Answer.IsUnknown);
        if (result.Answer.LabelSet is not { } set)
            return;
        json.WriteStartArray("labelSet");
        foreach (var prediction in set)
            json.WriteStringValue(prediction.Label);
        json.WriteEndArray();
    });

    void WriteRow(PredictedPicture result)
    {
        var answer = result.Answer;
        var best = answer?.Predictions[0];
        object?[] cells =
        [
            result.Picture.Name, answer is null ? null : answer.IsUnknown ? Unknown : best!.Value.Label, (double?)best?.Probability, answer?.IsUnknown,
            answer?.LabelSet is { } set ? string.Join(' ', set.Select(p => p.Label)) : null, result.Fault?.Code, result.Fault?.Message,
            .. Enumerable.Range(0, _top).SelectMany(i => new object?[] { answer?.Predictions[i].Label, (double?)answer?.Predictions[i].Probability }),
        ];
        foreach (var table in _tables)
            table.Add(cells);
    }

    /// <summary>Copies a picture, as it is where it is a file, into the folder of its answer.</summary>
    void Save(PredictedPicture result)
    {
        var (picture, answer) = (result.Picture, result.Answer!);
        var label = answer.IsUnknown ? Unknown : string.Concat(answer.Predictions[0].Label.Select(c => Path.GetInvalidFileNameChars().Contains(c) || c == '/' ? '_' : c));
        if (!_saved.TryGetValue(label, out var names))
            _saved.Add(label, names = new(StringComparer.OrdinalIgnoreCase));
        var extension = picture.Source is not null ? ".png" : Path.GetExtension(picture.Name);
        var target = Path.Combine(_save!, label, PictureFiles.FreeName(picture.Name, names) + extension);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        LocalFileStore.Instance.Write(target, stream => stream.Write(picture.Source is { } source ? source.ToPng(picture.Index) : PictureFiles.Read(_call, picture.Name)));
    }
}
