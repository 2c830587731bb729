using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Explain;

/// <summary>A convolution and where its feature map is taken.</summary>
/// <param name="Name">As in weight files, for example <c>conv3</c> or <c>layer1.conv2</c>.</param>
/// <param name="Positions">The convolution, and the batch normalisation and the activation that directly follow; the result of the last of them is the map.</param>
/// <param name="Pixels">Rows · columns of the map.</param>
/// <param name="OnShortcut">Whether it stands on a residual block's shortcut.</param>
internal sealed record ConvLayer(string Name, IReadOnlyList<string> Positions, int Pixels, bool OnShortcut)
{
    /// <summary>The layer whose result is the map.</summary>
    public string Position => Positions[^1];

    /// <summary>All convolutions in the order of computation.</summary>
    public static IReadOnlyList<ConvLayer> Of(NetworkSpec network) => [.. Of(network.Resolve(), false)];

    /// <summary>The named one, or without a name the last of the main path whose map has more than one pixel.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC5501), or none of that name (MNC5502).</exception>
    public static ConvLayer Find(NetworkSpec network, string? name)
    {
        var all = Of(network);
        if (all.Count == 0)
            throw ExplainErrors.NoConvolution(network.Name);
        if (name is not null)
            return all.FirstOrDefault(layer => layer.Name == name) ?? throw ExplainErrors.UnknownLayer(name, all.Select(layer => layer.Name));
        return Last(all)!;
    }

    /// <summary>As <see cref="Find"/>; without a name, of an ensemble the one of each member that has convolutions.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC5501), or none of that name (MNC5502).</exception>
    public static IReadOnlyList<ConvLayer> Chosen(NetworkSpec network, string? name)
    {
        if (name is not null || network.Resolve().FirstOrDefault(node => node.Layer is Ensemble) is not { } ensemble)
            return [Find(network, name)];
        ConvLayer[] chosen = [.. ensemble.Paths.Select(path => Last([.. Of(path, false)])).OfType<ConvLayer>()];
        return chosen.Length > 0 ? chosen : [Find(network, null)];
    }

    static ConvLayer? Last(IReadOnlyList<ConvLayer> layers) => layers.LastOrDefault(layer => layer is { Pixels: > 1, OnShortcut: false }) ?? layers.LastOrDefault();

    static IEnumerable<ConvLayer> Of(ImmutableArray<LayerNode> path, bool shortcut)
    {
        for (var i = 0; i < path.Length; i++)
        {
            var isBlock = path[i].Layer is Residual;
            foreach (var inner in path[i].Paths.SelectMany((inside, at) => Of(inside, shortcut || (isBlock && at > 0))))
                yield return inner;
            if (!path[i].Layer.MakesFeatureMaps)
                continue;
            var end = i;
            if (end + 1 < path.Length && path[end + 1].Layer is BatchNorm)
                end++;
            if (end + 1 < path.Length && path[end + 1].Layer is Activation)
                end++;
            yield return new ConvLayer(path[i].WeightName ?? path[i].Position, [.. path[i..(end + 1)].Select(node => node.Position)], path[end].Output.H * path[end].Output.W, shortcut);
        }
    }
}
