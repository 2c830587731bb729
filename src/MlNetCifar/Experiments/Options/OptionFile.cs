using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>A file of options: one flat JSON object, names in kebab-case. A run's <c>args.json</c> is one.</summary>
internal static class OptionFile
{
    /// <summary>Name under which <c>args.json</c> keeps the command; no option.</summary>
    const string Verb = "verb";

    /// <summary>Name under which <c>args.json</c> keeps the version of the program; no option.</summary>
    const string Version = "program-version";

    static readonly JsonWriterOptions s_indented = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a file; nulls are left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">All options that it may name.</param>
    /// <exception cref="MlNetCifarException">It cannot be read, is no flat JSON object, or names an unknown option (MNC9003).</exception>
    public static OptionSource Read(string path, IEnumerable<OptionDescription> options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        var values = Values(path);
        values.Remove(Verb);
        values.Remove(Version, out var version);
        var known = options.Select(option => option.Name).ToHashSet(StringComparer.Ordinal);
        if (values.Keys.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            throw OptionErrors.Unknown(path, unknown, version, known);
        return new OptionSource(option => values.GetValueOrDefault(option.Name), option => $"'{option.Name}' in {path}");
    }

    /// <summary>The command that a run's <c>args.json</c> is of; null where there is no such file, or nothing in it says so.</summary>
    public static string? VerbOf(string path) => File.Exists(path) ? Values(path).GetValueOrDefault(Verb) : null;

    /// <summary>Writes a value as JSON: numbers and truth values as such, all else as the text that its reader takes back; logins and tokens in addresses are masked.</summary>
    /// <param name="json">An object under way.</param>
    /// <param name="name">Name of the member.</param>
    /// <param name="value">A value of an option, or null.</param>
    public static void WriteValue(Utf8JsonWriter json, string name, object? value)
    {
        ArgumentNullException.ThrowIfNull(json);
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case int or ulong or float or double:
                json.WritePropertyName(name);
                json.WriteRawValue(OptionText.Of(value));
                break;
            default:
                json.WriteString(name, Secrets.InAddress(OptionText.Of(value)));
                break;
        }
    }

    /// <summary>Writes args.json.</summary>
    internal static void Write(Stream stream, string verb, IEnumerable<(OptionDescription Option, object? Value)> values) => WriteObject(stream, json =>
    {
        json.WriteString(Verb, verb);
        json.WriteString(Version, FileOrigin.Current);

        // Null is not read back and stands for the default, which may be a recipe's: a "none" is written by its name.
        foreach (var (option, value) in values)
            WriteValue(json, option.Name, value is null && option.AllowsNone ? OptionText.Of(value) : value);
    });

    /// <summary>Writes one indented object.</summary>
    internal static void WriteObject(Stream stream, Action<Utf8JsonWriter> members)
    {
        using (var json = new Utf8JsonWriter(stream, s_indented))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    static Dictionary<string, string> Values(string path)
    {
        try
        {
            // Some editors begin every file with a mark of its encoding.
            var text = File.ReadAllBytes(path).AsMemory();
            using var document = JsonDocument.Parse(
                text.Span.StartsWith("\uFEFF"u8) ? text[3..] : text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw OptionErrors.File(path, "This is no JSON object.");
            var values = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null))
                values[property.Name] = Text(path, property);
            return values;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw OptionErrors.File(path, $"The file cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
        catch (JsonException e)
        {
            throw OptionErrors.File(path, $"This is not JSON ({e.Message.TrimEnd('.')}).", e);
        }
    }

    static string Text(string path, JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.String => property.Value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => property.Value.GetRawText(),
        _ => throw OptionErrors.File(path, $"'{property.Name}' is neither text nor number nor true nor false."),
    };
}
