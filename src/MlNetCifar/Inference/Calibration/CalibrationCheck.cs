using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>What a calibration is worth on test images.</summary>
/// <param name="ErrorBefore">Expected calibration error of the plain softmax, 0 … 1.</param>
/// <param name="ErrorAfter">The same of the calibrated probabilities.</param>
/// <param name="PromisedCoverage">Coverage that the label sets promise.</param>
/// <param name="Coverage">Share of label sets that hold the true label.</param>
/// <param name="CoverageInterval">Wilson interval of that share.</param>
/// <param name="MeanSetSize">Labels in a set, on average.</param>
/// <param name="EmptySets">Share of sets without a label.</param>
/// <param name="Answered">Share of images that got an answer other than <c>unknown</c>.</param>
/// <param name="AnswerAccuracy">Share of these answers that are right; NaN when there are none.</param>
/// <param name="Rejection">Accuracy over coverage of the calibrated model.</param>
/// <param name="Calibrated">The evaluation of the calibrated probabilities.</param>
public sealed record CalibrationCheck(
    double ErrorBefore,
    double ErrorAfter,
    double PromisedCoverage,
    double Coverage,
    Interval CoverageInterval,
    double MeanSetSize,
    double EmptySets,
    double Answered,
    double AnswerAccuracy,
    RejectionCurve Rejection,
    EvaluationResult Calibrated)
{
    /// <summary>The evaluation of the plain softmax.</summary>
    public required EvaluationResult Uncalibrated { get; init; }

    /// <summary>Measures a calibration on images that it was not fitted on.</summary>
    /// <param name="model">The calibration.</param>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="logits">The network's outputs before the softmax, [N, C] row-major, finite.</param>
    /// <param name="classes">Names of the C classes.</param>
    /// <param name="options">Choices of the evaluation; null for the defaults.</param>
    /// <param name="features">Inputs of the network's last layer, [N, D]; empty leaves the distance out.</param>
    /// <param name="texture"><see cref="PictureTexture"/> of each image, [N, 2]; empty leaves the texture out.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    internal static CalibrationCheck Measure(
        CalibrationModel model, ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, IReadOnlyList<string> classes, EvaluationOptions? options = null,
        ReadOnlySpan<float> features = default, ReadOnlySpan<float> texture = default)
    {
        var c = classes.Count;
        Softmax.Check(labels, logits.Length, c);
        var (d, t) = labels.IsEmpty ? (0, 0) : (features.Length / labels.Length, texture.Length / labels.Length);
        var (plain, calibrated) = (new float[logits.Length], new float[logits.Length]);
        TemperatureScaling.None.Apply(logits, c, plain);
        model.Scaling.Apply(logits, c, calibrated);
        (long covered, long labelsInSets, long empty, long answered, long right) = (0, 0, 0, 0, 0);
        for (var i = 0; i < labels.Length; i++)
        {
            var prediction = model.Predict(logits.Slice(i * c, c), features.Slice(i * d, d), texture.Slice(i * t, t));
            covered += prediction.Set.Contains(labels[i]) ? 1 : 0;
            labelsInSets += prediction.Set.Count;
            empty += prediction.Set.Count == 0 ? 1 : 0;
            answered += prediction.IsUnknown ? 0 : 1;
            right += !prediction.IsUnknown && prediction.Labels[0].Label == labels[i] ? 1 : 0;
        }

        double n = labels.Length;
        var before = Evaluator.Evaluate(labels, plain, classes, options);
        var after = Evaluator.Evaluate(labels, calibrated, classes, options);
        return new CalibrationCheck(
            before.ExpectedCalibrationError, after.ExpectedCalibrationError, model.Sets.Coverage, covered / n,
            Interval.Wilson(covered, labels.Length), labelsInSets / n, empty / n, answered / n, right / (double)answered,
            RejectionCurve.Of(after), after)
        { Uncalibrated = before };
    }
}
