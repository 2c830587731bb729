using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Inference;

/// <summary>A calibration as a JSON object, for the model file.</summary>
public static class CalibrationJson
{
    /// <summary>Writes the object, braces included.</summary>
    /// <param name="json">Stands where a value may be written.</param>
    /// <param name="model">The calibration.</param>
    public static void Write(Utf8JsonWriter json, CalibrationModel model)
    {
        json.WriteStartObject();
        json.WriteNumber("temperature", model.Temperature.Temperature);
        WriteNumber(json, "logLossBefore", model.Temperature.LogLossBefore);
        WriteNumber(json, "logLossAfter", model.Temperature.LogLossAfter);
        json.WriteString("conformalMethod", model.Sets.Method.ToString());
        json.WriteNumber("conformalCoverage", model.Sets.Coverage);
        WriteNumber(json, "conformalQuantile", model.Sets.Quantile);
        WriteNumber(json, "abstainThreshold", model.Abstain.Threshold);
        WriteNumber(json, "abstainCoverage", model.Abstain.Coverage);
        WriteNumber(json, "abstainAccuracy", model.Abstain.Accuracy);
        WriteNumber(json, "abstainAccuracyLower", model.Abstain.AccuracyInterval.Lower);
        WriteNumber(json, "abstainAccuracyUpper", model.Abstain.AccuracyInterval.Upper);
        WriteNumber(json, "abstainAccuracyLevel", model.Abstain.AccuracyInterval.Level);
        WriteNumber(json, "energyThreshold", model.EnergyThreshold);
        if (model.Views != 1)
            json.WriteNumber("views", model.Views);
        WriteRule(json, "features", model.Features);
        WriteRule(json, "texture", model.Texture);
        json.WriteEndObject();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="json">The object.</param>
    /// <exception cref="MlNetCifarException">A field is missing or has the wrong type (MNC5008).</exception>
    public static CalibrationModel Read(JsonElement json)
    {
        try
        {
            return new CalibrationModel(
                new TemperatureScaling(Number(json, "temperature"), Number(json, "logLossBefore"), Number(json, "logLossAfter")),
                new ConformalSets(
                    Enum.Parse<ConformalMethod>(json.GetProperty("conformalMethod").GetString()!), Number(json, "conformalCoverage"), Number(json, "conformalQuantile")),
                new AbstainRule(
                    Number(json, "abstainThreshold"), Number(json, "abstainCoverage"), Number(json, "abstainAccuracy"),
                    new Interval(Number(json, "abstainAccuracyLower"), Number(json, "abstainAccuracyUpper"), Number(json, "abstainAccuracyLevel"))),
                Number(json, "energyThreshold"))
            {
                Views = json.TryGetProperty("views", out var views) ? views.GetInt32() : 1,
                Features = Rule(json, "features"),
                Texture = Rule(json, "texture"),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or ArgumentException or FormatException)
        {
            throw EvaluationErrors.DamagedCalibration(e);
        }
    }

    /// <summary>The arrays travel as base64 (URL alphabet) of little-endian 32-bit floats.</summary>
    static void WriteRule(Utf8JsonWriter json, string name, ForeignRule? rule)
    {
        if (rule is null)
            return;
        json.WriteStartObject(name);
        json.WriteNumber("dimension", rule.Distance.Dimension);
        json.WriteString("means", Base64Url.EncodeToString(MemoryMarshal.AsBytes(rule.Distance.Means)));
        json.WriteString("whitening", Base64Url.EncodeToString(MemoryMarshal.AsBytes(rule.Distance.Whitening)));
        WriteNumber(json, "threshold", rule.Threshold);
        json.WriteEndObject();
    }

    /// <summary>Models of earlier versions have no rules.</summary>
    static ForeignRule? Rule(JsonElement json, string name) => !json.TryGetProperty(name, out var rule) ? null : new ForeignRule(
        FeatureDistance.Restore(rule.GetProperty("dimension").GetInt32(), Floats(rule, "means"), Floats(rule, "whitening")), Number(rule, "threshold"));

    static float[] Floats(JsonElement json, string name) =>
        MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(json.GetProperty(name).GetString())).ToArray();

    /// <summary>JSON has no infinities and no NaN; they travel as text.</summary>
    static void WriteNumber(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteString(name, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }

    static double Number(JsonElement json, string name)
    {
        var value = json.GetProperty(name);
        return value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : value.GetString() switch
            {
                "NaN" => double.NaN,
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                var text => throw new FormatException($"'{text}' is no number."),
            };
    }
}
