using MlNetCifar.Inference;
using MlNetCifar.Reporting;

namespace MlNetCifar.Benchmarks;

/// <summary>What evaluation costs beside the inference it judges.</summary>
internal static class EvaluationBenchmark
{
    const int Rounds = 5;

    /// <summary>Prints the median seconds of each part. Arguments: model file, data set with a test split.</summary>
    public static int Run(string[] args)
    {
        using var model = ImageClassifier.Load(args[0]);
        using var data = ImageDataset.Open(args[1], new() { Spec = model.Preprocess, Files = new() { Classes = model.Classes } });
        var test = data.Test!;
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        var outputs = model.Outputs(test);
        var scores = new float[outputs.Logits.Length];
        TemperatureScaling.None.Apply(outputs.Logits, model.Classes.Length, scores);
        var inference = Timing.Median(Rounds, () => model.Logits(test));

        // Results are computed when they are asked for; the report's JSON asks for all of them.
        double Report(int resamples) => Timing.Median(Rounds, () => JsonReport.Write(
            Stream.Null, new ReportInput { Title = "", Result = Evaluator.Evaluate(labels, scores, model.Classes, new EvaluationOptions { BootstrapResamples = resamples }) }, "", ""));
        var (metrics, intervals) = (Report(0), Report(new EvaluationOptions().BootstrapResamples));
        Console.WriteLine(FormattableString.Invariant(
            $"{test.Count:N0} images: inference {inference:0.000} s, metrics {metrics:0.000} s ({metrics / inference:P1}), with bootstrap intervals {intervals:0.000} s"));
        if (model.Calibration is { } calibration)
        {
            var check = Timing.Median(Rounds, () => CalibrationCheck.Measure(calibration, labels, outputs.Logits, model.Classes, null, outputs.Features, outputs.Texture));
            Console.WriteLine(FormattableString.Invariant($"calibration check {check:0.000} s"));
        }

        return 0;
    }
}
