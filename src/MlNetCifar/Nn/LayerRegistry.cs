using System.Collections.Concurrent;
using MlNetCifar.Files;

namespace MlNetCifar.Nn;

/// <summary>The kinds of layers that descriptions may name, each with the function that reads it. Thread-safe.</summary>
public static class LayerRegistry
{
    static readonly ConcurrentDictionary<string, Func<LayerOptions, LayerSpec>> s_kinds = [];

    /// <summary>Makes a kind of layer known, so that files that hold one can be read. Once at the program's start is enough; again with the same function does nothing.</summary>
    /// <param name="kind">The layer's <see cref="LayerSpec.Kind"/>.</param>
    /// <param name="read">Makes the layer from what its <see cref="LayerSpec.Write"/> wrote.</param>
    /// <exception cref="ArgumentException">Another function reads that kind already.</exception>
    public static void Register(string kind, Func<LayerOptions, LayerSpec> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(read);
        if (!s_kinds.GetOrAdd(kind, read).Equals(read))
            throw new ArgumentException($"The layer kind '{kind}' is registered already, with another function.", nameof(kind));
    }

    /// <summary>Reads one layer.</summary>
    internal static LayerSpec Read(JsonFields fields)
    {
        var options = new LayerOptions(fields);
        return s_kinds.TryGetValue(options.Kind, out var read)
            ? Named(read(options), fields)
            : throw NetworkErrors.UnknownLayer(options.Kind, s_kinds.Keys.Order(StringComparer.Ordinal), fields.Origin.Path);
    }

    static LayerSpec Named(LayerSpec layer, JsonFields fields) =>
        fields.Has(NetworkJson.WeightName) ? layer with { WeightName = fields.Text(NetworkJson.WeightName) } : layer;
}
