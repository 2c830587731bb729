using MlNetCifar.Evaluation;

namespace MlNetCifar;

/// <summary>Measures a classifier from labels and scores, with ML.NET's names and formulas. Thread-safe.</summary>
public static class Evaluator
{
    /// <summary>Evaluates all rows at once. For parts that arrive one by one, see <see cref="EvaluationAccumulator"/>.</summary>
    /// <param name="labels">True class of each image, [N], 0 … C − 1.</param>
    /// <param name="scores">
    /// Probabilities, not logits: [N, C] row-major, each from 0 to 1 and each row with the sum 1 (± 0.001); or, with two classes, [N] probabilities of the positive class.
    /// Rows with NaN or an infinity are left out and counted, unless <see cref="EvaluationOptions.NonFiniteScores"/> asks to stop.
    /// </param>
    /// <param name="classes">Names of the C classes.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or an option is out of range.</exception>
    /// <exception cref="MlNetCifarException">There is no usable row (MNC5001), a label is out of range (MNC5002), or a row holds no probabilities (MNC5010), for example logits.</exception>
    public static EvaluationResult Evaluate(
        ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, IReadOnlyList<string> classes, EvaluationOptions? options = null)
    {
        var accumulator = new EvaluationAccumulator(classes, options);
        accumulator.Add(labels, scores);
        return accumulator.ToResult();
    }
}
