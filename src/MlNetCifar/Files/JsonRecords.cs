using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace MlNetCifar.Files;

/// <summary>
/// Reads records by their source-generated descriptions, by the rules of <see cref="JsonFields"/> at every depth. The serialiser alone would refuse
/// an unknown property by the name of a class, and give a missing one zero or null: generated readers pass over the initialisers of properties.
/// </summary>
internal static class JsonRecords
{
    /// <summary>Reads an outermost object.</summary>
    /// <param name="json">The object.</param>
    /// <param name="type">Its description.</param>
    /// <param name="origin">Named in errors.</param>
    /// <param name="missing">Holds the defaults; its values of required properties do not count. Null where constructors hold all of them.</param>
    /// <exception cref="MlNetCifarException">A property is unknown (MNC1101).</exception>
    /// <exception cref="JsonException">A required property is missing, or one is of the wrong kind.</exception>
    public static T Read<T>(JsonElement json, JsonTypeInfo<T> type, FileOrigin origin, T? missing = null)
        where T : class
        => Read(json, type, origin, "", missing);

    /// <summary>Reads a value at <paramref name="place"/>, which is empty for an outermost object.</summary>
    public static T Read<T>(JsonElement json, JsonTypeInfo<T> type, FileOrigin origin, string place, T? missing)
        where T : class
    {
        var defaults = missing is null ? null : JsonSerializer.SerializeToNode(missing, type);
        try
        {
            return Complete(json, type, defaults, origin, place).Deserialize(type) ?? throw new JsonException($"The property '{place}' is null.");
        }
        catch (JsonException e) when (e.Path is { } path)
        {
            throw new JsonException($"The property '{(place + path[1..]).TrimStart('.')}' has a value of the wrong kind.", e);
        }
    }

    static JsonNode? Complete(JsonElement json, JsonTypeInfo type, JsonNode? missing, FileOrigin origin, string place) =>
        (json.ValueKind, type.Kind) switch
        {
            (JsonValueKind.Object, JsonTypeInfoKind.Object) => Object(json, type, missing as JsonObject, origin, place),
            (JsonValueKind.Array, JsonTypeInfoKind.Enumerable) => new JsonArray(
                [.. json.EnumerateArray().Select((e, i) => Complete(e, Element(type), null, origin, $"{place}[{i}]"))]),
            (JsonValueKind.Object, _) => JsonObject.Create(json),
            (JsonValueKind.Array, _) => JsonArray.Create(json),
            _ => JsonValue.Create(json),
        };

    static JsonObject Object(JsonElement json, JsonTypeInfo type, JsonObject? missing, FileOrigin origin, string place)
    {
        var result = new JsonObject();
        foreach (var (name, value) in missing ?? [])
        {
            if (!type.Properties.Any(p => p.Name == name && p.IsRequired))
                result[name] = value?.DeepClone();
        }

        foreach (var property in json.EnumerateObject())
        {
            var inner = Join(place, property.Name);
            if (type.Properties.FirstOrDefault(p => p.Name == property.Name) is { } known)
                result[known.Name] = Complete(property.Value, type.Options.GetTypeInfo(known.PropertyType), missing?[known.Name], origin, inner);
            else if (inner != FileOrigin.Property)
                throw FileErrors.UnknownProperty(inner, origin);
        }

        return type.Properties.FirstOrDefault(p => p.IsRequired && !result.ContainsKey(p.Name)) is { } absent
            ? throw new JsonException($"The property '{Join(place, absent.Name)}' is missing.")
            : result;
    }

    static string Join(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";

    static JsonTypeInfo Element(JsonTypeInfo type) => type.Options.GetTypeInfo(type.ElementType!);
}
