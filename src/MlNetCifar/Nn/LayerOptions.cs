using System.Collections.Immutable;
using System.Text.Json;

namespace MlNetCifar.Nn;

/// <summary>
/// The hyper-parameters of one layer as its JSON object holds them, for the functions given to <see cref="LayerRegistry.Register"/>. What is asked for without a
/// default must be there; what is there and never asked for is refused.
/// </summary>
public sealed class LayerOptions
{
    readonly JsonElement _json;
    readonly HashSet<string> _asked = ["kind"];

    internal LayerOptions(JsonElement json, string position)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new FormatException($"layer {position} is no object");
        (_json, Position) = (json, position);
        Kind = Text("kind");
    }

    /// <summary>The layer's kind.</summary>
    public string Kind { get; }

    internal string Position { get; }

    /// <summary>A whole number.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">What it is where the file does not name it; null where the file must.</param>
    public int Integer(string name, int? missing = null) =>
        Find(name, missing is not null) is not { } value ? missing!.Value
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw Wrong(name, value, "a whole number");

    /// <summary>A number.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">What it is where the file does not name it; null where the file must.</param>
    public float Number(string name, float? missing = null) =>
        Find(name, missing is not null) is not { } value ? missing!.Value
        : value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) ? number : throw Wrong(name, value, "a number");

    /// <summary>True or false.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">What it is where the file does not name it; null where the file must.</param>
    public bool Flag(string name, bool? missing = null) =>
        Find(name, missing is not null) is not { } value ? missing!.Value
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, value, "true or false");

    /// <summary>A text.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">What it is where the file does not name it; null where the file must.</param>
    public string Text(string name, string? missing = null) =>
        Find(name, missing is not null) is not { } value ? missing!
        : value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a text");

    /// <summary>One of an enumeration's names.</summary>
    /// <param name="name">Name of the property.</param>
    /// <param name="missing">What it is where the file does not name it; null where the file must.</param>
    public TEnum Choice<TEnum>(string name, TEnum? missing = null)
        where TEnum : struct, Enum
        => Find(name, missing is not null) is not { } value ? missing!.Value
        : value.ValueKind == JsonValueKind.String && Enum.TryParse<TEnum>(value.GetString(), out var choice) && Enum.IsDefined(choice) ? choice
        : throw Wrong(name, value, $"one of {string.Join(", ", Enum.GetNames<TEnum>())}");

    /// <summary>Whether the file names it.</summary>
    /// <param name="name">Name of the property.</param>
    public bool Has(string name) => _json.TryGetProperty(name, out _);

    /// <summary>Layers inside the layer; none where the file does not name them.</summary>
    internal ImmutableArray<LayerSpec> Layers(string name, string position) =>
        Find(name, optional: true) is { } value ? NetworkJson.ReadLayers(value, position) : [];

    internal void RefuseOthers()
    {
        foreach (var property in _json.EnumerateObject())
        {
            if (!_asked.Contains(property.Name))
                throw new FormatException($"layer {Position} ({Kind}) has a property '{property.Name}', which this version does not know");
        }
    }

    JsonElement? Find(string name, bool optional)
    {
        _asked.Add(name);
        if (_json.TryGetProperty(name, out var value))
            return value;
        return optional ? null : throw new FormatException($"layer {Position}{(Kind is null ? "" : $" ({Kind})")} has no '{name}'");
    }

    FormatException Wrong(string name, JsonElement found, string expected) =>
        new($"'{name}' of layer {Position}{(Kind is null ? "" : $" ({Kind})")} is {found.GetRawText()}; expected {expected}");
}
