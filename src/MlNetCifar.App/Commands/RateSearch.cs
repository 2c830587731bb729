using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Searches for a learning rate and prints what was seen.</summary>
internal static class RateSearch
{
    const int Rows = 20;

    /// <summary>Searches; nothing is kept.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Call call, Experiment experiment)
    {
        experiment.Observers.Add(new ExperimentView(call));
        var found = experiment.FindLearningRate(call.Stop);
        if (call.Json)
        {
            foreach (var point in found.Curve)
                JsonLine.Write(call.Terminal.Out, json =>
                {
                    json.WriteNumber("learningRate", point.LearningRate);
                    JsonLine.Number(json, "loss", point.Loss);
                });
            JsonLine.Write(call.Terminal.Out, json => json.WriteNumber("suggestion", found.Suggestion));
            return ExitCodes.Ok;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("Rate").RightAligned()).AddColumn(new TableColumn("Loss").RightAligned());
        var step = Math.Max(1, found.Curve.Count / Rows);
        for (var i = 0; i < found.Curve.Count; i += step)
            table.AddRow(Invariant($"{found.Curve[i].LearningRate:0.0e+0}"), Invariant($"{found.Curve[i].Loss:0.000}"));
        call.Terminal.Tables.Write(table);
        call.Terminal.Out.WriteLine(Invariant($"suggested learning rate {found.Suggestion:0.0e+0}: --learning-rate {found.Suggestion:G2}"));
        return ExitCodes.Ok;
    }
}
