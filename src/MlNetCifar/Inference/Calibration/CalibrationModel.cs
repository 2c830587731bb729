namespace MlNetCifar.Inference;

/// <summary>Choices of a calibration.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Coverage promised by the label sets. The default is 0.9.</summary>
    public double Coverage { get; init; } = 0.9;

    /// <summary>How the label sets are built. The default is <see cref="ConformalMethod.Threshold"/>.</summary>
    public ConformalMethod Method { get; init; } = ConformalMethod.Threshold;

    /// <summary>Accuracy that the given answers must reach; answers below the confidence this takes are <c>unknown</c>. Null (the default) answers everything.</summary>
    public double? AnswerAccuracy { get; init; }

    /// <summary>
    /// Share of ordinary images that none of the three scores (energy, distance of the features, texture) by itself may call foreign; together they
    /// call at most three times the rest foreign. The default is 0.99.
    /// </summary>
    public double Accepted { get; init; } = 0.99;
}

/// <summary>One answer of a calibrated model.</summary>
/// <param name="Labels">All classes with calibrated probabilities, highest first.</param>
/// <param name="Set">The conformal label set, most probable first.</param>
/// <param name="IsUnknown">Whether the answer should be <c>unknown</c>: too unsure, or unlike the data the model was calibrated on.</param>
/// <param name="Energy">The energy score; high means foreign.</param>
internal sealed record CalibratedPrediction(IReadOnlyList<(int Label, float Probability)> Labels, IReadOnlyList<int> Set, bool IsUnknown, double Energy);

/// <summary>
/// Everything that turns logits into honest answers, fitted once on validation images and stored with the model: temperature, label sets,
/// abstain threshold, and three scores of foreignness: the energy, which sees weak logits; the distance of the last layer's inputs from
/// every class, which sees unfamiliar content; and the texture, which sees what is no photograph. Immutable; thread-safe.
/// </summary>
public sealed record CalibrationModel
{
    internal CalibrationModel(TemperatureScaling scaling, ConformalSets sets, AbstainRule abstain, double energyThreshold) =>
        (Scaling, Sets, Abstain, EnergyThreshold) = (scaling, sets, abstain, energyThreshold);

    /// <summary>What logits are divided by before the softmax, &gt; 0: above 1 the network was too sure, below 1 too unsure.</summary>
    public double Temperature => Scaling.Temperature;

    /// <summary>Share of label sets that hold the true label, as promised, in (0, 1).</summary>
    public double Coverage => Sets.Coverage;

    /// <summary>Withholds unsure answers.</summary>
    public AbstainRule Abstain { get; init; }

    /// <summary>Makes probabilities honest.</summary>
    internal TemperatureScaling Scaling { get; }

    /// <summary>Builds label sets.</summary>
    internal ConformalSets Sets { get; }

    /// <summary>Withholds answers for images with a higher energy.</summary>
    internal double EnergyThreshold { get; init; }

    /// <summary>Withholds answers for images whose last layer's inputs lie far from every class; null where there are no such features.</summary>
    internal ForeignRule? Features { get; init; }

    /// <summary>Withholds answers for images of unusual contrast and roughness; null where it was fitted without <see cref="PictureTexture"/>.</summary>
    internal ForeignRule? Texture { get; init; }

    /// <summary>
    /// Views of each image whose logits were averaged before the fit, ≥ 1; the default is 1, the image alone. The mean of several views is surer or less sure than one
    /// view, so the calibration holds for logits made in the same way.
    /// </summary>
    public int Views { get; internal init; } = 1;

    /// <summary>Fits all parts. The probabilities that sets and thresholds see are already calibrated.</summary>
    /// <param name="labels">True classes of validation images, [N].</param>
    /// <param name="logits">The network's outputs before the softmax, [N, C] row-major, finite.</param>
    /// <param name="classes">C ≥ 2.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <param name="features">Inputs of the network's last layer, [N, D]; empty for none.</param>
    /// <param name="texture"><see cref="PictureTexture"/> of each image, [N, 2]; empty for none.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or an option is out of range.</exception>
    /// <exception cref="MlNetCifarException">There is no usable row (MNC5001), or a label is out of range (MNC5002).</exception>
    internal static CalibrationModel Fit(
        ReadOnlySpan<int> labels, ReadOnlySpan<float> logits, int classes, CalibrationOptions? options = null,
        ReadOnlySpan<float> features = default, ReadOnlySpan<float> texture = default)
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
        return new CalibrationModel(temperature, sets, abstain, OutOfDistribution.Threshold(energies, options.Accepted))
        {
            Features = features.IsEmpty ? null : ForeignRule.Fit(labels, features, classes, options.Accepted),
            Texture = texture.IsEmpty ? null : ForeignRule.Fit(labels, texture, classes, options.Accepted),
        };
    }

    /// <summary>Whether there is enough to fit to: an image with finite logits, two with finite features where there are some.</summary>
    /// <param name="count">Images.</param>
    /// <param name="outputs">Of these images.</param>
    internal static bool CanFit(int count, ImageOutputs outputs)
    {
        return Finite(outputs.Logits) >= 1 && (outputs.Features.Length == 0 || Finite(outputs.Features) >= 2);

        int Finite(float[] values) => count == 0 ? 0 : Enumerable.Range(0, count).Count(i => Evaluation.Probabilities.AllFinite(values.AsSpan(i * (values.Length / count), values.Length / count)));
    }

    /// <summary>Answers for one image.</summary>
    /// <param name="logits">The network's outputs before the softmax, [C].</param>
    /// <param name="features">Inputs of the network's last layer, [D]; empty leaves the distance out.</param>
    /// <param name="texture"><see cref="PictureTexture"/>, [2]; empty leaves the texture out.</param>
    internal CalibratedPrediction Predict(ReadOnlySpan<float> logits, ReadOnlySpan<float> features = default, ReadOnlySpan<float> texture = default)
    {
        var probabilities = new float[logits.Length];
        Scaling.Apply(logits, logits.Length, probabilities);
        (int Label, float Probability)[] labels =
        [
            .. probabilities.Select((probability, label) => (label, probability)).OrderByDescending(pair => pair.probability).ThenBy(pair => pair.label),
        ];
        var energy = OutOfDistribution.Energy(logits);
        var foreign = !(energy <= EnergyThreshold) || IsForeign(Features, features) || IsForeign(Texture, texture);
        return new CalibratedPrediction(labels, Sets.SetOf(probabilities), foreign || Abstain.IsUnknown(labels[0].Probability), energy);
    }

    static bool IsForeign(ForeignRule? rule, ReadOnlySpan<float> features) => rule is not null && !features.IsEmpty && rule.IsForeign(features);

    static EvaluationResult Evaluate(ReadOnlySpan<int> labels, ReadOnlySpan<float> probabilities, int classes) => Evaluator.Evaluate(
        labels, probabilities, [.. Enumerable.Range(0, classes).Select(i => $"{i}")], new EvaluationOptions { BootstrapResamples = 0 });
}
