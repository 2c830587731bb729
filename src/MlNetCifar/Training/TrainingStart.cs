using System.Globalization;
using System.Text;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>Where a run begins instead of at random weights: those of another model, with the scaling of pixels they were trained with.</summary>
public sealed record TrainingStart
{
    /// <summary>
    /// The weights; only read, and only until the run has begun. Tensors of the same name and shape are taken over; all others, such as a head for other classes, begin as
    /// the network says.
    /// </summary>
    public required NetworkWeights Weights { get; init; }

    /// <summary>The scaling of pixels. The default is null: computed from the training images.</summary>
    public Normalization? Normalization { get; init; }

    /// <summary>How the pictures were made that the weights have seen; the training images should be made so too. The default is null: not known.</summary>
    public PreprocessSpec? Preprocess { get; init; }

    /// <summary>What the weights are, for reading. The default is the name of their network.</summary>
    public string? Name { get; init; }

    /// <summary>A model's weights, normalisation and preprocessing. The model must live until the run has begun.</summary>
    /// <param name="model">The model.</param>
    public static TrainingStart From(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new() { Weights = model.Weights, Normalization = model.Normalization, Preprocess = model.Preprocess, Name = model.Network.Name };
    }

    /// <summary>Says which tensors of a network would be taken from here.</summary>
    /// <param name="network">What would be trained.</param>
    /// <exception cref="MlNetCifarException">The network is wrong (MNC20xx).</exception>
    public StartMap Map(NetworkSpec network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var weights = new NetworkWeights(network);
        return Map(weights);
    }

    /// <summary>Copies what fits.</summary>
    /// <exception cref="MlNetCifarException">Nothing fits (MNC3023), or the normalisation is for other channels or another size (MNC3024).</exception>
    internal StartMap CopyTo(NetworkWeights weights)
    {
        if (Normalization is { } normalization && normalization.Channels != weights.Spec.Channels)
            throw TrainingErrors.StartChannels(normalization.Channels, weights.Spec.Channels);
        if (Normalization is { MeanImage: { } image } && !Normalization.Fits(weights.Spec.Height, weights.Spec.Width, weights.Spec.Channels))
            throw TrainingErrors.StartSize(image.Count, weights.Spec.InputShape(1));
        var map = Map(weights);
        if (!map.Tensors.Any(t => t.IsTaken))
            throw TrainingErrors.NothingTaken(map);
        foreach (var taken in map.Tensors.Where(t => t.IsTaken))
            Weights.Find(taken.Name)!.Values.CopyTo(weights.Find(taken.Name)!.Values);
        weights.Changed();
        return map;
    }

    StartMap Map(NetworkWeights weights) => new(
        Name ?? Weights.Spec.Name, Weights.Sha256(), [.. weights.Tensors.Select(Match)], [.. Weights.Tensors.Select(t => t.Name).Where(n => weights.Find(n) is null)]);

    StartedTensor Match(WeightTensor tensor)
    {
        var shape = Shape(tensor);
        if (Weights.Find(tensor.Name) is not { } source)
            return new(tensor.Name, shape, false, "not there");
        if (!source.Dimensions.SequenceEqual(tensor.Dimensions))
            return new(tensor.Name, shape, false, $"is {Shape(source)} there");

        // The same number of inputs from a picture of another shape means other inputs.
        return !tensor.Spec.FollowsInput || source.Node.FlattenedFrom == tensor.Node.FlattenedFrom
            ? new(tensor.Name, shape, true, "taken")
            : new(tensor.Name, shape, false, $"reads a picture of {source.Node.FlattenedFrom} there");
    }

    static string Shape(WeightTensor tensor) => string.Join('×', tensor.Dimensions.ToArray().Select(d => d.ToString(CultureInfo.InvariantCulture)));
}

/// <summary>Where a tensor's first values came from.</summary>
/// <param name="Name">Name in weight files.</param>
/// <param name="Shape">For example <c>3×3×64×128</c>.</param>
/// <param name="IsTaken">Whether they are the starting point's; else they are fresh.</param>
/// <param name="Note">Why, in a few words.</param>
public sealed record StartedTensor(string Name, string Shape, bool IsTaken, string Note);

/// <summary>What a run took from its starting point.</summary>
/// <param name="Name">What the starting point is.</param>
/// <param name="WeightsSha256">SHA-256 of its weights.</param>
/// <param name="Tensors">All tensors of the trained network, in order.</param>
/// <param name="Unused">Tensors of the starting point that the trained network does not have.</param>
public sealed record StartMap(string Name, string WeightsSha256, IReadOnlyList<StartedTensor> Tensors, IReadOnlyList<string> Unused)
{
    /// <summary>The map in lines: what was taken, what begins fresh and why, what was left.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        var taken = Tensors.Count(t => t.IsTaken);
        text.Append(CultureInfo.InvariantCulture, $"{taken} of {Tensors.Count} tensors from {Name}");
        foreach (var tensor in Tensors)
            text.Append(CultureInfo.InvariantCulture, $"\n  {(tensor.IsTaken ? "taken" : "fresh")}  {tensor.Name} {tensor.Shape}{(tensor.IsTaken ? "" : $": {tensor.Note}")}");
        foreach (var name in Unused)
            text.Append(CultureInfo.InvariantCulture, $"\n  left   {name}");
        return text.ToString();
    }
}
