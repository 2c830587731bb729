using System.Collections.Immutable;
using MlNetCifar.Files;

namespace MlNetCifar.Nn;

/// <summary>
/// The hyper-parameters of one layer as a file holds them, for the functions given to <see cref="LayerRegistry.Register"/>, which ask for every property there may
/// be. What is asked for without a default must be there; what is there and never asked for is refused by name (MNC1101).
/// </summary>
public sealed class LayerOptions
{
    readonly JsonFields _fields;

    internal LayerOptions(JsonFields fields) => (_fields, Kind) = (fields, fields.Text("kind"));

    /// <summary>The layer's kind.</summary>
    public string Kind { get; }

    /// <summary>A whole number.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public int Int(string name, int? missing = null) => _fields.Int(name, missing);

    /// <summary>A number.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public float Real(string name, float? missing = null) => _fields.Real(name, missing);

    /// <summary>Whether something is so.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public bool Flag(string name, bool? missing = null) => _fields.Flag(name, missing);

    /// <summary>A text.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public string Text(string name, string? missing = null) => _fields.Text(name, missing);

    /// <summary>A value of an enumeration, written as its name.</summary>
    /// <param name="name">Name of the property.</param>
    public TEnum Name<TEnum>(string name)
        where TEnum : struct, Enum
        => _fields.Name<TEnum>(name);

    /// <summary>A value of an enumeration, written as its name.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">Its default.</param>
    public TEnum Name<TEnum>(string name, TEnum missing)
        where TEnum : struct, Enum
        => _fields.Name(name, missing);

    /// <summary>Layers inside the layer; the default is none.</summary>
    internal ImmutableArray<LayerSpec> Layers(string name) => Layers(_fields, name);

    /// <summary>The networks inside the layer.</summary>
    internal ImmutableArray<EnsembleMember> Members(string name) =>
        [.. _fields.Objects(name, member => new EnsembleMember(Layers(member, "layers"), member.Real("weight", 1)))];

    static ImmutableArray<LayerSpec> Layers(JsonFields fields, string name) => [.. fields.Objects(name, LayerRegistry.Read, [])];
}
