using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;

namespace MlNetCifar.App.Commands;

/// <summary>Searches for a learning rate, draws what was seen, and leaves the drawing in a run folder.</summary>
internal static class RateSearch
{
    const string Verb = "lr-find";

    /// <summary>Searches; no weights are kept.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Call call, Experiment experiment)
    {
        experiment.Observers.Add(new ExperimentView(call));
        var found = experiment.FindLearningRate(call.Stop);
        var options = experiment.Options;
        var folder = RunFolder.Create(RunFolder.LocalRuns(options.Output, experiment.Storage), Verb, options.Name ?? options.Preset, options.ExistOk);
        folder.Write("curve.svg", writer => writer.Write(found.ToSvg()));
        if (call.Json)
        {
            foreach (var point in found.Curve)
                JsonLine.Write(call.Terminal.Out, json =>
                {
                    json.WriteNumber("learningRate", point.LearningRate);
                    JsonLine.Number(json, "loss", point.Loss);
                });
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteNumber("suggestion", found.Suggestion);
                json.WriteString("curve", folder.File("curve.svg"));
            });
            return ExitCodes.Ok;
        }

        foreach (var line in RateChart.Draw(found))
            call.Terminal.Out.WriteLine(line);
        call.Terminal.Out.WriteLine(Invariant($"suggested learning rate {found.Suggestion:0.0e+0}: --learning-rate {found.Suggestion:G2}"));
        call.Terminal.Log($"curve    {folder.File("curve.svg")}");
        return ExitCodes.Ok;
    }
}
