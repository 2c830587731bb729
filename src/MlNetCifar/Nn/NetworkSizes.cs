using System.Collections.Immutable;

namespace MlNetCifar.Nn;

/// <summary>Networks in other sizes: filters, dense units and dropout of any description, in proportion to those it has.</summary>
internal static class NetworkSizes
{
    /// <summary>A network in other sizes; null leaves what is there.</summary>
    /// <param name="network">As described.</param>
    /// <param name="filters">Of the first convolution that is trained.</param>
    /// <param name="denseUnits">Of the first hidden dense layer.</param>
    /// <param name="dropout">Rate of the last dropout layer.</param>
    /// <param name="idle">Told which sizes have no effect, and why: name of the parameter, reason.</param>
    public static NetworkSpec Apply(NetworkSpec network, int? filters, int? denseUnits, float? dropout, Action<string, string> idle)
    {
        var all = Flat(network.Layers).ToArray();
        if (filters is { } count)
            network = Scaled(nameof(filters), all.OfType<Conv2d>().FirstOrDefault(conv => !conv.FixedFilter)?.Filters, "convolution that is trained", first =>
                layer => layer is Conv2d { FixedFilter: false } conv ? conv with { Filters = InProportion(conv.Filters, count, first) } : layer);

        // The last dense layer gives the classes.
        var head = network.Layers.OfType<Linear>().LastOrDefault();
        if (denseUnits is { } units)
            network = Scaled(nameof(denseUnits), all.OfType<Linear>().FirstOrDefault(dense => !ReferenceEquals(dense, head))?.Units, "hidden dense layer", first =>
                layer => layer is Linear dense && !ReferenceEquals(layer, head) ? dense with { Units = InProportion(dense.Units, units, first) } : layer);
        if (dropout is { } rate)
            network = Scaled(nameof(dropout), all.OfType<Dropout>().LastOrDefault()?.Rate, "dropout", last =>
                layer => layer is Dropout old ? old with { Rate = last > 0 ? Math.Min(old.Rate / last * rate, 0.99f) : rate } : layer);
        return network;

        NetworkSpec Scaled<T>(string parameter, T? reference, string what, Func<T, Func<LayerSpec, LayerSpec>> change)
            where T : struct
        {
            if (reference is { } present)
                return network with { Layers = Mapped(network.Layers, change(present)) };
            idle(parameter, $"{network.Name} has no {what}");
            return network;
        }
    }

    static int InProportion(int old, int asked, int first) => Math.Max(1, (int)Math.Round((double)old * asked / first));

    static IEnumerable<LayerSpec> Flat(IEnumerable<LayerSpec> layers) =>
        layers.SelectMany(layer => layer.Paths.IsEmpty ? [layer] : layer.Paths.SelectMany(path => Flat(path.Layers)));

    static ImmutableArray<LayerSpec> Mapped(ImmutableArray<LayerSpec> layers, Func<LayerSpec, LayerSpec> change) =>
        [.. layers.Select(layer => layer.Paths.IsEmpty ? change(layer) : layer.WithPaths([.. layer.Paths.Select(path => Mapped(path.Layers, change))]))];
}
