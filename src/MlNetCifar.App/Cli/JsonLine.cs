using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace MlNetCifar.App.Cli;

/// <summary>Prints one JSON object a line.</summary>
internal static class JsonLine
{
    static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints an object.</summary>
    /// <param name="writer">Where.</param>
    /// <param name="members">Writes its members.</param>
    public static void Write(TextWriter writer, Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        writer.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>Writes a number; null where it is none.</summary>
    public static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
