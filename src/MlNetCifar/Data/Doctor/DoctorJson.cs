using System.Text.Json;

namespace MlNetCifar.Data;

/// <summary>The report as JSON.</summary>
internal static class DoctorJson
{
    public static void Write(DoctorReport report, Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, ManifestJson.Options(indented: true));
        json.WriteStartObject();
        json.WriteString("path", Secrets.InAddress(report.Path));
        json.WriteNumber("count", report.Count);
        json.WriteBoolean("has_errors", report.HasErrors);
        json.WriteStartArray("classes");
        foreach (var name in report.Classes)
            json.WriteStringValue(name);
        json.WriteEndArray();
        json.WriteStartObject("splits");
        foreach (var split in report.Splits)
        {
            json.WriteStartArray(ShardManifest.NameOf(split.Split));
            foreach (var count in split.Classes)
                json.WriteNumberValue(count);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        Range(json, "width", report.Widths);
        Range(json, "height", report.Heights);
        json.WriteStartObject("summary");
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
            json.WriteNumber(Name(group.Key), group.Count());
        json.WriteEndObject();
        json.WriteStartArray("notes");
        foreach (var note in report.Notes)
            json.WriteStringValue(note);
        json.WriteEndArray();
        json.WriteStartArray("findings");
        foreach (var finding in report.Findings)
            Write(json, finding);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A kind's name in JSON: words joined by underscores.</summary>
    public static string Name(FindingKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    static void Range(Utf8JsonWriter json, string name, (int Least, int Median, int Most) range)
    {
        json.WriteStartObject(name);
        json.WriteNumber("min", range.Least);
        json.WriteNumber("median", range.Median);
        json.WriteNumber("max", range.Most);
        json.WriteEndObject();
    }

    static void Write(Utf8JsonWriter json, Finding finding)
    {
        json.WriteStartObject();
        json.WriteString("kind", Name(finding.Kind));
        json.WriteString("severity", finding.Severity.ToString().ToLowerInvariant());
        if (finding.Code is not null)
            json.WriteString("code", finding.Code);
        json.WriteString("message", Secrets.InText(finding.Message));
        json.WriteStartArray("paths");
        foreach (var path in finding.Paths)
            json.WriteStringValue(Secrets.InAddress(path));
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
