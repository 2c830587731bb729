using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Inference;

/// <summary>A network that reads pixels scaled otherwise than it was trained with: a layer in front of it scales them over.</summary>
internal static class InputScaling
{
    /// <summary>Of that layer in weight files; the numbers of the layers behind it stay.</summary>
    const string Name = "input_scaling";

    static readonly BatchNorm s_layer = new();

    /// <summary>Whether a model can read such pixels: by the channel, or as they are.</summary>
    public static bool Fits(ImageClassifier model, Normalization given) => model.Normalization == given || (model.Normalization.MeanImage is null && given.MeanImage is null);

    /// <summary>The layers of a model that read such pixels.</summary>
    public static ImmutableArray<LayerSpec> Layers(ImageClassifier model, Normalization given) =>
        model.Normalization == given ? model.Network.Layers : model.Network.Layers.Insert(0, s_layer with { WeightName = NameIn(model) });

    /// <summary>A model's weights, for pixels scaled as given.</summary>
    /// <returns>The caller disposes them.</returns>
    public static NetworkWeights Weights(ImageClassifier model, Normalization given)
    {
        var weights = new NetworkWeights(model.Network with { Layers = Layers(model, given) });
        Fill(weights, "", model, given);
        weights.Changed();
        return weights;
    }

    /// <summary>Gives the layers' tensors their values.</summary>
    /// <param name="weights">Hold them.</param>
    /// <param name="prefix">What stands before their names there.</param>
    /// <param name="model">Whose they are.</param>
    /// <param name="given">As in <see cref="Layers"/>.</param>
    public static void Fill(NetworkWeights weights, string prefix, ImageClassifier model, Normalization given)
    {
        foreach (var tensor in model.Weights.Tensors)
            tensor.Values.CopyTo(weights.Find(prefix + tensor.Name)!.Values);
        var own = model.Normalization;
        if (own == given)
            return;

        // (p − m)/s of the model's own mean and deviation, for x = (p − m')/s'.
        var layer = prefix + NameIn(model);
        Span<float> gain = weights.Find($"{layer}.weight")!.Values, bias = weights.Find($"{layer}.bias")!.Values;
        for (var c = 0; c < gain.Length; c++)
        {
            gain[c] = (float)(Math.Sqrt(1.0 + s_layer.Epsilon) * given.Std[c] / own.Std[c]);
            bias[c] = (float)(((double)given.Mean[c] - own.Mean[c]) / own.Std[c]);
        }

        weights.Find($"{layer}.running_var")!.Values.Fill(1);
    }

    /// <summary>One that the model has not: it may have been scaled over before.</summary>
    static string NameIn(ImageClassifier model)
    {
        var name = Name;
        while (model.Weights.Find($"{name}.weight") is not null)
            name += "_";
        return name;
    }
}
