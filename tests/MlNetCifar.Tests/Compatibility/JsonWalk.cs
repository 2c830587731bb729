using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>Every place of a JSON document, and copies of it that differ in one.</summary>
static partial class JsonWalk
{
    /// <summary>Places of all properties, for example <c>network.layers[2].stride</c>.</summary>
    public static IEnumerable<string> Properties(JsonNode root) => Places(root, "").Where(p => p.Length > 0 && p[^1] != ']');

    /// <summary>Places of all objects; the outermost is empty.</summary>
    public static IEnumerable<string> Objects(JsonNode root) => Places(root, "").Where(p => Find(root, p) is JsonObject);

    /// <summary>A copy without one property.</summary>
    public static JsonNode Without(JsonNode root, string place)
    {
        var copy = root.DeepClone();
        var (parent, name) = Split(place);
        Find(copy, parent)!.AsObject().Remove(name);
        return copy;
    }

    /// <summary>A copy with one property more, or another value of it.</summary>
    public static JsonNode With(JsonNode root, string place, JsonNode? value)
    {
        var copy = root.DeepClone();
        var (parent, name) = Split(place);
        Find(copy, parent)![name] = value;
        return copy;
    }

    /// <summary>What is at a place; null for nothing.</summary>
    public static JsonNode? Find(JsonNode root, string place) => Step().Matches(place).Aggregate(
        (JsonNode?)root, (node, step) => step.Groups[1].Success ? node?[int.Parse(step.Groups[1].ValueSpan)] : node?[step.Value]);

    /// <summary>A place with the numbers of elements left out: <c>network.layers[].stride</c>.</summary>
    public static string Pattern(string place) => Index().Replace(place, "[]");

    /// <summary>The place of a property of an object.</summary>
    public static string Join(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";

    static (string Parent, string Name) Split(string place) =>
        place.LastIndexOf('.') is var dot and > 0 ? (place[..dot], place[(dot + 1)..]) : ("", place);

    static IEnumerable<string> Places(JsonNode? node, string place) => node switch
    {
        JsonObject o => o.SelectMany(p => Places(p.Value, Join(place, p.Key))).Prepend(place),
        JsonArray a => a.SelectMany((e, i) => e is JsonObject ? Places(e, $"{place}[{i}]") : []).Prepend(place),
        _ => [place],
    };

    [GeneratedRegex(@"\[(\d+)\]|[^.\[\]]+")]
    private static partial Regex Step();

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex Index();
}
