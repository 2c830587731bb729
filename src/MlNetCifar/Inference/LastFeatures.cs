using MlNetCifar.Nn;

namespace MlNetCifar.Inference;

/// <summary>The inputs of a network's last dense layer, in which images of one class lie close together.</summary>
/// <param name="Position">The layer whose result they are.</param>
/// <param name="Length">How many.</param>
internal sealed record LastFeatures(string Position, int Length)
{
    /// <summary>More would make a model file's covariance larger than many a network.</summary>
    public const int Most = 1024;

    /// <summary>Those of a network; null where its last dense layer is missing, sees the picture itself, or has too many inputs.</summary>
    public static LastFeatures? Of(NetworkWeights weights)
    {
        var nodes = weights.Nodes;
        if (DenseIndex(weights) is not (>= 0 and var last))
            return null;
        var length = nodes[last].Input.ImageLength;
        return length <= Most && nodes.Take(last).SelectMany(node => node.Flat()).Any(node => node.WeightName is not null)
            ? new LastFeatures(nodes[last - 1].Position, (int)length)
            : null;
    }

    /// <summary>Where a network's last dense layer is among its nodes; −1 for none.</summary>
    public static int DenseIndex(NetworkWeights weights)
    {
        var last = weights.Nodes.Length - 1;
        while (last >= 0 && weights.Nodes[last].Layer is not Linear)
            last--;
        return last;
    }
}
