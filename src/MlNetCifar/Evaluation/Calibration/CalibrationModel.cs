namespace MlNetCifar.Evaluation.Calibration;

/// <summary>Choices of a calibration.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Coverage promised by the label sets. The default is 0.9.</summary>
    public double Coverage { get; init; } = 0.9;

    /// <summary>How the label sets are built. The default is <see cref="ConformalMethod.Threshold"/>.</summary>
    public ConformalMethod Method { get; init; } = ConformalMethod.Threshold;

    /// <summary>Accuracy that the given answers must reach; answers below the confidence this takes are <c>unknown</c>. Null (the default) answers everything.</summary>
    public double? AnswerAccuracy { get; init; }

    /// <summary>Share of ordinary images that must not be called foreign. The default is 0.99.</summary>
    public double Accepted { get; init; } = 0.99;
}

/// <summary>One answer of a calibrated model.</summary>
/// <param name="Labels">All classes with calibrated probabilities, highest first.</param>
/// <param name="Set">The conformal label set, most probable first.</param>
/// <param name="IsUnknown">Whether the answer should be <c>unknown</c>: too unsure, or unlike the data the model was calibrated on.</param>
/// <param name="Energy">The energy score; high means foreign.</param>
public sealed record CalibratedPrediction(IReadOnlyList<(int Label, float Probability)> Labels, IReadOnlyList<int> Set, bool IsUnknown, double Energy);

/// <summary>
/// Everything that turns logits into honest answers, fitted once on validation images and stored with the model: temperature, label sets,
/// abstain threshold and energy threshold. Immutable; thread-safe.
/// </summary>
/// <param name="Temperature">Makes probabilities honest.</param>
/// <param name="Sets">Builds label sets.</param>
/// <param name="Abstain">Withholds unsure answers.</param>
/// <param name="EnergyThreshold">Withholds answers for images with a higher energy.</param>
public sealed record CalibrationModel(TemperatureScaling Temperature, ConformalSets Sets, AbstainRule Abstain, double EnergyThreshold)
{
    /// <summary>Fits all parts. The probabilities that sets and thresholds see are already calibrated.</summary>
    /// <param name="labels">True classes of validation images, [N].</param>
    /// <param name="logits">The network's outputs before the softmax, [N, C] row-major, finite.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or an option is out of range.</exception>
    /// <exception cref="MlNetCifarException">There is no usable row (MNC5001), or a label is out of range (MNC5002).</exception>
    public static CalibrationModel Fit(ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes, CalibrationOptions? options = null)
    {
        options ??= new CalibrationOptions();
        var temperature = TemperatureScaling.Fit(labels, logits, classes);
        var probabilities = new float[logits.Length];
        temperature.Apply(logits, classes, probabilities);
        var sets = ConformalSets.Fit(labels, probabilities, classes, options.Coverage, options.Method);
        var abstain = options.AnswerAccuracy is { } accuracy
            ? AbstainRule.ForAccuracy(RejectionCurve.Of(Evaluate(labels, probabilities, classes)), accuracy)
            : AbstainRule.Never;
        var energies = new double[labels.Length];
        for (var i = 0; i < energies.Length; i++)
            energies[i] = OutOfDistribution.Energy(logits.Slice(i * classes, classes));
        return new CalibrationModel(temperature, sets, abstain, OutOfDistribution.Threshold(energies, options.Accepted));
    }

    /// <summary>Answers for one image.</summary>
    /// <param name="logits">The network's outputs before the softmax, [C].</param>
    public CalibratedPrediction Predict(ReadOnlySpan<float> logits)
    {
        var probabilities = new float[logits.Length];
        Temperature.Apply(logits, logits.Length, probabilities);
        (int Label, float Probability)[] labels =
        [
            .. probabilities.Select((probability, label) => (label, probability)).OrderByDescending(pair => pair.probability).ThenBy(pair => pair.label),
        ];
        var energy = OutOfDistribution.Energy(logits);
        return new CalibratedPrediction(
            labels, Sets.SetOf(probabilities), Abstain.IsUnknown(labels[0].Probability) || !(energy <= EnergyThreshold), energy);
    }

    static EvaluationResult Evaluate(ReadOnlySpan<int> labels, ReadOnlySpan<float> probabilities, int classes) => Evaluator.Evaluate(
        labels, probabilities, [.. Enumerable.Range(0, classes).Select(i => $"{i}")], new EvaluationOptions { BootstrapResamples = 0 });
}
