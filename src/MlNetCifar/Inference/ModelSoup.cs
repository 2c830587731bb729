using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>What a soup is made of.</summary>
/// <param name="Model">The soup; whoever has this disposes it.</param>
/// <param name="Members">Numbers of the models in it, from 0, the best first.</param>
/// <param name="Accuracies">Share of the validation images that each of all models answers rightly.</param>
/// <param name="Accuracy">That of the soup.</param>
public sealed record ModelSoupResult(ImageClassifier Model, IReadOnlyList<int> Members, IReadOnlyList<double> Accuracies, double Accuracy);

/// <summary>
/// The mean of several models' weights as one network of a single one's speed (Wortsman et al. 2022, “Model soups”, their greedy soup): beginning with the model that is best on validation images,
/// each next best is taken in where the mean does no worse with it. Means make sense of models that were trained further from the same weights, or of snapshots of one training; of models trained from
/// different seeds, the soup is the best of them.
/// </summary>
public static class ModelSoup
{
    /// <summary>Makes a soup.</summary>
    /// <param name="models">Two or more of one network, classes, preprocessing and scaling of pixels. Only read.</param>
    /// <param name="validation">Images that no model was trained on, of their size, channels and classes.</param>
    /// <param name="threads">Threads, ≥ 1; the result does not depend on it. Null for the cores this process may use.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The soup with its own weights, and what went into it; the caller disposes the model. It is not calibrated.</returns>
    /// <exception cref="ArgumentException">There are too few or too many models, or no images.</exception>
    /// <exception cref="MlNetCifarException">The models do not belong together (MNC4011), or the images do not fit them (MNC4008).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ModelSoupResult Greedy(IReadOnlyList<ImageClassifier> models, ImageSource validation, int? threads = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(validation);
        if (validation.Count == 0)
            throw new ArgumentException("There is no image.", nameof(validation));
        Check(models);
        return Greedy(models, [.. models.Select(model => ScoredLabels.Of(model, validation, threads, cancellation).Accuracy)], validation, threads, cancellation);
    }

    /// <summary>Makes a soup of models that were checked, and whose accuracies are known.</summary>
    internal static ModelSoupResult Greedy(IReadOnlyList<ImageClassifier> models, double[] accuracies, ImageSource validation, int? threads, CancellationToken cancellation)
    {
        int[] order = [.. Enumerable.Range(0, models.Count).OrderByDescending(i => accuracies[i]).ThenBy(i => i)];
        List<int> members = [order[0]];
        var (soup, best) = (Mean(models, members), accuracies[order[0]]);
        foreach (var next in order.Skip(1))
        {
            var candidate = Mean(models, [.. members, next]);
            var accuracy = ScoredLabels.Of(candidate, validation, threads, cancellation).Accuracy;
            if (accuracy >= best)
            {
                (soup, candidate, best) = (candidate, soup, accuracy);
                members.Add(next);
            }

            candidate.Dispose();
        }

        return new(soup, members, accuracies, best);
    }

    /// <summary>Checks that the mean of the models' weights is defined.</summary>
    /// <param name="models">The models.</param>
    /// <param name="names">What they are called in errors; null for their numbers.</param>
    internal static void Check(IReadOnlyList<ImageClassifier> models, IReadOnlyList<string>? names = null)
    {
        ModelEnsemble.Check(models, names);
        var odd = Enumerable.Range(1, models.Count - 1).FirstOrDefault(i => !IsLike(models[i], models[0]));
        if (odd > 0)
            throw ModelErrors.OtherMember(names?[odd] ?? $"{odd + 1}", names?[0] ?? "1", "another network or scaling of pixels, so that a mean of their weights is none of either");
    }

    static bool IsLike(ImageClassifier a, ImageClassifier b) => a.Network.Layers.SequenceEqual(b.Network.Layers) && a.Normalization == b.Normalization;

    internal static ImageClassifier Mean(IReadOnlyList<ImageClassifier> models, IReadOnlyList<int> members)
    {
        var first = models[members[0]];
        var weights = first.Weights.Clone();
        for (var t = 0; t < weights.Tensors.Length; t++)
        {
            var values = weights.Tensors[t].Values;
            for (var i = 0; i < values.Length; i++)
            {
                var sum = 0.0;
                foreach (var member in members)
                    sum += models[member].Weights.Tensors[t].Values[i];
                values[i] = (float)(sum / members.Count);
            }
        }

        weights.Changed();
        return new ImageClassifier(weights, first.Classes, first.Preprocess, first.Normalization) { TrainingSettings = first.TrainingSettings };
    }
}
