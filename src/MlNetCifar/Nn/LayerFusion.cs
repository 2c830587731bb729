using System.Collections.Immutable;

namespace MlNetCifar.Nn;

/// <summary>A layer and the layers after it that one op computes with it.</summary>
/// <param name="Node">The layer itself.</param>
/// <param name="Norm">A batch normalisation whose running statistics become part of a convolution's weights; for inference only.</param>
/// <param name="Relu">Whether a ReLU follows.</param>
/// <param name="Pool">A 2×2 max-pooling of a convolution's result.</param>
/// <param name="Length">Layers taken together.</param>
internal readonly record struct LayerFusion(LayerNode Node, LayerNode? Norm, bool Relu, LayerNode? Pool, int Length)
{
    /// <summary>Finds the longest group that begins at one layer.</summary>
    /// <param name="nodes">A path.</param>
    /// <param name="first">Index of the layer.</param>
    /// <param name="training">Whether the network is compiled for training.</param>
    public static LayerFusion Find(ImmutableArray<LayerNode> nodes, int first, bool training)
    {
        var end = first + 1;
        var weighted = nodes[first].Layer is Conv2d or Linear;
        var norm = weighted && !training ? Take<BatchNorm>(nodes, ref end, _ => true) : null;
        var relu = (weighted || nodes[first].Layer is BatchNorm) && TakeRelu(nodes, ref end);
        var pool = nodes[first].Layer is Conv2d ? Take<Pool2d>(nodes, ref end, p => p is { Pool: PoolKind.Max, Size: 2, Stride: 0 or 2, Pad: 0 }) : null;
        if (pool is not null && norm is null && !relu && !training)
        {
            // A scale that is surely positive changes places with the maximum, and so does a ReLU.
            norm = Take<BatchNorm>(nodes, ref end, n => !n.Scale);
            relu = TakeRelu(nodes, ref end);
        }

        return new LayerFusion(nodes[first], norm, relu, pool, end - first);
    }

    static bool TakeRelu(ImmutableArray<LayerNode> nodes, ref int end) =>
        Take<Activation>(nodes, ref end, a => a.Function == ActivationKind.Relu) is not null;

    static LayerNode? Take<TLayer>(ImmutableArray<LayerNode> nodes, ref int end, Func<TLayer, bool> fits) =>
        end < nodes.Length && nodes[end].Layer is TLayer layer && fits(layer) ? nodes[end++] : null;
}
