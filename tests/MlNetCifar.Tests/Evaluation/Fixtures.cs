using System.Text.Json;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>Reads the committed fixture files; the scripts that made them lie beside them.</summary>
internal static class Fixtures
{
    /// <summary>Path of a file in this area's <c>Fixtures</c> folder.</summary>
    public static string Path(string name) => Repository.File("tests", "MlNetCifar.Tests", "Evaluation", "Fixtures", name);

    /// <summary>One case from scikit-learn: inputs and what is expected.</summary>
    public sealed record MetricCase(string Name, string[] Classes, int Bins, int[] Labels, float[] Scores, JsonElement Expect)
    {
        public EvaluationResult Evaluate() => Evaluator.Evaluate(Labels, Scores, Classes, Options);

        public EvaluationOptions Options => new() { CalibrationBins = Bins, BootstrapResamples = 0 };
    }

    public static IEnumerable<MetricCase> MetricCases() => File.ReadLines(Path("sklearn_metrics.jsonl")).Select(line =>
    {
        var json = JsonDocument.Parse(line).RootElement;
        var unit = 1f / (1 << json.GetProperty("bits").GetInt32());
        return new MetricCase(
            json.GetProperty("name").GetString()!,
            [.. Enumerable.Range(0, json.GetProperty("classes").GetInt32()).Select(i => $"c{i}")],
            json.GetProperty("bins").GetInt32(),
            [.. json.GetProperty("labels").EnumerateArray().Select(x => x.GetInt32())],
            [.. json.GetProperty("scores").EnumerateArray().Select(x => x.GetInt32() * unit)],
            json.GetProperty("expect"));
    });
}
