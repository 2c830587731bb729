using System.Globalization;

namespace MlNetCifar.Files;

/// <summary>Comma-separated values after RFC 4180: UTF-8, line feeds, invariant numbers that read back to the same bits, empty for NaN and null.</summary>
internal static class Csv
{
    public static string Number(double? value) =>
        value is { } number && double.IsFinite(number) ? number.ToString("R", CultureInfo.InvariantCulture) : "";

    public static string Number(float value) => float.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : "NaN";

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Text(string value) =>
        value.AsSpan().ContainsAny(',', '"', '\n') || value.Contains('\r') ? $"\"{value.Replace("\"", "\"\"")}\"" : value;

    public static void Row(TextWriter writer, params ReadOnlySpan<string> cells)
    {
        for (var i = 0; i < cells.Length; i++)
        {
            if (i > 0)
                writer.Write(',');
            writer.Write(cells[i]);
        }

        writer.Write('\n');
    }
}
