using System.Text.Encodings.Web;
using System.Text.Json;

namespace MlNetCifar.Data;

/// <summary>
/// <c>files_part_*.txt</c>: UTF-8, LF, one name a line. A name with a line break in it, or a quotation mark at its start, stands there as a JSON string.
/// </summary>
internal static class ShardNames
{
    /// <summary>The line of a name, with its end.</summary>
    public static string Line(string name) =>
        (name.StartsWith('"') || name.AsSpan().ContainsAny('\n', '\r') ? $"\"{JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"" : name) + "\n";

    /// <summary>All names of a file.</summary>
    public static List<string> Read(TextReader file)
    {
        var text = file.ReadToEnd();
        var names = new List<string>();
        foreach (var range in text.AsSpan().Split('\n'))
        {
            if (!range.End.Equals(text.Length) || !text.AsSpan()[range].IsEmpty)
                names.Add(Name(text[range]));
        }

        return names;
    }

    // Earlier versions wrote quotation marks as they are.
    static string Name(string line)
    {
        if (line.Length < 2 || line[0] != '"' || line[^1] != '"')
            return line;
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetString()!;
        }
        catch (JsonException)
        {
            return line;
        }
    }
}
