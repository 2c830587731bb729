using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Evaluation;
using MlNetCifar.Files;

namespace MlNetCifar.Inference;

/// <summary>A calibration as a JSON object, for the model file.</summary>
internal static class CalibrationJson
{
    /// <summary>Writes the object, braces included.</summary>
    /// <param name="json">Stands where a value may be written.</param>
    /// <param name="model">The calibration.</param>
    public static void Write(Utf8JsonWriter json, CalibrationModel model)
    {
        json.WriteStartObject();
        json.WriteNumber("temperature", model.Temperature);
        WriteNumber(json, "logLossBefore", model.Scaling.LogLossBefore);
        WriteNumber(json, "logLossAfter", model.Scaling.LogLossAfter);
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
    /// <exception cref="MlNetCifarException">A field is missing or has the wrong type (MNC5008), or is unknown (MNC1101).</exception>
    public static CalibrationModel Read(JsonElement json)
    {
        try
        {
            return JsonFields.Read(json, FileOrigin.Of(json, null), Read);
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            throw EvaluationErrors.DamagedCalibration(e);
        }
    }

    /// <summary>Reads a calibration within a file: what it does not say withholds no answer.</summary>
    internal static CalibrationModel Read(JsonFields fields)
    {
        var options = new CalibrationOptions();
        var never = AbstainRule.Never;
        var temperature = Number(fields, "temperature");
        if (!double.IsFinite(temperature) || temperature <= 0)
            throw fields.Wrong("temperature", "is not above 0");
        return new CalibrationModel(
            new TemperatureScaling(temperature, Number(fields, "logLossBefore", double.NaN), Number(fields, "logLossAfter", double.NaN)),
            new ConformalSets(
                fields.Name("conformalMethod", options.Method), Number(fields, "conformalCoverage", options.Coverage), Number(fields, "conformalQuantile")),
            new AbstainRule(
                Number(fields, "abstainThreshold", never.Threshold), Number(fields, "abstainCoverage", never.Coverage),
                Number(fields, "abstainAccuracy", never.Accuracy),
                new Interval(
                    Number(fields, "abstainAccuracyLower", never.AccuracyInterval.Lower), Number(fields, "abstainAccuracyUpper", never.AccuracyInterval.Upper),
                    Number(fields, "abstainAccuracyLevel", never.AccuracyInterval.Level))),
            Number(fields, "energyThreshold", double.PositiveInfinity))
        {
            Views = fields.Int("views", 1),
            Features = fields.ObjectOrNull("features", Rule),
            Texture = fields.ObjectOrNull("texture", Rule),
        };
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

    static ForeignRule Rule(JsonFields fields) =>
        new(FeatureDistance.Restore(fields.Int("dimension"), Floats(fields, "means"), Floats(fields, "whitening")), Number(fields, "threshold"));

    static float[] Floats(JsonFields fields, string name)
    {
        var text = fields.Text(name);
        return Base64Url.IsValid(text) ? MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(text)).ToArray() : throw fields.Wrong(name, "is no base64");
    }

    /// <summary>JSON has no infinities and no NaN; they travel as text.</summary>
    static void WriteNumber(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteString(name, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }

    static double Number(JsonFields fields, string name, double? missing = null) => fields.Value(
        name,
        value => value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : value.GetString() switch
            {
                "NaN" => double.NaN,
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                _ => throw new FormatException(),
            },
        missing);
}
