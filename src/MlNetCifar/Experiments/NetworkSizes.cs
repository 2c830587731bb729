using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Experiments;

/// <summary>Networks in other sizes: filters, dense units and dropout of any description, in proportion to those it has.</summary>
internal static class NetworkSizes
{
    /// <summary>A network in the sizes that options ask for.</summary>
    /// <param name="network">As described.</param>
    /// <param name="options">Sizes; null leaves what is there.</param>
    /// <param name="idle">Told which sizes have no effect, and why: name of the property, reason.</param>
    public static NetworkSpec Apply(NetworkSpec network, ExperimentOptions options, Action<string, string> idle)
    {
        var all = Flat(network.Layers).ToArray();
        if (options.Filters is { } filters)
            network = Scaled(nameof(options.Filters), all.OfType<Conv2d>().FirstOrDefault(conv => !conv.FixedFilter)?.Filters, "convolution that is trained", first =>
                layer => layer is Conv2d { FixedFilter: false } conv ? conv with { Filters = InProportion(conv.Filters, filters, first) } : layer);

        // The last dense layer gives the classes.
        var head = network.Layers.OfType<Linear>().LastOrDefault();
        if (options.DenseUnits is { } units)
            network = Scaled(nameof(options.DenseUnits), all.OfType<Linear>().FirstOrDefault(dense => !ReferenceEquals(dense, head))?.Units, "hidden dense layer", first =>
                layer => layer is Linear dense && !ReferenceEquals(layer, head) ? dense with { Units = InProportion(dense.Units, units, first) } : layer);
        if (options.Dropout is { } rate)
            network = Scaled(nameof(options.Dropout), all.OfType<Dropout>().LastOrDefault()?.Rate, "dropout", last =>
                layer => layer is Dropout dropout ? dropout with { Rate = last > 0 ? Math.Min(dropout.Rate / last * rate, 0.99f) : rate } : layer);
        return network;

        NetworkSpec Scaled<T>(string property, T? reference, string what, Func<T, Func<LayerSpec, LayerSpec>> change)
            where T : struct
        {
            if (reference is { } present)
                return network with { Layers = Mapped(network.Layers, change(present)) };
            idle(property, $"{network.Name} has no {what}");
            return network;
        }
    }

    static int InProportion(int old, int asked, int first) => Math.Max(1, (int)Math.Round((double)old * asked / first));

    static IEnumerable<LayerSpec> Flat(IEnumerable<LayerSpec> layers) =>
        layers.SelectMany(layer => layer is Residual block ? Flat(block.Body).Concat(Flat(block.Shortcut)) : [layer]);

    static ImmutableArray<LayerSpec> Mapped(ImmutableArray<LayerSpec> layers, Func<LayerSpec, LayerSpec> change) =>
        [.. layers.Select(layer => layer is Residual block ? block with { Body = Mapped(block.Body, change), Shortcut = Mapped(block.Shortcut, change) } : change(layer))];
}
