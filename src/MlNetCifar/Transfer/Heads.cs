using MlNetCifar.Nn;

namespace MlNetCifar.Transfer;

/// <summary>Puts heads on networks that give features.</summary>
internal static class Heads
{
    /// <summary>The network with a head: one dense layer.</summary>
    /// <param name="backbone">Gives features.</param>
    /// <param name="classes">Number of classes, ≥ 2.</param>
    public static NetworkSpec WithHead(this NetworkSpec backbone, int classes) => backbone with
    {
        Classes = classes,
        Loss = LossKind.SoftmaxCrossEntropy,
        Layers = [.. backbone.Layers, new Linear(classes) { Initializer = Initializer.GlorotUniform, WeightName = NameOf(backbone) }],
    };

    /// <summary>Weights of both.</summary>
    /// <param name="backbone">Copied.</param>
    /// <param name="classes">Number of classes, ≥ 2.</param>
    /// <param name="matrix">[D, classes].</param>
    /// <param name="bias">[classes].</param>
    /// <returns>The caller disposes them.</returns>
    public static NetworkWeights WithHead(this NetworkWeights backbone, int classes, ReadOnlySpan<float> matrix, ReadOnlySpan<float> bias)
    {
        var (name, weights) = (NameOf(backbone.Spec), new NetworkWeights(backbone.Spec.WithHead(classes)));
        foreach (var tensor in backbone.Tensors)
            tensor.Values.CopyTo(weights.Find(tensor.Name)!.Values);
        matrix.CopyTo(weights.Find($"{name}.weight")!.Values);
        bias.CopyTo(weights.Find($"{name}.bias")!.Values);
        weights.Changed();
        return weights;
    }

    /// <summary>What torchvision calls it, or a name that is free.</summary>
    static string NameOf(NetworkSpec backbone) => backbone.Resolve().SelectMany(node => node.Flat()).Any(node => node.WeightName == "fc") ? "head" : "fc";
}
