using System.Collections.Immutable;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Nn;

/// <summary>The JSON form of a network description, as model files hold it. Each layer writes and reads its own properties.</summary>
internal static class NetworkJson
{
    /// <summary>The property of any layer that has a name of its own in weight files.</summary>
    public const string WeightName = "weight_name";

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
    /// <param name="origin">Named in errors.</param>
    /// <exception cref="MlNetCifarException">
    /// It is no description (MNC2005), names a kind of layer that is not registered (MNC2007) or a property that is not known (MNC1101), or is no valid network
    /// (MNC2001 … MNC2003, MNC2008).
    /// </exception>
    public static NetworkSpec Read(JsonElement json, FileOrigin origin)
    {
        try
        {
            return JsonFields.Read(json, origin, Read);
        }
        catch (JsonException e)
        {
            throw NetworkErrors.Description(e.Message.TrimEnd('.'), origin.Path);
        }
    }

    /// <summary>Reads and checks a description inside another object.</summary>
    /// <inheritdoc cref="Read(JsonElement, FileOrigin)" path="/exception"/>
    public static NetworkSpec Read(JsonFields fields)
    {
        try
        {
            var spec = Spec(fields);
            spec.Validate();
            return spec;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw NetworkErrors.Description(e.Message.TrimEnd('.'), fields.Origin.Path);
        }
    }

    /// <summary>Reads a description without asking whether its layers fit.</summary>
    public static NetworkSpec Spec(JsonFields fields) => new()
    {
        Name = fields.Text("name"),
        Height = fields.Int("height"),
        Width = fields.Int("width"),
        Channels = fields.Int("channels"),
        Classes = fields.Int("classes"),
        Loss = fields.Name("loss", LossKind.SoftmaxCrossEntropy),
        Layers = [.. fields.Objects("layers", LayerRegistry.Read)],
    };

    /// <summary>Writes a path of layers.</summary>
    public static void WriteLayers(Utf8JsonWriter json, string name, ImmutableArray<LayerSpec> layers)
    {
        json.WriteStartArray(name);
        foreach (var layer in layers)
        {
            json.WriteStartObject();
            json.WriteString("kind", layer.Kind);
            if (layer.WeightName is { } own)
                json.WriteString(WeightName, own);
            layer.Write(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
