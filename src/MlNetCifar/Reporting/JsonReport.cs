using System.Text.Encodings.Web;
using System.Text.Json;
using MlNetCifar.Evaluation;
using MlNetCifar.Inference;

namespace MlNetCifar.Reporting;

/// <summary>Writes <c>report.json</c>.</summary>
internal static class JsonReport
{
    static readonly JsonWriterOptions s_options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(Stream stream, ReportInput input, string dataHash, string verdict)
    {
        using var json = new Utf8JsonWriter(stream, s_options);
        json.WriteStartObject();
        json.WriteString("schema", RunData.ReportSchema);
        json.WriteString("title", input.Title);
        if (input.Created is { } created)
            json.WriteString("created", created);
        if (input.Command is { } command)
            json.WriteString("command", command);
        json.WriteString("verdict", verdict);
        WriteData(json, input, dataHash);
        WriteMetrics(json, input.Result);
        WriteBinary(json, input.Result);
        WritePerClass(json, input.Result);
        WriteConfusion(json, input.Result.ConfusionMatrix);
        WriteReliability(json, "reliability", input.Result.ReliabilityBins);
        WriteReliability(json, "reliabilityEqualMass", input.Result.ReliabilityBinsEqualMass);
        WriteCalibration(json, input.Calibration);
        WriteRejection(json, input.Rejection);
        WriteHistory(json, input.History);
        WritePairs(json, "dataset", input.Dataset);
        WritePairs(json, "environment", input.Environment);
        WritePairs(json, "settings", input.Settings);
        WriteStrings(json, "warnings", input.Warnings);
        json.WriteEndObject();
    }

    static void WriteData(Utf8JsonWriter json, ReportInput input, string dataHash)
    {
        json.WriteStartObject("data");
        json.WriteString("hash", dataHash);
        json.WriteNumber("images", input.Result.Count);
        json.WriteNumber("excluded", input.Result.ExcludedCount);
        WriteStrings(json, "classes", input.Result.Classes);
        json.WriteEndObject();
    }

    static void WriteMetrics(Utf8JsonWriter json, EvaluationResult result)
    {
        json.WriteStartObject("metrics");
        foreach (var metric in result.Headline)
        {
            json.WriteStartObject(metric.Key);
            WriteNumber(json, "value", metric.Value);
            WriteInterval(json, metric.Interval);
            json.WriteBoolean("higherIsBetter", metric.HigherIsBetter);
            json.WriteEndObject();
        }

        WriteNumber(json, "maximumCalibrationError", result.MaximumCalibrationError);
        json.WriteNumber("bootstrapResamples", result.Resamples.All);
        json.WriteNumber("bootstrapResamplesOfCurves", result.Resamples.Curves);
        json.WriteNumber("topKPredictionCount", result.TopKPredictionCount);
        WriteNumbers(json, "topKAccuracyForAllK", result.TopKAccuracyForAllK);
        WriteNumbers(json, "perClassLogLoss", result.PerClassLogLoss);
        json.WriteEndObject();
    }

    static void WriteBinary(Utf8JsonWriter json, EvaluationResult result)
    {
        if (result.Binary is not { } binary)
            return;
        json.WriteStartObject("binary");
        json.WriteString("positiveClass", binary.PositiveClass);
        foreach (var metric in result.BinaryHeadline)
            WriteWithInterval(json, metric.Key, metric.Value, metric.Interval);
        WriteNumber(json, "entropyBits", binary.Entropy);
        json.WriteEndObject();
    }

    static void WriteCalibration(Utf8JsonWriter json, CalibrationCheck? check)
    {
        if (check is null)
            return;
        json.WriteStartObject("calibration");
        WriteNumber(json, "expectedCalibrationErrorBefore", check.ErrorBefore);
        WriteNumber(json, "expectedCalibrationErrorAfter", check.ErrorAfter);
        WriteNumber(json, "promisedCoverage", check.PromisedCoverage);
        WriteWithInterval(json, "coverage", check.Coverage, check.CoverageInterval);
        WriteNumber(json, "meanSetSize", check.MeanSetSize);
        WriteNumber(json, "emptySets", check.EmptySets);
        WriteNumber(json, "answered", check.Answered);
        WriteNumber(json, "answerAccuracy", check.AnswerAccuracy);
        WriteNumber(json, "areaUnderRiskCoverage", check.Rejection.AreaUnderRiskCoverage);
        json.WriteStartObject("uncalibrated");
        foreach (var metric in check.Uncalibrated.Headline)
            WriteNumber(json, metric.Key, metric.Value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteRejection(Utf8JsonWriter json, IReadOnlyList<AbstainRule> rules)
    {
        json.WriteStartArray("rejection");
        foreach (var rule in rules)
        {
            json.WriteStartObject();
            WriteNumber(json, "threshold", rule.Threshold);
            WriteNumber(json, "answered", rule.Coverage);
            WriteWithInterval(json, "accuracy", rule.Accuracy, rule.AccuracyInterval);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    static void WritePerClass(Utf8JsonWriter json, EvaluationResult result)
    {
        json.WriteStartArray("perClass");
        for (var label = 0; label < result.Classes.Count; label++)
        {
            var c = result.PerClass[label];
            json.WriteStartObject();
            json.WriteString("class", c.Name);
            json.WriteNumber("support", c.Support);
            json.WriteNumber("predicted", c.Predicted);
            json.WriteNumber("correct", c.Correct);
            WriteWithInterval(json, "precision", c.Precision, c.PrecisionInterval);
            WriteWithInterval(json, "recall", c.Recall, c.RecallInterval);
            WriteWithInterval(json, "f1Score", c.F1Score, IntervalOf(label, 0));
            WriteNumber(json, "logLoss", c.LogLoss);
            WriteWithInterval(json, "areaUnderRocCurve", c.AreaUnderRocCurve, IntervalOf(label, 1));
            WriteWithInterval(json, "averagePrecision", c.AveragePrecision, IntervalOf(label, 2));
            json.WriteEndObject();
        }

        json.WriteEndArray();

        Interval IntervalOf(int label, int value) => result.Intervals.GetValueOrDefault(MetricCatalog.PerClassKey(label, value), Interval.None);
    }

    static void WriteConfusion(Utf8JsonWriter json, ConfusionMatrix matrix)
    {
        json.WriteStartObject("confusionMatrix");
        WriteStrings(json, "classes", matrix.ClassNames);
        json.WriteStartArray("counts");
        for (var row = 0; row < matrix.NumberOfClasses; row++)
        {
            json.WriteStartArray();
            for (var column = 0; column < matrix.NumberOfClasses; column++)
                json.WriteNumberValue(matrix[row, column]);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WriteReliability(Utf8JsonWriter json, string name, IReadOnlyList<ReliabilityBin> bins)
    {
        json.WriteStartArray(name);
        foreach (var bin in bins)
        {
            json.WriteStartObject();
            WriteNumber(json, "lower", bin.Lower);
            WriteNumber(json, "upper", bin.Upper);
            json.WriteNumber("count", bin.Count);
            WriteNumber(json, "accuracy", bin.Accuracy);
            WriteNumber(json, "confidence", bin.Confidence);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    static void WriteHistory(Utf8JsonWriter json, IReadOnlyList<EpochRecord> history)
    {
        json.WriteStartArray("history");
        foreach (var e in history)
        {
            json.WriteStartObject();
            json.WriteNumber("epoch", e.Epoch);
            WriteNumber(json, "trainLoss", e.TrainLoss);
            WriteNumber(json, "trainAccuracy", e.TrainAccuracy);
            WriteNumber(json, "validationLoss", e.ValidationLoss);
            WriteNumber(json, "validationAccuracy", e.ValidationAccuracy);
            WriteNumber(json, "learningRate", e.LearningRate);
            WriteNumber(json, "imagesPerSecond", e.ImagesPerSecond);
            WriteNumber(json, "seconds", e.Seconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    static void WriteWithInterval(Utf8JsonWriter json, string name, double value, Interval interval)
    {
        json.WriteStartObject(name);
        WriteNumber(json, "value", value);
        WriteInterval(json, interval);
        json.WriteEndObject();
    }

    static void WriteInterval(Utf8JsonWriter json, Interval interval)
    {
        if (!interval.IsDefined)
            return;
        WriteNumber(json, "lower", interval.Lower);
        WriteNumber(json, "upper", interval.Upper);
        WriteNumber(json, "level", interval.Level);
    }

    static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    static void WritePairs(Utf8JsonWriter json, string name, IReadOnlyList<KeyValuePair<string, string>> pairs)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in pairs)
            json.WriteString(key, value);
        json.WriteEndObject();
    }
}
