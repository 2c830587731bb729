using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>A network whose batch normalisations directly behind convolutions and dense layers are part of their weights.</summary>
internal static class NormFolding
{
    /// <summary>Folds.</summary>
    /// <param name="weights">Only read.</param>
    /// <returns>New weights of a new network; the caller disposes them.</returns>
    public static NetworkWeights Fold(NetworkWeights weights)
    {
        var folded = new NetworkWeights(weights.Spec with { Layers = Layers(weights.Nodes) });
        Fill(weights, weights.Nodes, folded, folded.Nodes);
        folded.Changed();
        return folded;
    }

    static ImmutableArray<LayerSpec> Layers(ImmutableArray<LayerNode> nodes)
    {
        var layers = ImmutableArray.CreateBuilder<LayerSpec>();
        for (var i = 0; i < nodes.Length; i++)
        {
            var isFolded = IsFolded(nodes, i);
            layers.Add(nodes[i].Layer switch
            {
                Conv2d conv when isFolded => conv with { Bias = true },
                Linear linear when isFolded => linear with { Bias = true },
                var other => other.WithPaths([.. nodes[i].Paths.Select(Layers)]),
            });
            i += isFolded ? 1 : 0;
        }

        return layers.ToImmutable();
    }

    static bool IsFolded(ImmutableArray<LayerNode> nodes, int i) => nodes[i].Layer is Conv2d or Linear && i + 1 < nodes.Length && nodes[i + 1].Layer is BatchNorm;

    static void Fill(NetworkWeights from, ImmutableArray<LayerNode> nodes, NetworkWeights to, ImmutableArray<LayerNode> targets)
    {
        for (int i = 0, at = 0; i < nodes.Length; i++, at++)
        {
            foreach (var parameter in nodes[i].Parameters)
                Tensor(from, nodes[i], parameter.Name).Values.CopyTo(Tensor(to, targets[at], parameter.Name).Values);
            for (var path = 0; path < nodes[i].Paths.Length; path++)
                Fill(from, nodes[i].Paths[path], to, targets[at].Paths[path]);
            if (!IsFolded(nodes, i))
                continue;
            i++;
            Fold(from, nodes[i], Tensor(to, targets[at], "weight").Values, Tensor(to, targets[at], "bias").Values);
        }
    }

    /// <summary>w · γ/√(σ² + ε), and (b − μ) · γ/√(σ² + ε) + β.</summary>
    static void Fold(NetworkWeights from, LayerNode norm, Span<float> weight, Span<float> bias)
    {
        Span<float> gamma = Tensor(from, norm, "weight").Values, beta = Tensor(from, norm, "bias").Values;
        Span<float> mean = Tensor(from, norm, "running_mean").Values, variance = Tensor(from, norm, "running_var").Values;
        for (var k = 0; k < bias.Length; k++)
        {
            var scale = gamma[k] / Math.Sqrt((double)variance[k] + ((BatchNorm)norm.Layer).Epsilon);
            bias[k] = (float)(((bias[k] - (double)mean[k]) * scale) + beta[k]);
            for (var i = k; i < weight.Length; i += bias.Length)
                weight[i] = (float)(weight[i] * scale);
        }
    }

    static WeightTensor Tensor(NetworkWeights weights, LayerNode node, string name) => weights.Find($"{node.WeightName}.{name}")!;
}
