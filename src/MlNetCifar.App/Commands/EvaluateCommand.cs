using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Spark.Executors;

namespace MlNetCifar.App.Commands;

/// <summary>Measures a trained model on labelled images.</summary>
internal sealed class EvaluateCommand() : Verb("evaluate", "Evaluate a trained model on labelled images and write a report.")
{
    static readonly OptionDescription<EvaluatorKind> s_evaluator = OptionDescription.Of(
        "evaluator", "NAME", "own, or mlnet to print the figures of ML.NET's evaluators for the same scores beside them", OptionText.Choice<EvaluatorKind>, EvaluatorKind.Own);

    public override IReadOnlyList<string> Aliases => ["val"];

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    protected override IEnumerable<OptionDescription> OwnOptions => [.. EvaluationTable.All.Descriptions, s_evaluator, PredictionsTable.Option, .. ClusterOptions.OfScoring];

    public override IReadOnlyList<string> Examples => ["photos --model runs/train/seed-cnn", "--data hdfs:///shards --output hdfs:///runs", "--data hdfs:///shards --master sc://127.0.0.1:15002"];

    public override int Run(Call call)
    {
        call.Values.Required(ExperimentTable.Data);
        PredictionsTable.Check(call);
        var options = EvaluationExperimentOptions.From(call.Values) with { Model = ModelChoice.Path(call) };
        var experiment = new EvaluationExperiment(options) { Arguments = call.Values, Command = call.Command, Storage = new HdfsStorage(call), Scoring = Scoring(call) };
        experiment.Observers.Add(new ExperimentView(call));
        using var result = experiment.Run(call.Stop);
        PredictionsTable.Write(call, result.Folder.File("predictions.csv"));
        ResultView.Print(call, result, options.AbstainBelow);
        if (call.Get(s_evaluator) == EvaluatorKind.Mlnet)
            MLNetView.Print(call, result.Evaluation);
        return call.Done();
    }

    /// <summary>The cluster that scores; null where this process does. The variable that names one for all commands asks for none here: an evaluation is often of few pictures.</summary>
    static SparkScoring? Scoring(Call call)
    {
        if (ClusterOptions.IsAsked(call) && SparkWorkers.IsCluster(call.Get(ClusterOptions.Master)))
            return new SparkScoring(ClusterOptions.Executors(call));
        ClusterOptions.WarnOfIdle(call, ClusterOptions.OfScoring, "no cluster scores");
        return null;
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
