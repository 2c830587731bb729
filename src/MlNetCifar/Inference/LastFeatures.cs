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
        for (var i = nodes.Length - 1; i >= 0; i--)
        {
            if (nodes[i].Layer is not Linear)
                continue;
            var length = nodes[i].Input.ImageLength;
            return length <= Most && nodes.Take(i).SelectMany(node => node.Flat()).Any(node => node.WeightName is not null)
                ? new LastFeatures(nodes[i - 1].Position, (int)length)
                : null;
        }

        return null;
    }
}
