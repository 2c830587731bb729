using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Evaluation;

namespace MlNetCifar.MLNet;

/// <summary>A figure of ML.NET's evaluators and ours.</summary>
/// <param name="Name">Its name in ML.NET.</param>
/// <param name="MLNet">ML.NET's value.</param>
/// <param name="Ours">Ours.</param>
public readonly record struct ComparedFigure(string Name, double MLNet, double Ours)
{
    /// <summary>Whether they differ by more than 1e-9.</summary>
    public bool Differs => !(Math.Abs(MLNet - Ours) <= 1e-9) && !MLNet.Equals(Ours);
}

/// <summary>
/// ML.NET's own evaluators on labels and probabilities that were computed elsewhere. Their figures are those of <see cref="Evaluator"/>, but for what is said at
/// <see cref="Multiclass"/>.
/// </summary>
public static class MLNetEvaluation
{
    /// <summary>Evaluates classes.</summary>
    /// <param name="labels">True class of each picture, [N], 0 … C − 1; negative where it is missing, such rows are left out.</param>
    /// <param name="scores">Probabilities, [N, C] row-major.</param>
    /// <param name="classes">Names of the C ≥ 2 classes.</param>
    /// <param name="topK">K of the top-K accuracies, ≥ 1. The default is 5, at most C.</param>
    /// <returns>
    /// ML.NET's figures. They differ from ours where a true class has a probability below 1e-15, at which ML.NET clips as a 32-bit float (1.0000000036e-15); where all labels are one
    /// class, whose log-loss reduction it calls infinite and we undefined; and where scores are no probabilities, which we refuse.
    /// </returns>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static MulticlassClassificationMetrics Multiclass(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, IReadOnlyList<string> classes, int topK = 5)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes.Count, 2, nameof(classes));
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        if (scores.Length != (long)labels.Length * classes.Count)
            throw new ArgumentException($"{scores.Length:N0} scores are no {labels.Length:N0} rows of {classes.Count}.", nameof(scores));
        var view = new ScoredView(labels.ToArray(), scores.ToArray(), new LabelValues(classes, TextDataViewType.Instance));
        return new MLContext().MulticlassClassification.Evaluate(view, topKPredictionCount: Math.Min(topK, classes.Count));
    }

    /// <summary>Evaluates two classes, one of them positive; a picture is called positive when its probability exceeds 0.5.</summary>
    /// <param name="labels">Whether each picture is positive, [N].</param>
    /// <param name="probabilities">Of being positive, [N].</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    public static CalibratedBinaryClassificationMetrics Binary(ReadOnlySpan<bool> labels, ReadOnlySpan<float> probabilities)
    {
        if (labels.Length != probabilities.Length)
            throw new ArgumentException($"{probabilities.Length:N0} probabilities for {labels.Length:N0} labels.", nameof(probabilities));
        var rows = new BinaryRow[labels.Length];
        var scores = Ranks(probabilities);
        for (var i = 0; i < rows.Length; i++)
            rows[i] = new() { Label = labels[i], Score = scores[i], Probability = probabilities[i], PredictedLabel = probabilities[i] > 0.5f };
        var ml = new MLContext();
        return ml.BinaryClassification.Evaluate(ml.Data.LoadFromEnumerable(rows));
    }

    /// <summary>
    /// Evaluates what any model of ML.NET has scored by <see cref="Evaluator"/>, which gives intervals, curves and calibration too. <see cref="Compare"/> puts the result beside ML.NET's
    /// figures, <see cref="ReportWriter"/> makes a report of it.
    /// </summary>
    /// <param name="scored">Rows with labels (keys or text) and probabilities of two or more classes, as <c>Transform</c> gives them. Rows without a label are left out.</param>
    /// <param name="labelColumnName">The column of labels.</param>
    /// <param name="scoreColumnName">The column of probabilities. The names of its slots are the classes, else the values of the label's key.</param>
    /// <param name="options">Choices of the evaluation; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is not there or of another type.</exception>
    /// <exception cref="MlNetCifarException">There is no row (MNC5001), a label is none of the classes (MNC7003), or scores are no probabilities (MNC5010).</exception>
    public static EvaluationResult Evaluate(IDataView scored, string labelColumnName = "Label", string scoreColumnName = "Score", EvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(scored);
        var rows = ScoredColumns.Read(scored, labelColumnName, scoreColumnName);
        return Evaluator.Evaluate(rows.Labels, rows.Scores, rows.Classes, options);
    }

    /// <summary>Evaluates again what <see cref="Evaluator"/> has evaluated, and puts the figures side by side.</summary>
    /// <param name="result">Ours, with its rows.</param>
    /// <returns>Every figure that both have, those of two classes among them.</returns>
    /// <exception cref="ArgumentException">The rows were not kept, or hold the scores of one class only.</exception>
    public static IReadOnlyList<ComparedFigure> Compare(EvaluationResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var classes = result.Classes.Count;
        if (result.Labels.IsEmpty || result.Scores.Length != result.Labels.Length * classes)
            throw new ArgumentException($"The scores of all classes are needed; evaluate with {nameof(EvaluationOptions.KeepRows)}.", nameof(result));
        var theirs = Multiclass(result.Labels, result.Scores, result.Classes, result.TopKPredictionCount);
        List<ComparedFigure> figures =
        [
            new(nameof(theirs.MicroAccuracy), theirs.MicroAccuracy, result.MicroAccuracy),
            new(nameof(theirs.MacroAccuracy), theirs.MacroAccuracy, result.MacroAccuracy),
            new(nameof(theirs.LogLoss), theirs.LogLoss, result.LogLoss),
            new(nameof(theirs.LogLossReduction), theirs.LogLossReduction, result.LogLossReduction),
            new(nameof(theirs.TopKAccuracy), theirs.TopKAccuracy, result.TopKAccuracy),
        ];
        for (var k = 0; k < theirs.TopKAccuracyForAllK.Count; k++)
            figures.Add(new($"TopKAccuracyForAllK[{k}]", theirs.TopKAccuracyForAllK[k], result.TopKAccuracyForAllK[k]));
        for (var k = 0; k < classes; k++)
        {
            var name = result.Classes[k];
            figures.Add(new($"PerClassLogLoss[{name}]", theirs.PerClassLogLoss[k], result.PerClassLogLoss[k]));
            figures.Add(new($"PerClassPrecision[{name}]", theirs.ConfusionMatrix.PerClassPrecision[k], result.ConfusionMatrix.PerClassPrecision[k]));
            figures.Add(new($"PerClassRecall[{name}]", theirs.ConfusionMatrix.PerClassRecall[k], result.ConfusionMatrix.PerClassRecall[k]));
            for (var j = 0; j < classes; j++)
                figures.Add(new($"ConfusionMatrix[{name},{result.Classes[j]}]", theirs.ConfusionMatrix.Counts[k][j], result.ConfusionMatrix[k, j]));
        }

        if (result.Binary is { } ours)
            AddBinary(figures, result, ours);
        return figures;
    }

    static void AddBinary(List<ComparedFigure> figures, EvaluationResult result, BinaryMetrics ours)
    {
        var positive = result.Options.PositiveClass;
        var labels = new bool[result.Labels.Length];
        var probabilities = new float[labels.Length];
        for (var i = 0; i < labels.Length; i++)
            (labels[i], probabilities[i]) = (result.Labels[i] == positive, result.Scores[(2 * i) + positive]);
        if (labels.Distinct().Count() < 2)
            return;
        var theirs = Binary(labels, probabilities);
        figures.AddRange(
        [
            new(nameof(theirs.Accuracy), theirs.Accuracy, ours.Accuracy),
            new(nameof(theirs.AreaUnderRocCurve), theirs.AreaUnderRocCurve, ours.AreaUnderRocCurve),
            new(nameof(theirs.AreaUnderPrecisionRecallCurve), theirs.AreaUnderPrecisionRecallCurve, ours.AreaUnderPrecisionRecallCurve),
            new(nameof(theirs.F1Score), theirs.F1Score, ours.F1Score),
            new(nameof(theirs.PositivePrecision), theirs.PositivePrecision, ours.PositivePrecision),
            new(nameof(theirs.PositiveRecall), theirs.PositiveRecall, ours.PositiveRecall),
            new(nameof(theirs.NegativePrecision), theirs.NegativePrecision, ours.NegativePrecision),
            new(nameof(theirs.NegativeRecall), theirs.NegativeRecall, ours.NegativeRecall),
            new($"Binary.{nameof(theirs.LogLoss)}", theirs.LogLoss, ours.LogLoss),
            new($"Binary.{nameof(theirs.LogLossReduction)}", theirs.LogLossReduction, ours.LogLossReduction),
            new($"Binary.{nameof(theirs.Entropy)}", theirs.Entropy, ours.Entropy),
        ]);
    }

    /// <summary>
    /// Scores of which ML.NET looks at the sign, for what is called positive, and at the order, for areas under curves: logarithms of odds would round neighbours to ties.
    /// </summary>
    static float[] Ranks(ReadOnlySpan<float> probabilities)
    {
        float[] distinct = [.. probabilities.ToArray().Distinct().Order()];
        var negative = distinct.Count(p => !(p > 0.5f));
        var ranks = new float[probabilities.Length];
        for (var i = 0; i < ranks.Length; i++)
            ranks[i] = float.IsFinite(probabilities[i]) ? Array.BinarySearch(distinct, probabilities[i]) - negative + 0.5f : float.NaN;
        return ranks;
    }

    sealed class BinaryRow
    {
        public bool Label { get; set; }

        public float Score { get; set; }

        public float Probability { get; set; }

        public bool PredictedLabel { get; set; }
    }
}
