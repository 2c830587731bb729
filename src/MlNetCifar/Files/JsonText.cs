using System.Text;
using System.Text.Json;

namespace MlNetCifar.Files;

/// <summary>Small JSON objects made in memory.</summary>
internal static class JsonText
{
    /// <summary>An object as text.</summary>
    /// <param name="members">Writes what is in it.</param>
    public static string Object(Action<Utf8JsonWriter> members) => Encoding.UTF8.GetString(Bytes(members));

    /// <summary>An object as UTF-8.</summary>
    /// <param name="members">Writes what is in it.</param>
    public static byte[] Bytes(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
