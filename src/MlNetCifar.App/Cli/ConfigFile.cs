using System.Text.Json;

namespace MlNetCifar.App.Cli;

/// <summary>A file of settings: one flat JSON object, names in kebab-case. A run's args.json is one.</summary>
internal static class ConfigFile
{
    /// <summary>Name under which args.json keeps the command; no setting.</summary>
    public const string Verb = "verb";

    /// <summary>Name under which args.json keeps the version of the program; no setting.</summary>
    public const string Version = "program-version";

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="known">Names that there may be.</param>
    /// <returns>Name and text of each value; nulls are left out.</returns>
    public static Dictionary<string, string> Read(string path, IReadOnlyCollection<string> known)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw CliErrors.ConfigFile(path, "This is no JSON object.");
            var values = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null))
                values[property.Name] = Text(path, property);
            var version = values.GetValueOrDefault(Version);
            values.Remove(Version);
            values.Remove(Verb);
            return values.Keys.FirstOrDefault(name => !known.Contains(name)) is { } unknown ? throw CliErrors.UnknownSetting(path, unknown, version, known) : values;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CliErrors.ConfigFile(path, $"The file cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
        catch (JsonException e)
        {
            throw CliErrors.ConfigFile(path, $"This is not JSON ({e.Message.TrimEnd('.')}).", e);
        }
    }

    static string Text(string path, JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.String => property.Value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => property.Value.GetRawText(),
        _ => throw CliErrors.ConfigFile(path, $"'{property.Name}' is neither text nor number nor true nor false."),
    };
}
