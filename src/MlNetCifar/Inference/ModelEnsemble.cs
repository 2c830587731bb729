using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>
/// Several classifiers as one, whose probabilities are the mean of theirs (Lakshminarayanan et al. 2017). The result is a classifier like any other: one network, one file, and all that
/// can be done with them. It takes the time of its members together.
/// </summary>
public static class ModelEnsemble
{
    /// <summary>Weights below this are none: such a member would cost its time and change nothing.</summary>
    const float LeastWeight = 0.01f;

    /// <summary>Rounds of the fit; it climbs slowly to where a member's weight is 0, which is cut off.</summary>
    const int Rounds = 500;

    /// <summary>Makes one model of several.</summary>
    /// <param name="models">
    /// Two to 64, of the same classes in the same order and the same preprocessing; architectures and scaling of pixels may differ. Only read. Their calibrations do not count: the ensemble has
    /// to be calibrated itself.
    /// </param>
    /// <param name="weights">How much each counts, ≥ 0; only their ratios matter, and a model of weight 0 is left out. Null (the default) for all alike.</param>
    /// <returns>A model with copies of all weights; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">There are too few or too many models, or the weights are none for them.</exception>
    /// <exception cref="MlNetCifarException">The models do not belong together (MNC4011).</exception>
    public static ImageClassifier Average(IReadOnlyList<ImageClassifier> models, IReadOnlyList<float>? weights = null)
    {
        Check(models);
        weights ??= [.. Enumerable.Repeat(1f, models.Count)];
        if (weights.Count != models.Count || weights.Any(w => !(w >= 0) || !float.IsFinite(w)) || weights.All(w => w == 0))
            throw new ArgumentException($"{models.Count} models have the weights {string.Join(", ", weights)}; expected as many finite numbers from 0 on, not all of them 0.", nameof(weights));
        int[] taken = [.. Enumerable.Range(0, models.Count).Where(i => weights[i] > 0)];
        var first = models[taken[0]];
        var scaling = first.Normalization;
        var layer = new Ensemble([.. taken.Select(i => new EnsembleMember(InputScaling.Layers(models[i], scaling), weights[i]))]);
        var network = first.Network with { Name = Name([.. taken.Select(i => models[i].Network.Name)]), Layers = [layer] };
        var own = new NetworkWeights(network);
        for (var i = 0; i < taken.Length; i++)
            InputScaling.Fill(own, $"ensemble1.member{i + 1}.", models[taken[i]], scaling);
        own.Changed();
        return new ImageClassifier(own, first.Classes, first.Preprocess, scaling) { IsHalfPrecision = taken.All(i => models[i].IsHalfPrecision) };
    }

    /// <summary>
    /// Fits the weights of <see cref="Average"/>: those under which the labels of validation images are most probable, found by expectation maximisation, whose every round makes them more so.
    /// </summary>
    /// <param name="models">As at <see cref="Average"/>.</param>
    /// <param name="validation">Images that no model was trained on, of their size, channels and classes.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>One a model; their sum is 1, and those below 0.01 are 0.</returns>
    /// <exception cref="ArgumentException">There are too few or too many models.</exception>
    /// <exception cref="MlNetCifarException">The models do not belong together (MNC4011), or the images do not fit them (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static float[] FitWeights(IReadOnlyList<ImageClassifier> models, ImageSource validation, int? threads = null, CancellationToken cancellation = default)
    {
        Check(models);
        ArgumentNullException.ThrowIfNull(validation);
        return Fit([.. models.Select(model => ScoredLabels.Of(model, validation, threads, cancellation).OfLabels)]);
    }

    /// <summary>The fit, of what each model gave the right class.</summary>
    /// <param name="probabilities">For each model one probability an image.</param>
    internal static float[] Fit(double[][] probabilities)
    {
        var weights = Enumerable.Repeat(1.0 / probabilities.Length, probabilities.Length).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            var parts = new double[weights.Length];
            for (var n = 0; n < probabilities[0].Length; n++)
            {
                var sum = 0.0;
                for (var i = 0; i < weights.Length; i++)
                    sum += weights[i] * probabilities[i][n];

                // What no model thinks possible says nothing about their weights.
                for (var i = 0; i < weights.Length && sum > 0; i++)
                    parts[i] += weights[i] * probabilities[i][n] / sum;
            }

            if (parts.Sum() is var all and > 0)
                weights = [.. parts.Select(part => part / all)];
        }

        double[] kept = [.. weights.Select(weight => weight < LeastWeight ? 0 : weight)];
        return [.. kept.Select(weight => (float)(weight / kept.Sum()))];
    }

    /// <summary>Checks that models can be one.</summary>
    /// <param name="models">The models.</param>
    /// <param name="names">What they are called in errors; null for their numbers.</param>
    internal static void Check(IReadOnlyList<ImageClassifier> models, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Count is < 2 or > Ensemble.Most)
            throw new ArgumentException($"{models.Count} models; expected 2 to {Ensemble.Most}.", nameof(models));
        for (var i = 1; i < models.Count; i++)
        {
            if (Difference(models[i], models[0]) is { } difference)
                throw ModelErrors.OtherMember(NameOf(i), NameOf(0), difference);
        }

        string NameOf(int i) => names?[i] ?? $"{i + 1}";
    }

    static string? Difference(ImageClassifier found, ImageClassifier expected)
    {
        if (ClassNames.Difference(found.Classes, expected.Classes) is { } classes)
            return $"other classes: {classes}";
        if (found.Preprocess.DifferencesTo(expected.Preprocess) is { Length: > 0 } differences)
            return $"another preprocessing: {differences}";
        if (found.Network.Loss != expected.Network.Loss)
            return $"other outputs: found {found.Network.Loss}; expected {expected.Network.Loss}";
        return InputScaling.Fits(found, expected.Normalization) ? null : "another mean image, and pixels scaled by one mean image cannot be scaled over to another";
    }

    /// <summary>What the network is called; it is the name of folders, too.</summary>
    static string Name(string[] members) => members.Distinct().Count() == 1
        ? FormattableString.Invariant($"{members[0]}-ensemble-{members.Length}")
        : FormattableString.Invariant($"ensemble-{members.Length}");
}

/// <summary>How a model did on labelled images.</summary>
/// <param name="OfLabels">The probability of each image's class.</param>
/// <param name="Accuracy">Share of images whose most probable class is the label.</param>
internal sealed record ScoredLabels(double[] OfLabels, double Accuracy)
{
    /// <summary>Least probability that counts in the loss, as elsewhere.</summary>
    const double Least = 1e-15;

    /// <summary>Mean −log of the labels' probabilities, in nats.</summary>
    public double LogLoss => -OfLabels.Average(p => Math.Log(Math.Max(p, Least)));

    /// <summary>Scores images.</summary>
    /// <exception cref="MlNetCifarException">They do not fit the model (MNC4008).</exception>
    public static ScoredLabels Of(ImageClassifier model, ImageSource images, int? threads, CancellationToken cancellation)
    {
        if (ClassNames.Difference(images.Classes, model.Classes) is { } difference)
            throw ModelErrors.OtherClasses(difference);
        var (scores, classes) = (model.Score(images, threads, cancellation: cancellation), model.Classes.Length);
        var ofLabels = new double[images.Count];
        var right = 0;
        for (var i = 0; i < ofLabels.Length; i++)
        {
            var row = scores.AsSpan(i * classes, classes);
            (ofLabels[i], right) = (row[images.Label(i)], right + (ClassScores.Best(row) == images.Label(i) ? 1 : 0));
        }

        return new(ofLabels, (double)right / Math.Max(1, ofLabels.Length));
    }
}
