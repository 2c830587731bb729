using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Spark.Hdfs;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Names what is on pictures.</summary>
internal sealed class PredictCommand() : Verb("predict", "Name what is on pictures: the most probable classes of each.")
{
    internal const string StandardInput = "-";
    const string Unknown = "unknown";

    static readonly OptionDescription<int> s_top = OptionDescription.Of("top", "N", "Classes to print for each picture", OptionText.Positive, 3);

    static readonly HashSet<string> s_extensions = new(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".webp", ".tif", ".tiff" };

    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files, folders of them, also on hdfs://, or - for standard input";

    public override (int Least, int Most) ArgumentCount => (0, 100_000);

    protected override IEnumerable<OptionDescription> OwnOptions => [EvaluationTable.Model, s_top, EvaluationTable.AbstainBelow, TrainingTable.Threads];

    public override IReadOnlyList<string> Examples => ["photo.jpg", "--model runs/train/seed-cnn --json photos", "- < photo.jpg"];

    public override int Run(Call call)
    {
        if (call.Arguments.Count == 0)
            throw CliErrors.NoInput();
        var files = call.Arguments.SelectMany(a => Expand(call, a)).ToList();
        using var model = ModelChoice.Load(call);
        var top = Math.Min(call.Get(s_top), model.Classes.Length);
        var threads = call.Get(TrainingTable.Threads) ?? Environment.ProcessorCount;
        var results = files.AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Clamp(threads, 1, 512)).WithMergeOptions(ParallelMergeOptions.NotBuffered)
            .WithCancellation(call.Stop).Select(file => Predict(call, model, file, top));
        var failed = call.Json ? PrintJson(call, results) : PrintTable(call, results);
        return failed > 0 ? ExitCodes.DataRejected : call.Done();
    }

    static Result Predict(Call call, ImageClassifier model, string file, int top)
    {
        try
        {
            var answer = model.Classify(Read(call, file), top);
            var unsure = call.Get(EvaluationTable.AbstainBelow) is { } least && !(answer.Predictions[0].Probability >= least);
            return new(file, answer with { IsUnknown = answer.IsUnknown || unsure }, null);
        }
        catch (MlNetCifarException e)
        {
            return new(file, null, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(file, null, CliErrors.Disk(e));
        }
    }

    internal static byte[] Read(Call call, string file)
    {
        using var input = file == StandardInput ? call.Terminal.Input() : new HdfsStorage(call).StoreOf(file).OpenRead(file);
        using var buffer = new MemoryStream();
        input.CopyTo(buffer);
        return buffer.ToArray();
    }

    internal static IEnumerable<string> Expand(Call call, string argument)
    {
        argument = HdfsPath.ToLocal(argument);
        var store = new HdfsStorage(call).StoreOf(argument);
        if (argument == StandardInput || store.FileExists(argument))
            return [argument];
        if (!store.FolderExists(argument))
            throw CliErrors.InputNotFound(argument);
        var all = HdfsPath.IsHdfs(argument)
            ? store.List(argument).Where(e => !e.IsFolder && !$"/{e.Path}".Contains("/.", StringComparison.Ordinal)).Select(e => $"{argument.TrimEnd('/')}/{e.Path}")
            : Directory.EnumerateFiles(argument, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden });
        var found = all.Where(path => s_extensions.Contains(Path.GetExtension(path))).Order(StringComparer.Ordinal).ToList();
        return found.Count > 0 ? found : throw CliErrors.NoPictures(argument);
    }

    static int PrintJson(Call call, IEnumerable<Result> results)
    {
        var failed = 0;
        foreach (var result in results)
        {
            failed += result.Fault is null ? 0 : 1;
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", result.Path);
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
        }

        return failed;
    }

    static int PrintTable(Call call, IEnumerable<Result> results)
    {
        var failed = new List<Result>();
        var table = new Table().Border(TableBorder.Simple).AddColumns("Picture", "Answer").AddColumn(new TableColumn("Probability").RightAligned()).AddColumn("Next");
        foreach (var result in results)
        {
            if (result.Fault is not null)
            {
                failed.Add(result);
                continue;
            }

            var answer = result.Answer!;
            var best = answer.Predictions[0];
            table.AddRow(
                Markup.Escape(result.Path), answer.IsUnknown ? Unknown : Markup.Escape(best.Label), answer.IsUnknown ? "" : Invariant($"{best.Probability:0.000}"),
                Markup.Escape(string.Join(", ", answer.Predictions.Skip(answer.IsUnknown ? 0 : 1).Select(p => Invariant($"{p.Label} {p.Probability:0.000}")))));
        }

        if (table.Rows.Count > 0)
            call.Terminal.Tables.Write(table);
        foreach (var (path, _, fault) in failed)
            call.Terminal.Log($"error {fault!.Code}: {(fault.Path is null ? path + ": " : "")}{fault.Message}");
        return failed.Count;
    }

    sealed record Result(string Path, Classification? Answer, MlNetCifarException? Fault);
}
