using MlNetCifar.App.Cli;
using MlNetCifar.MLNet;
using Spectre.Console;

namespace MlNetCifar.App.Runs;

/// <summary>The figures of ML.NET's own evaluators beside ours.</summary>
internal static class MLNetView
{
    /// <summary>Evaluates again, and prints: figures of the whole as a table, and by name what differs.</summary>
    /// <param name="call">Terminal and options.</param>
    /// <param name="result">Ours.</param>
    public static void Print(Call call, EvaluationResult result)
    {
        var figures = MLNetEvaluation.Compare(result);
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", "evaluator");
                json.WriteStartObject("mlnet");
                foreach (var figure in figures)
                    JsonLine.Number(json, figure.Name, figure.MLNet);
                json.WriteEndObject();
            });
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn("Metric").AddColumn(new TableColumn("ML.NET").RightAligned()).AddColumn(new TableColumn("Here").RightAligned());
        foreach (var figure in figures.Where(f => !f.Name.Contains('[', StringComparison.Ordinal)))
            table.AddRow(figure.Name, Invariant($"{figure.MLNet:0.0000000000}"), Invariant($"{figure.Ours:0.0000000000}"));
        call.Terminal.Tables.Write(table);
        ComparedFigure[] others = [.. figures.Where(f => f.Differs)];
        call.Terminal.Out.WriteLine(others.Length == 0
            ? Invariant($"all {figures.Count} figures of ML.NET's evaluators are ours to 1e-9")
            : Invariant($"{others.Length} of {figures.Count} figures of ML.NET's evaluators are not ours to 1e-9: ")
                + string.Join(", ", others.Select(f => Invariant($"{f.Name} {f.MLNet:R}, here {f.Ours:R}"))) + " (docs/mlnet.md says why)");
    }
}
