using System.Collections.Immutable;
using System.Text.Json;

namespace MlNetCifar.Nn;

/// <summary>The JSON form of a network description, as model files hold it. Each layer writes and reads its own properties.</summary>
internal static class NetworkJson
{
    public static void Write(Utf8JsonWriter json, NetworkSpec spec)
    {
        json.WriteStartObject();
        json.WriteString("name", spec.Name);
        json.WriteNumber("height", spec.Height);
        json.WriteNumber("width", spec.Width);
        json.WriteNumber("channels", spec.Channels);
        json.WriteNumber("classes", spec.Classes);
        json.WriteString("loss", spec.Loss.ToString());
        WriteLayers(json, "layers", spec.Layers);
        json.WriteEndObject();
    }

    /// <summary>Reads and checks a description.</summary>
    /// <param name="json">The object that <see cref="Write(Utf8JsonWriter, NetworkSpec)"/> wrote.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">It is no description (MNC2005), names a layer that is not registered (MNC2007), or is no valid network (MNC2001 … MNC2003).</exception>
    public static NetworkSpec Read(JsonElement json, string? path)
    {
        NetworkSpec spec;
        try
        {
            spec = new NetworkSpec
            {
                Name = json.GetProperty("name").GetString()!,
                Height = json.GetProperty("height").GetInt32(),
                Width = json.GetProperty("width").GetInt32(),
                Channels = json.GetProperty("channels").GetInt32(),
                Classes = json.GetProperty("classes").GetInt32(),
                Loss = Enum.Parse<LossKind>(json.GetProperty("loss").GetString()!),
                Layers = ReadLayers(json.GetProperty("layers")),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw NetworkErrors.Description(e.Message.TrimEnd('.'), path);
        }

        spec.Validate();
        return spec;
    }

    /// <summary>Writes a path of layers.</summary>
    public static void WriteLayers(Utf8JsonWriter json, string name, ImmutableArray<LayerSpec> layers)
    {
        json.WriteStartArray(name);
        foreach (var layer in layers)
        {
            json.WriteStartObject();
            json.WriteString("kind", layer.Kind);
            layer.Write(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Reads a path of layers.</summary>
    /// <param name="json">The array that <see cref="WriteLayers"/> wrote.</param>
    /// <param name="position">Prefix of positions.</param>
    public static ImmutableArray<LayerSpec> ReadLayers(JsonElement json, string position = "") =>
        [.. json.EnumerateArray().Select((layer, i) => LayerRegistry.Read(new LayerOptions(layer, $"{position}{i + 1}")))];
}
