using System.Text;
using System.Text.Json;

namespace MlNetCifar.Spark.Stage;

/// <summary>JSON as an argument of a command line that goes through a shell: base64 of the alphabet that needs no quotes.</summary>
static class JobArgument
{
    public static string Encode(ReadOnlySpan<byte> json) => Convert.ToBase64String(json).Replace('+', '-').Replace('/', '_');

    /// <exception cref="FormatException">The text is something else.</exception>
    public static T Decode<T>(string text, Func<JsonElement, T> read)
    {
        var bytes = Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/'));
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"This is no job description: {Encoding.UTF8.GetString(bytes)}", e);
        }
    }
}
