using System.Collections.Immutable;
using System.Text.Json;

namespace MlNetCifar.Tuning;

/// <summary>How a trial ended, as JSON: in the journal, and between processes.</summary>
internal static class TrialRecord
{
    const string Cost = "cost";

    /// <summary>Writes the members of an object.</summary>
    public static void Write(Utf8JsonWriter json, TrialResult result)
    {
        json.WriteString("state", result.State.ToString());
        if (double.IsFinite(result.Metric))
            json.WriteNumber("metric", result.Metric);
        if (double.IsFinite(result.Loss))
            json.WriteNumber("loss", result.Loss);
        json.WriteNumber("milliseconds", Math.Round(result.DurationInMilliseconds, 3));
        if (result.Error is not null)
            json.WriteString("error", result.Error);
        if (!result.Right.IsEmpty)
            json.WriteBase64String("right", result.Right.AsSpan());
        if (result.Cost is not { } cost)
            return;
        json.WriteStartObject(Cost);
        json.WriteNumber("parameters", cost.Parameters);
        json.WriteNumber("milliseconds", cost.Milliseconds);
        json.WriteNumber("memory", cost.Memory);
        json.WriteEndObject();
    }

    /// <summary>Reads them.</summary>
    /// <exception cref="KeyNotFoundException">One is missing.</exception>
    /// <exception cref="InvalidOperationException">One is of the wrong kind.</exception>
    public static TrialResult Read(JsonElement record, TrialSettings settings, ImmutableArray<double> curve) => new()
    {
        TrialSettings = settings,
        State = Enum.Parse<TrialState>(record.GetProperty("state").GetString()!),
        Metric = Number(record, "metric"),
        Loss = Number(record, "loss"),
        DurationInMilliseconds = record.GetProperty("milliseconds").GetDouble(),
        Error = record.TryGetProperty("error", out var error) ? error.GetString() : null,
        Curve = curve,
        Right = record.TryGetProperty("right", out var right) ? [.. right.GetBytesFromBase64()] : [],
        Cost = record.TryGetProperty(Cost, out var cost)
            ? new(cost.GetProperty("parameters").GetInt64(), cost.GetProperty("milliseconds").GetDouble(), cost.GetProperty("memory").GetInt64())
            : null,
    };

    static double Number(JsonElement record, string name) => record.TryGetProperty(name, out var value) ? value.GetDouble() : double.NaN;
}
