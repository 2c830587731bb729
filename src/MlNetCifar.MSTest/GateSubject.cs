using Microsoft.ML;
using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;
using MlNetCifar.MLNet;

namespace MlNetCifar.MSTest;

/// <summary>What a gate is for.</summary>
/// <param name="name">What to call it.</param>
/// <param name="evaluation">Choices of the evaluation; null for the defaults.</param>
internal abstract class GateSubject(string name, EvaluationOptions? evaluation)
{
    /// <summary>What it is called.</summary>
    public string Name => name;

    /// <summary>Where runs are kept that nobody named a folder for. It outlives the test run, unlike the folders of the test context.</summary>
    protected static string Results => Path.Combine(AppContext.BaseDirectory, "TestResults");

    /// <summary>Choices of the evaluation.</summary>
    protected EvaluationOptions? Evaluation => evaluation;

    /// <summary>Evaluates it.</summary>
    /// <param name="test">Name of the run's folder; what lies there is replaced.</param>
    /// <param name="cancellation">Ends the work.</param>
    public abstract RunData Evaluate(string test, CancellationToken cancellation);

    /// <summary>What it is compared with.</summary>
    /// <param name="path">As the user named it.</param>
    /// <param name="test">Name of the run's folder, where one is needed.</param>
    /// <param name="cancellation">Ends the work.</param>
    public virtual RunData Baseline(string path, string test, CancellationToken cancellation) => RunData.Load(GatePath.Find(path), evaluation);
}

/// <summary>A model on labelled images.</summary>
internal sealed class ModelSubject(EvaluationExperimentOptions options, EvaluationOptions? evaluation) : GateSubject(NameOf(options), evaluation)
{
    public override RunData Evaluate(string test, CancellationToken cancellation) => Evaluate(options.Model!, test, cancellation) with { Name = Name };

    /// <summary>A model is evaluated on the same images; a folder without one was evaluated already.</summary>
    public override RunData Baseline(string path, string test, CancellationToken cancellation)
    {
        var found = GatePath.Find(path);
        var hasModel = File.Exists(found) || Directory.Exists(Path.Combine(found, "weights"));
        return (hasModel ? Evaluate(found, test, cancellation) : RunData.Load(found, Evaluation)) with { Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) };
    }

    RunData Evaluate(string model, string test, CancellationToken cancellation)
    {
        var experiment = new EvaluationExperiment(options with
        {
            Model = GatePath.Find(model),
            Data = GatePath.Find(options.Data!),
            Output = options.Output == new EvaluationExperimentOptions().Output ? Results : options.Output,
            Name = test,
            ExistOk = true,
        });
        using var result = experiment.Run(cancellation);
        return RunData.Load(result.Folder.Path, Evaluation);
    }

    static string NameOf(EvaluationExperimentOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.Model);
        ArgumentException.ThrowIfNullOrEmpty(options.Data);
        const string extension = ".safetensors";
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(options.Model));
        return name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? name[..^extension.Length] : name;
    }
}

/// <summary>A run that was evaluated already.</summary>
internal sealed class RunSubject(string folder, EvaluationOptions? evaluation) : GateSubject(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), evaluation)
{
    public override RunData Evaluate(string test, CancellationToken cancellation) => RunData.Load(GatePath.Find(folder), Evaluation);
}

/// <summary>Rows that a model of ML.NET has scored.</summary>
internal sealed class ScoredSubject(string name, IDataView scored, string labels, string scores, EvaluationOptions? evaluation) : GateSubject(name, evaluation)
{
    public override RunData Evaluate(string test, CancellationToken cancellation)
    {
        var folder = RunFolder.Create(Results, "evaluate", test, existOk: true);
        ReportWriter.Write(folder.Path, new() { Title = Name, Result = MLNetEvaluation.Evaluate(scored, labels, scores, Evaluation) });
        return RunData.Load(folder.Path, Evaluation) with { Name = Name };
    }
}
