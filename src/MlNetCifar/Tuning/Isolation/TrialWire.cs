using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlNetCifar.Files;

namespace MlNetCifar.Tuning;

/// <summary>
/// What a sweep and the process of a trial say to each other, a line each: the sweep a request, and <c>go</c> or <c>stop</c> after each step; the process <c>step 3 0.81</c>, and at its end <c>end {…}</c>, <c>failed …</c> or
/// <c>cancelled</c>. A process that ends without such a line has died.
/// </summary>
internal static class TrialWire
{
    public const string Go = "go";
    public const string Stop = "stop";
    public const string Cancelled = "cancelled";
    public const string Step = "step ";

    const string End = "end ";
    const string Failed = "failed ";

    public static string Request(TrialSettings settings) => JsonText.Object(json =>
    {
        json.WriteNumber("trial", settings.TrialId);
        json.WriteStartObject("parameters");
        foreach (var (name, value) in settings.Parameters)
            json.WriteString(name, value);
        json.WriteEndObject();
    });

    /// <summary>Reads a request.</summary>
    /// <param name="line">As <see cref="Request"/> gives it.</param>
    /// <param name="report">Told each step's metric; whether to go on.</param>
    public static TrialSettings Settings(string line, Func<int, double, bool> report)
    {
        using var json = JsonDocument.Parse(line);
        return new(
            json.RootElement.GetProperty("trial").GetInt32(),
            json.RootElement.GetProperty("parameters").EnumerateObject().Select(p => new KeyValuePair<string, string>(p.Name, p.Value.GetString()!)), report);
    }

    public static string OfStep(int step, double metric) => string.Create(CultureInfo.InvariantCulture, $"{Step}{step} {metric:R}");

    public static (int Step, double Metric) ToStep(string line)
    {
        var words = line[Step.Length..].Split(' ');
        return (int.Parse(words[0], CultureInfo.InvariantCulture), double.Parse(words[1], CultureInfo.InvariantCulture));
    }

    public static string OfEnd(TrialResult result) => End + JsonText.Object(json => TrialRecord.Write(json, result));

    /// <summary>How a trial ended; null where the line says nothing of that.</summary>
    public static TrialResult? ToResult(string line, TrialSettings settings)
    {
        if (line.StartsWith(Failed, StringComparison.Ordinal))
            return new() { TrialSettings = settings, Metric = double.NaN, State = TrialState.Failed, Error = JsonNode.Parse(line[Failed.Length..])!.GetValue<string>() };
        if (!line.StartsWith(End, StringComparison.Ordinal))
            return null;
        using var json = JsonDocument.Parse(line[End.Length..]);
        return TrialRecord.Read(json.RootElement, settings, ImmutableArray<double>.Empty);
    }

    /// <summary>An error in one line.</summary>
    public static string OfFailure(Exception e) =>
        $"{Failed}\"{JsonEncodedText.Encode(e is MlNetCifarException known ? $"{known.Code} {known.Message}" : $"{e.GetType().Name}: {e.Message}")}\"";
}
