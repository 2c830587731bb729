using System.Text.Json;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>A search space in a file.</summary>
internal static class SpaceFile
{
    public static IReadOnlyList<SearchParameter> Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw TuningErrors.File(path, "This is no JSON object.");
            return [.. json.RootElement.EnumerateObject().Select(member => Parameter(path, member))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw TuningErrors.File(path, $"The file cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    static SearchParameter Parameter(string path, JsonProperty member) => member.Value.ValueKind switch
    {
        JsonValueKind.String => SpaceText.Parse(member.Name, member.Value.GetString()!),
        JsonValueKind.Array => SpaceText.List(TunableOptions.Find(member.Name), member.Value.EnumerateArray().Select(value => Text(path, member.Name, value))),
        JsonValueKind.Object => Range(path, member),
        _ => throw TuningErrors.File(path, $"'{member.Name}' is neither a text nor a list nor an object."),
    };

    static SearchParameter Range(string path, JsonProperty member)
    {
        var known = new[] { "min", "max", "log" };
        if (member.Value.EnumerateObject().Select(field => field.Name).FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            throw TuningErrors.File(path, $"'{member.Name}' has the unknown member '{unknown}'; known are {string.Join(", ", known)}.{Spelling.Question(unknown, known)}");
        var log = member.Value.TryGetProperty("log", out var flag) && (flag.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? flag.GetBoolean()
            : throw TuningErrors.File(path, $"'log' of '{member.Name}' is neither true nor false."));
        return SpaceText.Range(TunableOptions.Find(member.Name), End("min"), End("max"), log);

        double End(string name) => member.Value.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : throw TuningErrors.File(path, $"'{member.Name}' has no number '{name}'.");
    }

    static string Text(string path, string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => throw TuningErrors.File(path, $"A value of '{name}' is neither text nor number nor true nor false."),
    };
}
