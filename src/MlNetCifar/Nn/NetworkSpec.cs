using System.Collections.Immutable;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar;

/// <summary>What the network's outputs mean, and so how it is trained.</summary>
public enum LossKind
{
    /// <summary>One logit per class, softmax, cross-entropy.</summary>
    SoftmaxCrossEntropy,

    /// <summary>One logit for two classes, sigmoid, binary cross-entropy; the probability is that of the second class.</summary>
    SigmoidCrossEntropy,

    /// <summary>The outputs are features that describe a picture, as many as <see cref="NetworkSpec.Classes"/> says; the network is not trained by itself.</summary>
    None,
}

/// <summary>A network: its input, its layers in order, and its loss. Immutable; checked by <see cref="Validate"/>.</summary>
public sealed record NetworkSpec
{
    /// <summary>What it is called, for example the preset's name.</summary>
    public required string Name { get; init; }

    /// <summary>Rows of the input.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of the input.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the input: 3 or 1.</summary>
    public required int Channels { get; init; }

    /// <summary>Number of classes, ≥ 2.</summary>
    public required int Classes { get; init; }

    /// <summary>The layers, first to last.</summary>
    public required ImmutableArray<LayerSpec> Layers { get; init => field = value.IsDefault ? [] : value; }

    /// <summary>What the outputs mean. The default is <see cref="LossKind.SoftmaxCrossEntropy"/>.</summary>
    public LossKind Loss { get; init; } = LossKind.SoftmaxCrossEntropy;

    /// <summary>Outputs of the last layer: the number of classes, or 1 for the sigmoid loss.</summary>
    public int Outputs => Loss == LossKind.SigmoidCrossEntropy ? 1 : Classes;

    /// <summary>Shape of a batch.</summary>
    /// <param name="batchSize">Images.</param>
    public Shape InputShape(int batchSize) => new(batchSize, Height, Width, Channels);

    /// <summary>Floating-point operations of the forward pass for one image, by the direct method.</summary>
    public double Flops => Resolve().Sum(node => node.Layer.Flops(node.Input));

    /// <summary>Checks every shape.</summary>
    /// <exception cref="MlNetCifarException">A layer does not fit the one before it; the message names the layer and both shapes (MNC2001 … MNC2003).</exception>
    public void Validate() => Resolve();

    /// <inheritdoc/>
    public bool Equals(NetworkSpec? other) =>
        other is not null && (Name, Height, Width, Channels, Classes, Loss) == (other.Name, other.Height, other.Width, other.Channels, other.Classes, other.Loss)
        && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Height, Width, Channels, Classes, Loss, Layers.Length);

    /// <summary>The layers with their shapes and names, checked.</summary>
    internal ImmutableArray<LayerNode> Resolve()
    {
        if (Height < 1 || Width < 1 || Channels < 1)
            throw NetworkErrors.Option(Name, $"input {InputShape(1)}", "every side at least 1");
        if (Classes < 2 || (Loss == LossKind.SigmoidCrossEntropy && Classes != 2))
            throw NetworkErrors.Option(Name, $"{Classes} classes with {Loss}", Classes < 2 ? "at least 2 classes" : "2 classes for the sigmoid loss");
        var nodes = new LayerResolver().Resolve(Layers, InputShape(1));
        var output = nodes.IsEmpty ? InputShape(1) : nodes[^1].Output;
        return output == new Shape(1, 1, 1, Outputs) ? nodes : throw NetworkErrors.Outputs(Name, output, Outputs);
    }
}
