using MlNetCifar.Inference;
using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>A layer that was read, with its weights in the order of PyTorch's files.</summary>
/// <param name="layer">The description.</param>
internal sealed class ImportedLayer(LayerSpec layer)
{
    /// <summary>The description.</summary>
    public LayerSpec Layer { get; set; } = layer;

    /// <summary>Elements of its tensors by their names, such as <c>weight</c>.</summary>
    public Dictionary<string, float[]> Tensors { get; } = [];

    /// <summary>The layers inside a residual block: main path and shortcut.</summary>
    public IReadOnlyList<IReadOnlyList<ImportedLayer>> Paths { get; init; } = [];

    /// <summary>A residual block of two paths.</summary>
    public static ImportedLayer Residual(List<ImportedLayer> body, List<ImportedLayer> shortcut) =>
        new(new Residual([.. body.Select(l => l.Layer)], [.. shortcut.Select(l => l.Layer)])) { Paths = [body, shortcut] };

    /// <summary>Puts the weights of a path of layers where a network has them.</summary>
    public static void Fill(IReadOnlyList<ImportedLayer> layers, IReadOnlyList<LayerNode> nodes, NetworkWeights weights)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            foreach (var (name, values) in layers[i].Tensors)
                WeightLayout.FromFile(weights.Find($"{nodes[i].WeightName}.{name}")!, values);
            for (var path = 0; path < layers[i].Paths.Count; path++)
                Fill(layers[i].Paths[path], nodes[i].Paths[path], weights);
        }
    }
}
