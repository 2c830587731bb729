using System.Collections.Immutable;
using MlNetCifar.Data;
using MlNetCifar.Experiments;

namespace MlNetCifar;

/// <summary>How several models become one.</summary>
public enum EnsembleMethod
{
    /// <summary>The mean of their probabilities.</summary>
    Average,

    /// <summary>A weighted mean of their probabilities, the weights fitted to validation images.</summary>
    Stack,

    /// <summary>The mean of the weights of those that do no harm on validation images: one network of a single one's speed.</summary>
    Soup,
}

/// <summary>Everything that decides an <see cref="EnsembleExperiment"/>. Immutable.</summary>
public sealed record EnsembleOptions
{
    /// <summary>Two to 64 model files or folders of runs.</summary>
    public required ImmutableArray<string> Models { get; init; }

    /// <summary>How they become one. The default is <see cref="EnsembleMethod.Average"/>.</summary>
    public EnsembleMethod Method { get; init; }

    /// <summary>
    /// Labelled images that no model was trained on: they fit the weights or choose the soup, calibrate the result, and tell how it does beside its members. Null (the default) for none, which
    /// <see cref="EnsembleMethod.Average"/> can do without.
    /// </summary>
    public string? Data { get; init; }

    /// <summary>Which split of the data; null (the default) for validation where there is one, else the training images that none of the models was trained on.</summary>
    public DatasetSplit? Subset { get; init; }

    /// <summary>Threads, 1 … 1024; the result does not depend on it. The default is null: the cores this process may use.</summary>
    public int? Threads { get; init; }
}

/// <summary>A model that went into another, and how it does on the same images.</summary>
/// <param name="Path">Its file or run.</param>
/// <param name="Weight">How much it counts; the weights of all are 1 in sum, and 0 is one that was left out.</param>
/// <param name="Accuracy">Share of the images that it answers rightly; null without images.</param>
/// <param name="LogLoss">Mean −log of the labels' probabilities, in nats; null without images.</param>
public sealed record EnsemblePart(string Path, double Weight, double? Accuracy, double? LogLoss);

/// <summary>What an <see cref="EnsembleExperiment"/> made.</summary>
public sealed class EnsembleResult : IDisposable
{
    /// <summary>The model; calibrated where there were images enough.</summary>
    public required ImageClassifier Model { get; init; }

    /// <summary>What went into it, in the order of the options.</summary>
    public required IReadOnlyList<EnsemblePart> Parts { get; init; }

    /// <summary>Images that were used; 0 for none.</summary>
    public required int Images { get; init; }

    /// <summary>
    /// Share of the images that it answers rightly; null without images. Where these fitted the weights or chose the soup, it promises a little too much for new ones.
    /// </summary>
    public double? Accuracy { get; init; }

    /// <summary>Mean −log of the labels' probabilities, before the calibration, in nats; null without images.</summary>
    public double? LogLoss { get; init; }

    /// <summary>What the members know together; null where one of them has no record.</summary>
    internal SplitRecord? Record { get; init; }

    /// <summary>
    /// Saves the model, whole or not at all, and beside it, in <c>NAME.split</c>, which pictures its members were trained on and which they and it were chosen or calibrated with, where each
    /// member's run has taken that down: evaluations of it, and networks that it teaches, tell by that what their figures are worth.
    /// </summary>
    /// <param name="path">The .safetensors file.</param>
    /// <exception cref="MlNetCifarException">The file cannot be written (MNC4006).</exception>
    public void Save(string path)
    {
        Model.Save(path);
        Record?.WriteBeside(path, Model.WeightsSha256);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
