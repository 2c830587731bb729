using System.Globalization;
using Microsoft.ML;
using MlNetCifar.Evaluation;

namespace MlNetCifar.MSTest;

/// <summary>
/// What a model must reach on data, as one test: limits on the figures of ML.NET's own evaluators and their intervals, a paired test against another model, and everything
/// else that a <see cref="QualityGate"/> asks. The report of the evaluation is attached to the test, and named in its output. Immutable: every condition returns a new gate.
/// </summary>
/// <remarks>A relative path is looked for from the folder of the tests' assembly upwards, so that one from the test project's or the repository's folder is found.</remarks>
/// <example>
/// <code>
/// [TestMethod]
/// public void Model_IsGoodEnough() =&gt; new ModelGate(TestContext, model: "photos.safetensors", data: "photos")
///     .AtLeast(GateMetric.MicroAccuracy, 0.90)
///     .RecallOfEveryClass(0.80)
///     .NoWorseThan("baseline.safetensors")
///     .AssertPassed();
/// </code>
/// </example>
public sealed class ModelGate
{
    readonly TestContext _context;
    readonly GateSubject _subject;
    readonly QualityGate _gate;

    ModelGate(TestContext context, GateSubject subject, QualityGate gate) => (_context, _subject, _gate) = (context, subject, gate);

    ModelGate(TestContext context, GateSubject subject)
        : this(context ?? throw new ArgumentNullException(nameof(context)), subject, new(subject.Name))
    {
    }

    /// <summary>A gate for a model on labelled images.</summary>
    /// <param name="context">Of the test.</param>
    /// <param name="model">A model file, or the folder of a training run.</param>
    /// <param name="data">The data set, as the command <c>evaluate</c> takes it: of its splits the test split, else all of it.</param>
    /// <param name="evaluation">Choices of the evaluation: the positive class, K, the confidence; null for the defaults.</param>
    public ModelGate(TestContext context, string model, string data, EvaluationOptions? evaluation = null)
        : this(context, new EvaluationExperimentOptions { Model = model, Data = data }, evaluation)
    {
    }

    /// <summary>A gate for a model on labelled images, with every option of the command <c>evaluate</c>.</summary>
    /// <param name="context">Of the test.</param>
    /// <param name="experiment">Model, data, split, views …; name and folder of the run are the gate's, but for an <see cref="EvaluationExperimentOptions.Output"/> away from its default.</param>
    /// <param name="evaluation">Choices of the evaluation; null for the defaults.</param>
    /// <exception cref="ArgumentException">Model or data are not given.</exception>
    public ModelGate(TestContext context, EvaluationExperimentOptions experiment, EvaluationOptions? evaluation = null)
        : this(context, new ModelSubject(experiment, evaluation))
    {
    }

    /// <summary>A gate for a run that is evaluated already.</summary>
    /// <param name="context">Of the test.</param>
    /// <param name="folder">The folder of a run, with <c>report.json</c> and <c>predictions.csv</c>.</param>
    /// <param name="evaluation">Choices of the evaluation; null for the defaults.</param>
    public static ModelGate OfRun(TestContext context, string folder, EvaluationOptions? evaluation = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new(context, new RunSubject(folder, evaluation));
    }

    /// <summary>A gate for what any model of ML.NET has scored.</summary>
    /// <param name="context">Of the test.</param>
    /// <param name="name">What to call the model.</param>
    /// <param name="scored">Rows with labels (keys or text) and probabilities, as <c>Transform</c> gives them.</param>
    /// <param name="labelColumnName">The column of labels.</param>
    /// <param name="scoreColumnName">The column of probabilities.</param>
    /// <param name="evaluation">Choices of the evaluation; null for the defaults.</param>
    public static ModelGate OfScored(
        TestContext context, string name, IDataView scored, string labelColumnName = "Label", string scoreColumnName = "Score", EvaluationOptions? evaluation = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(scored);
        return new(context, new ScoredSubject(name, scored, labelColumnName, scoreColumnName, evaluation));
    }

    /// <summary>A figure of ML.NET's evaluators, of which more is better, must be high enough.</summary>
    /// <param name="metric">Which.</param>
    /// <param name="limit">The least.</param>
    /// <param name="atConfidence">Whether the lower end of its interval must reach the limit (the default), not just the number itself.</param>
    /// <exception cref="ArgumentException">Less is better of it.</exception>
    public ModelGate AtLeast(GateMetric metric, double limit, bool atConfidence = true) => metric == GateMetric.LogLoss
        ? throw new ArgumentException($"Less is better of {metric}; use {nameof(AtMost)}.", nameof(metric))
        : With(gate => gate.Require(run => GateJudge.Judge(run, metric, limit, isLeast: true, atConfidence)));

    /// <summary>A figure of ML.NET's evaluators, of which less is better, must be low enough: <see cref="GateMetric.LogLoss"/>.</summary>
    /// <param name="metric">Which.</param>
    /// <param name="limit">The most.</param>
    /// <param name="atConfidence">Whether the upper end of its interval must stay below the limit (the default), not just the number itself.</param>
    /// <exception cref="ArgumentException">More is better of it.</exception>
    public ModelGate AtMost(GateMetric metric, double limit, bool atConfidence = true) => metric != GateMetric.LogLoss
        ? throw new ArgumentException($"More is better of {metric}; use {nameof(AtLeast)}.", nameof(metric))
        : With(gate => gate.Require(run => GateJudge.Judge(run, metric, limit, isLeast: false, atConfidence)));

    /// <summary>Every class that occurs must be found often enough.</summary>
    /// <param name="atLeast">0 … 1.</param>
    /// <param name="atConfidence">Whether the lower ends of the intervals must reach it; by default the numbers themselves, since classes are small.</param>
    public ModelGate RecallOfEveryClass(double atLeast, bool atConfidence = false) => With(gate => gate.RequirePerClassRecall(atLeast, atConfidence));

    /// <summary>The model must not be worse than another on the same images beyond chance (McNemar's exact test, as the command <c>compare</c>).</summary>
    /// <param name="baseline">A model file or the folder of a training run, which is evaluated on the same images; or the folder of an evaluation.</param>
    /// <param name="significance">Level below which a difference counts. The default is 0.05.</param>
    public ModelGate NoWorseThan(string baseline, double significance = 0.05)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseline);
        return With(gate => gate.Require(run => Single(baseline, run, (one, other) => one.RequireNoWorseThan(other, significance))));
    }

    /// <summary>The model may lose at most a margin of accuracy against another on the same images (paired bootstrap).</summary>
    /// <param name="baseline">As at <see cref="NoWorseThan"/>.</param>
    /// <param name="margin">Accuracy that may be lost, 0 … 1: the lower end of the interval of the difference must be above −margin.</param>
    public ModelGate Within(string baseline, double margin)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseline);
        return With(gate => gate.Require(run => Single(baseline, run, (one, other) => one.RequireWithin(other, margin))));
    }

    /// <summary>Any other conditions of a <see cref="QualityGate"/>: pinned data, calibration, figures that ML.NET does not have.</summary>
    /// <param name="conditions">Adds them: <c>gate =&gt; gate.RequireData("3f6c…").RequireCalibrationError(0.05)</c>.</param>
    public ModelGate With(Func<QualityGate, QualityGate> conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        return new(_context, _subject, conditions(_gate));
    }

    /// <summary>Evaluates, writes the outcome to the test's output, and attaches the report.</summary>
    /// <returns>What came of each condition.</returns>
    /// <exception cref="AssertFailedException">A condition does not hold: the message says which, what was found and expected, and what to do.</exception>
    /// <exception cref="MlNetCifarException">Model, data or baseline cannot be used.</exception>
    /// <exception cref="InvalidOperationException">There is no condition.</exception>
    public GateOutcome AssertPassed()
    {
        var run = _subject.Evaluate(Test, _context.CancellationToken);
        var outcome = _gate.Check(run);
        if (outcome.Findings.Count == 0)
            throw new InvalidOperationException("The gate asks for nothing, and would pass any model.");
        _context.WriteLine(outcome.Message);
        if (run.Folder is { } folder)
            _context.AddResultFile(Path.GetFullPath(Path.Combine(folder, "report.html")));
        return outcome.Passed ? outcome : throw new AssertFailedException(outcome.Message + GateJudge.Advice);
    }

    /// <summary>A name for the folders of this test's runs.</summary>
    string Test => string.Join('.', new[] { _context.FullyQualifiedTestClassName?.Split('.')[^1], _context.TestName, _subject.Name }.Where(part => !string.IsNullOrEmpty(part)));

    GateFinding Single(string baseline, RunData run, Func<QualityGate, RunData, QualityGate> condition)
    {
        var other = _subject.Baseline(baseline, string.Create(CultureInfo.InvariantCulture, $"{Test}.baseline"), _context.CancellationToken);
        return condition(new(_gate.Name), other).Check(run).Findings[0];
    }
}
