using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace MlNetCifar.Files;

/// <summary>
/// The properties of one JSON object, read so that formats can grow: what is missing, or null, has the default that the reader names, so that older
/// files stay readable, and what the reader did not ask for is refused by name (MNC1101), not passed over. Whatever else is wrong is a
/// <see cref="JsonException"/> that names the property.
/// </summary>
internal sealed class JsonFields
{
    readonly JsonElement _json;
    readonly string _place;
    readonly HashSet<string> _asked = [];

    JsonFields(JsonElement json, FileOrigin origin, string place)
    {
        (_json, Origin, _place) = (json, origin, place);
        if (json.ValueKind != JsonValueKind.Object)
            throw new JsonException(place.Length == 0 ? "It is no JSON object." : $"'{place}' is no object.");
        if (place.Length == 0)
            Ignore(FileOrigin.Property);
    }

    /// <summary>The file, named in errors.</summary>
    public FileOrigin Origin { get; }

    /// <summary>Reads an outermost object.</summary>
    /// <param name="json">The object.</param>
    /// <param name="origin">Named in errors.</param>
    /// <param name="read">Asks for every property that there may be.</param>
    /// <exception cref="MlNetCifarException">There is another property (MNC1101).</exception>
    /// <exception cref="JsonException">A property without a default is missing, or one is of the wrong kind.</exception>
    public static T Read<T>(JsonElement json, FileOrigin origin, Func<JsonFields, T> read) => Read(json, origin, "", read);

    /// <summary>A whole number.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public int Int(string name, int? missing = null) => Value(name, e => e.GetInt32(), missing);

    /// <summary>A 32-bit float.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public float Real(string name, float? missing = null) => Value(name, e => e.GetSingle(), missing);

    /// <summary>Whether something is so.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public bool Flag(string name, bool? missing = null) => Value(name, e => e.GetBoolean(), missing);

    /// <summary>A value of an enumeration, written as its name.</summary>
    /// <param name="name">Of the property.</param>
    public T Name<T>(string name)
        where T : struct, Enum
        => Value<T>(name, Named<T>);

    /// <summary>A value of an enumeration, written as its name.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="missing">Its default.</param>
    public T Name<T>(string name, T missing)
        where T : struct, Enum
        => Value(name, Named<T>, missing);

    /// <summary>A text.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public string Text(string name, string? missing = null) => Has(name, missing is null) ? Read(name, e => e.GetString()!) : missing!;

    /// <summary>Any other single value.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public T Value<T>(string name, Func<JsonElement, T> read, T? missing = null)
        where T : struct
        => Has(name, missing is null) ? Read(name, read) : missing!.Value;

    /// <summary>An array of single values.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="read">Reads one.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public T[] List<T>(string name, Func<JsonElement, T> read, T[]? missing = null) =>
        Has(name, missing is null) ? [.. Elements(name).Select(e => Read(e.Place, e.Value, read))] : missing!;

    /// <summary>An array of objects.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="read">Reads one.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public T[] Objects<T>(string name, Func<JsonFields, T> read, T[]? missing = null) =>
        Has(name, missing is null) ? [.. Elements(name).Select(e => Read(e.Value, Origin, e.Place, read))] : missing!;

    /// <summary>An object.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="read">Reads it.</param>
    public T Object<T>(string name, Func<JsonFields, T> read)
    {
        Has(name, needed: true);
        return Read(_json.GetProperty(name), Origin, Place(name), read);
    }

    /// <summary>An object that need not be there.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="read">Reads it.</param>
    /// <returns>Null where it is missing.</returns>
    public T? ObjectOrNull<T>(string name, Func<JsonFields, T> read)
        where T : class
        => Has(name, needed: false) ? Object(name, read) : null;

    /// <summary>A record, or a list of them, read by its description.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="type">The description.</param>
    /// <param name="missing">Its default; null where it has none.</param>
    public T Record<T>(string name, JsonTypeInfo<T> type, T? missing = null)
        where T : class
        => Has(name, missing is null) ? JsonRecords.Read(_json.GetProperty(name), type, Origin, Place(name), null) : missing!;

    /// <summary>Whether a property is there and not null.</summary>
    /// <param name="name">Of the property.</param>
    public bool Has(string name) => Has(name, needed: false);

    /// <summary>Names properties that may be there and are not read: other programs do.</summary>
    /// <param name="names">Of the properties.</param>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            _asked.Add(name);
    }

    /// <summary>A fault of a property, for readers that know more of it than its kind.</summary>
    /// <param name="name">Of the property.</param>
    /// <param name="fault">What is wrong, to be read after "The property 'x' ".</param>
    public JsonException Wrong(string name, string fault) => Wrong(Place(name), null, fault);

    JsonException Wrong(string place, Exception? cause, string fault)
    {
        var writer = Origin.Version is { } version && version != FileOrigin.Current ? $"; version {version} of the program wrote it" : "";
        return new JsonException($"The property '{place}' {fault}{writer}.", cause);
    }

    static T Read<T>(JsonElement json, FileOrigin origin, string place, Func<JsonFields, T> read)
    {
        var fields = new JsonFields(json, origin, place);
        var result = read(fields);
        foreach (var property in json.EnumerateObject())
        {
            if (!fields._asked.Contains(property.Name))
                throw FileErrors.UnknownProperty(fields.Place(property.Name), origin);
        }

        return result;
    }

    T Read<T>(string name, Func<JsonElement, T> read) => Read(Place(name), _json.GetProperty(name), read);

    T Read<T>(string place, JsonElement value, Func<JsonElement, T> read)
    {
        try
        {
            return read(value);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException)
        {
            throw Wrong(place, e, $"cannot be {value.GetRawText()}");
        }
    }

    static T Named<T>(JsonElement value)
        where T : struct, Enum
        => Enum.TryParse(value.GetString(), out T result) && Enum.IsDefined(result) ? result : throw new FormatException();

    IEnumerable<(string Place, JsonElement Value)> Elements(string name)
    {
        var array = _json.GetProperty(name);
        return array.ValueKind == JsonValueKind.Array
            ? array.EnumerateArray().Select((value, i) => ($"{Place(name)}[{i}]", value))
            : throw Wrong(name, "is no array");
    }

    bool Has(string name, bool needed)
    {
        _asked.Add(name);
        var has = _json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;
        return has || !needed ? has : throw Wrong(name, "is missing");
    }

    string Place(string name) => _place.Length == 0 ? name : $"{_place}.{name}";
}
