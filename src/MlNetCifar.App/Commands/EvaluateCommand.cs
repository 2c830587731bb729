using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;

namespace MlNetCifar.App.Commands;

/// <summary>Measures a trained model on labelled images.</summary>
internal sealed class EvaluateCommand() : Verb("evaluate", "Evaluate a trained model on labelled images and write a report.")
{
    static readonly OptionDescription<EvaluatorKind> s_evaluator = OptionDescription.Of(
        "evaluator", "NAME", "own, or mlnet to print the figures of ML.NET's evaluators for the same scores beside them", OptionText.Choice<EvaluatorKind>, EvaluatorKind.Own);

    public override IReadOnlyList<string> Aliases => ["val"];

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    protected override IEnumerable<OptionDescription> OwnOptions => [.. EvaluationTable.All.Descriptions, s_evaluator, PredictionsTable.Option];

    public override IReadOnlyList<string> Examples => ["photos --model runs/train/seed-cnn", "--data hdfs:///shards --output hdfs:///runs"];

    public override int Run(Call call)
    {
        call.Values.Required(ExperimentTable.Data);
        PredictionsTable.Check(call);
        var options = EvaluationExperimentOptions.From(call.Values) with { Model = ModelChoice.Path(call) };
        var experiment = new EvaluationExperiment(options) { Arguments = call.Values, Command = call.Command, Storage = new HdfsStorage(call) };
        experiment.Observers.Add(new ExperimentView(call));
        using var result = experiment.Run(call.Stop);
        PredictionsTable.Write(call, result.Folder.File("predictions.csv"));
        ResultView.Print(call, result, options.AbstainBelow);
        if (call.Get(s_evaluator) == EvaluatorKind.Mlnet)
            MLNetView.Print(call, result.Evaluation);
        return call.Done();
    }
}

/// <summary>Whose figures are printed.</summary>
internal enum EvaluatorKind
{
    /// <summary>Ours.</summary>
    Own,

    /// <summary>ML.NET's, too.</summary>
    Mlnet,
}
