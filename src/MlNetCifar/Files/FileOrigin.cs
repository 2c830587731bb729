using System.Reflection;
using System.Text.Json;

namespace MlNetCifar.Files;

/// <summary>Where a file of this program lies, and which version of the program wrote it.</summary>
/// <param name="Path">Named in errors; null for none.</param>
/// <param name="Version">Of the program that wrote it; null in files from before it was recorded.</param>
internal sealed record FileOrigin(string? Path, string? Version)
{
    /// <summary>The property that holds the version, in the outermost object of every JSON that this program writes for itself.</summary>
    public const string Property = "program_version";

    /// <summary>The version of this program.</summary>
    public static string Current { get; } =
        typeof(FileOrigin).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>The origin that a file states itself.</summary>
    /// <param name="json">Its outermost object.</param>
    /// <param name="path">Named in errors; null for none.</param>
    public static FileOrigin Of(JsonElement json, string? path) => new(path, json.ValueKind == JsonValueKind.Object ? VersionOf(json) : null);

    static string? VersionOf(JsonElement json) =>
        json.TryGetProperty(Property, out var version) && version.ValueKind == JsonValueKind.String ? version.GetString() : null;
}
