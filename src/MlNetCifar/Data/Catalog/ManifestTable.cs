using System.Text;
using System.Text.Json;

namespace MlNetCifar.Data;

/// <summary>A row of a manifest.</summary>
/// <param name="Row">Line of the file, 1-based, for messages.</param>
/// <param name="FileName">As written.</param>
/// <param name="Label">As written.</param>
/// <param name="Split">As written; null where there is no such column or the cell is empty.</param>
internal sealed record ManifestRow(int Row, string FileName, string Label, string? Split);

/// <summary>
/// Reads CSV (RFC 4180, with a header; separated by commas, semicolons or tabs) and JSON-lines manifests with the columns <c>file_name</c>, <c>label</c> and optionally
/// <c>split</c>, or others that are known to mean the same.
/// </summary>
internal static class ManifestTable
{
    static readonly string[] s_files = ["file_name", "filename", "file", "path", "filepath", "file_path", "image", "image_path", "image_name", "img"];
    static readonly string[] s_labels = ["label", "class", "class_name", "category", "target"];
    static readonly string[] s_splits = ["split", "subset", "set"];

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

        return IsCsv(path) ? ReadCsv(text, path) : ReadJson(text, path);
    }

    /// <summary>Whether a manifest names both files and labels, so that it can stand for the folders.</summary>
    public static bool HasColumns(ReadOnlySpan<byte> file, string path)
    {
        var text = Encoding.UTF8.GetString(file).TrimStart('\uFEFF');
        if (!IsCsv(path))
            return FirstObject(text) is not { } keys || (Find(keys, s_files) >= 0 && Find(keys, s_labels) >= 0);
        var (header, _) = ParseHeader(text, path);
        return Find(header, s_files) >= 0 && Find(header, s_labels) >= 0;
    }

    /// <summary>Splits CSV text into records; quoted cells may hold separators, quotes (doubled) and line breaks.</summary>
    public static List<(int Line, List<string> Cells)> ParseCsv(string text, string path, char separator = ',')
    {
        var records = new List<(int, List<string>)>();
        var cells = new List<string>();
        var cell = new StringBuilder();
        var (line, start) = (1, 1);
        for (var i = 0; i < text.Length;)
        {
            if (text[i] == '"' && cell.Length == 0)
                i = Quoted(text, i + 1, cell, path, ref line);
            while (i < text.Length && text[i] != separator && text[i] is not ('\n' or '\r'))
                cell.Append(text[i++]);
            cells.Add(cell.ToString());
            cell.Clear();
            if (i < text.Length && text[i] == separator && ++i < text.Length)
                continue;
            if (i == text.Length && text[^1] == separator)
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

    static bool IsCsv(string path) => Path.GetExtension(path).Equals(".csv", StringComparison.OrdinalIgnoreCase);

    static List<ManifestRow> ReadCsv(string text, string path)
    {
        var (header, separator) = ParseHeader(text, path);
        if (header.Count == 0)
            throw DataErrors.Manifest(path, 1, "The file is empty.");
        var (file, label, split) = (Find(header, s_files), Find(header, s_labels), Find(header, s_splits));
        if (file < 0 || label < 0)
            throw DataErrors.Manifest(
                path, 1, $"The header is '{string.Join(separator, header)}', expected at least 'file_name,label'. Files may also be called {Known(s_files)}, labels {Known(s_labels)}, and splits, if any, {Known(s_splits)}.");
        var rows = new List<ManifestRow>();
        foreach (var (line, cells) in ParseCsv(text, path, separator).Skip(1))
        {
            if (cells.Count != header.Count)
                throw DataErrors.Manifest(path, line, $"The row has {cells.Count} cells, the header {header.Count}.");
            rows.Add(Row(line, cells[file], cells[label], split < 0 ? null : cells[split], path));
        }

        return rows;
    }

    static string Known(string[] names) => string.Join(", ", names.Skip(1));

    static int Find(List<string> header, string[] names) => names.Select(n => header.IndexOf(n)).FirstOrDefault(i => i >= 0, -1);

    static (List<string> Header, char Separator) ParseHeader(string text, string path)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        var line = end < 0 ? text : text[..end];
        foreach (var separator in ",;\t")
        {
            if (ParseCsv(line, path, separator) is [var (_, cells), ..] && (cells.Count > 1 || separator == '\t'))
                return (cells.ConvertAll(c => c.Trim().ToLowerInvariant()), separator);
        }

        return ([], ',');
    }

    static ManifestRow Row(int line, string file, string label, string? split, string path)
    {
        (file, label, split) = (file.Trim(), label.Trim(), split?.Trim());
        if (file.Length == 0)
            throw DataErrors.Manifest(path, line, "The file name is empty.");
        if (label.Length == 0)
            throw DataErrors.Manifest(path, line, "The label is empty.");
        return new(line, file, label, split is "" ? null : split);
    }

    static List<string>? FirstObject(string text)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                return json.RootElement.ValueKind == JsonValueKind.Object ? [.. json.RootElement.EnumerateObject().Select(p => p.Name)] : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }

        return null;
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
                || Property(root, s_files) is not { ValueKind: JsonValueKind.String } file
                || Property(root, s_labels) is not { ValueKind: JsonValueKind.String or JsonValueKind.Number } label)
                throw DataErrors.Manifest(path, line, "Expected an object with 'file_name' (a string) and 'label' (a string or number).");
            return Row(line, file.GetString()!, label.ToString(), Property(root, s_splits) is { ValueKind: JsonValueKind.String } split ? split.GetString() : null, path);
        }
        catch (JsonException e)
        {
            throw DataErrors.Manifest(path, line, $"This is not JSON ({e.Message.TrimEnd('.')}).");
        }
    }

    static JsonElement? Property(JsonElement row, string[] names)
    {
        foreach (var name in names)
        {
            if (row.TryGetProperty(name, out var value))
                return value;
        }

        return null;
    }
}
