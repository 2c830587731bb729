using System.Text;
using System.Text.Json;

namespace MlNetCifar.Data;

/// <summary>A row of a manifest.</summary>
/// <param name="Row">Line of the file, 1-based, for messages.</param>
/// <param name="FileName">As written.</param>
/// <param name="Label">As written.</param>
/// <param name="Split">As written; null where there is no such column or the cell is empty.</param>
internal sealed record ManifestRow(int Row, string FileName, string Label, string? Split);

/// <summary>Reads CSV (RFC 4180, with a header) and JSON-lines manifests with the columns <c>file_name</c>, <c>label</c> and optionally <c>split</c>.</summary>
internal static class ManifestTable
{
    /// <summary>Whether a file is a manifest by its extension.</summary>
    public static bool IsManifest(string path) => Path.GetExtension(path).ToLowerInvariant() is ".csv" or ".jsonl";

    /// <summary>Reads all rows.</summary>
    public static List<ManifestRow> Read(ReadOnlySpan<byte> file, string path)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw DataErrors.Manifest(path, 1, "The file is not UTF-8.");
        }

        return Path.GetExtension(path).Equals(".csv", StringComparison.OrdinalIgnoreCase) ? ReadCsv(text, path) : ReadJson(text, path);
    }

    /// <summary>Splits CSV text into records; quoted cells may hold commas, quotes (doubled) and line breaks.</summary>
    public static List<(int Line, List<string> Cells)> ParseCsv(string text, string path)
    {
        var records = new List<(int, List<string>)>();
        var cells = new List<string>();
        var cell = new StringBuilder();
        var (line, start) = (1, 1);
        for (var i = 0; i < text.Length;)
        {
            if (text[i] == '"' && cell.Length == 0)
                i = Quoted(text, i + 1, cell, path, ref line);
            while (i < text.Length && text[i] is not (',' or '\n' or '\r'))
                cell.Append(text[i++]);
            cells.Add(cell.ToString());
            cell.Clear();
            if (i < text.Length && text[i] == ',' && ++i < text.Length)
                continue;
            if (i == text.Length && text[^1] == ',')
                cells.Add("");
            i += i + 1 < text.Length && text[i] == '\r' && text[i + 1] == '\n' ? 2 : 1;
            if (cells is not [""])
                records.Add((start, cells));
            cells = [];
            start = ++line;
        }

        return records;
    }

    static int Quoted(string text, int i, StringBuilder cell, string path, ref int line)
    {
        var start = line;
        for (; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                if (i + 1 == text.Length || text[i + 1] != '"')
                    return i + 1;
                i++;
            }

            line += text[i] == '\n' ? 1 : 0;
            cell.Append(text[i]);
        }

        throw DataErrors.Manifest(path, start, "A quoted cell is not closed.");
    }

    static List<ManifestRow> ReadCsv(string text, string path)
    {
        var records = ParseCsv(text, path);
        if (records.Count == 0)
            throw DataErrors.Manifest(path, 1, "The file is empty.");
        var header = records[0].Cells.ConvertAll(c => c.Trim().ToLowerInvariant());
        var (file, label, split) = (header.IndexOf("file_name"), header.IndexOf("label"), header.IndexOf("split"));
        if (file < 0 || label < 0)
            throw DataErrors.Manifest(path, 1, $"The header is '{string.Join(',', header)}', expected at least 'file_name,label'.");
        var rows = new List<ManifestRow>(records.Count);
        foreach (var (line, cells) in records.Skip(1))
        {
            if (cells.Count != header.Count)
                throw DataErrors.Manifest(path, line, $"The row has {cells.Count} cells, the header {header.Count}.");
            rows.Add(new(line, cells[file], cells[label].Trim(), split < 0 || cells[split].Length == 0 ? null : cells[split].Trim()));
        }

        return rows;
    }

    static List<ManifestRow> ReadJson(string text, string path)
    {
        var rows = new List<ManifestRow>();
        var line = 0;
        foreach (var range in text.AsSpan().Split('\n'))
        {
            line++;
            var json = text[range].Trim();
            if (json.Length > 0)
                rows.Add(ReadJsonRow(json, path, line));
        }

        return rows;
    }

    static ManifestRow ReadJsonRow(string json, string path, int line)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("file_name", out var file) || file.ValueKind != JsonValueKind.String
                || !root.TryGetProperty("label", out var label) || label.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
                throw DataErrors.Manifest(path, line, "Expected an object with 'file_name' (a string) and 'label' (a string or number).");
            var split = root.TryGetProperty("split", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            return new(line, file.GetString()!, label.ToString(), split);
        }
        catch (JsonException e)
        {
            throw DataErrors.Manifest(path, line, $"This is not JSON ({e.Message.TrimEnd('.')}).");
        }
    }
}
