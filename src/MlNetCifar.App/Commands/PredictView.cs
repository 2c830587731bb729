using MlNetCifar.App.Cli;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>What predict found.</summary>
/// <param name="Path">The picture.</param>
/// <param name="Answer">The classes; null where the picture cannot be read.</param>
/// <param name="Fault">Why not.</param>
internal sealed record PredictedPicture(string Path, Classification? Answer, MlNetCifarException? Fault);

/// <summary>Prints what predict found.</summary>
internal static class PredictView
{
    const string Unknown = "unknown";

    /// <summary>Prints an object a picture.</summary>
    /// <returns>How many could not be read.</returns>
    public static int PrintJson(Call call, IEnumerable<PredictedPicture> results)
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

    /// <summary>Prints a table.</summary>
    /// <returns>How many could not be read.</returns>
    public static int PrintTable(Call call, IEnumerable<PredictedPicture> results)
    {
        var failed = new List<PredictedPicture>();
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
}
