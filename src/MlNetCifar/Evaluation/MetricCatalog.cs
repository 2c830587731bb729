namespace MlNetCifar.Evaluation;

/// <summary>The headline numbers: one list behind console, JSON, HTML, comparison and quality gate.</summary>
internal static class MetricCatalog
{
    /// <summary>One headline number.</summary>
    /// <param name="Key">Name in JSON.</param>
    /// <param name="Name">Name for people.</param>
    /// <param name="HigherIsBetter">Which direction is good.</param>
    /// <param name="Meaning">One sentence.</param>
    /// <param name="Value">Reads it from a result.</param>
    public sealed record Entry(string Key, string Name, bool HigherIsBetter, string Meaning, Func<EvaluationResult, double> Value);

    public const string MicroAccuracy = "microAccuracy";
    public const string TopKAccuracy = "topKAccuracy";
    public const string MacroAccuracy = "macroAccuracy";
    public const string MacroF1Score = "macroF1Score";
    public const string LogLoss = "logLoss";
    public const string LogLossReduction = "logLossReduction";
    public const string CohenKappa = "cohenKappa";
    public const string MatthewsCorrelation = "matthewsCorrelation";
    public const string AreaUnderRocCurveMacro = "areaUnderRocCurveMacro";
    public const string AreaUnderRocCurveMicro = "areaUnderRocCurveMicro";
    public const string AveragePrecisionMacro = "averagePrecisionMacro";
    public const string ExpectedCalibrationError = "expectedCalibrationError";
    public const string ExpectedCalibrationErrorEqualMass = "expectedCalibrationErrorEqualMass";
    public const string BrierScore = "brierScore";

    public static IReadOnlyList<Entry> All { get; } =
    [
        new(MicroAccuracy, "Micro accuracy", true, "Share of images predicted correctly, 0 … 1.", r => r.MicroAccuracy),
        new(TopKAccuracy, "Top-k accuracy", true, "Share of images whose true class is among the k best answers, 0 … 1.", r => r.TopKAccuracy),
        new(MacroAccuracy, "Macro accuracy", true, "Mean recall of the classes that occur (balanced accuracy), 0 … 1.", r => r.MacroAccuracy),
        new(MacroF1Score, "Macro F1", true, "Mean F1 of the classes that occur, 0 … 1.", r => r.MacroF1Score),
        new(LogLoss, "Log-loss", false, "Mean −ln p of the true class, in nats; 0 is perfect.", r => r.LogLoss),
        new(LogLossReduction, "Log-loss reduction", true, "Advantage over always answering with the shares of the classes; 1 is perfect, 0 none.", r => r.LogLossReduction),
        new(CohenKappa, "Cohen's kappa", true, "Agreement beyond chance, −1 … 1.", r => r.CohenKappa),
        new(MatthewsCorrelation, "Matthews correlation", true, "Correlation of labels and predictions, −1 … 1.", r => r.MatthewsCorrelation),
        new(AreaUnderRocCurveMacro, "ROC AUC, macro", true, "Chance that an image of a class outranks one of another, mean over classes that occur, 0 … 1.", r => r.AreaUnderRocCurveMacro),
        new(AreaUnderRocCurveMicro, "ROC AUC, micro", true, "The same over all image–class pairs, 0 … 1.", r => r.AreaUnderRocCurveMicro),
        new(AveragePrecisionMacro, "Avg. precision, macro", true, "Area under precision over recall by steps, mean over classes that occur, 0 … 1.", r => r.AveragePrecisionMacro),
        new(ExpectedCalibrationError, "ECE", false, "Expected calibration error: mean gap between confidence and accuracy, bins of equal width, 0 … 1.", r => r.ExpectedCalibrationError),
        new(ExpectedCalibrationErrorEqualMass, "ECE, equal mass", false, "The same with bins of equal count, 0 … 1.", r => r.ExpectedCalibrationErrorEqualMass),
        new(BrierScore, "Brier score", false, "Mean squared error of the probabilities, summed over classes, 0 … 2.", r => r.BrierScore),
    ];

    static readonly Dictionary<string, int> s_indices = All.Select((entry, i) => (entry.Key, i)).ToDictionary(pair => pair.Key, pair => pair.i);
    static readonly string[] s_perClass = ["f1Score", "areaUnderRocCurve", "averagePrecision", "areaUnderPrecisionRecallCurve"];

    /// <summary>Place of a headline number in <see cref="All"/>.</summary>
    public static int IndexOf(string key) => s_indices[key];

    /// <summary>Key of the interval of a class's number: 0 = F1, 1 = ROC area, 2 = average precision, 3 = precision/recall area.</summary>
    public static string PerClassKey(int label, int value) => $"perClass.{label}.{s_perClass[value]}";

    /// <summary>The headline numbers of two classes, seen from the positive one; none for more classes.</summary>
    public static IReadOnlyList<MetricValue> BinaryOf(EvaluationResult result)
    {
        if (result.Binary is not { } binary)
            return [];
        var label = result.Options.PositiveClass;
        var (yes, no) = (result.PerClass[label], result.PerClass[1 - label]);
        return
        [
            new("accuracy", "Accuracy", binary.Accuracy, result.MicroAccuracyInterval, true, "Share of images predicted correctly, 0 … 1."),
            new("areaUnderRocCurve", "ROC AUC", binary.AreaUnderRocCurve, IntervalOf(PerClassKey(label, 1)), true, "Chance that a positive image outranks a negative one, 0 … 1."),
            new("areaUnderPrecisionRecallCurve", "Prec./recall area", binary.AreaUnderPrecisionRecallCurve, IntervalOf(PerClassKey(label, 3)), true, "Area under precision over recall by trapezoids, 0 … 1."),
            new("averagePrecision", "Average precision", binary.AveragePrecision, IntervalOf(PerClassKey(label, 2)), true, "The same by steps, 0 … 1."),
            new("f1Score", "F1", binary.F1Score, IntervalOf(PerClassKey(label, 0)), true, "Harmonic mean of precision and recall of the positive class, 0 … 1."),
            new("positivePrecision", "Positive precision", binary.PositivePrecision, yes.PrecisionInterval, true, "Of the images called positive, how many are, 0 … 1."),
            new("positiveRecall", "Positive recall", binary.PositiveRecall, yes.RecallInterval, true, "Of the positive images, how many were found, 0 … 1."),
            new("negativePrecision", "Negative precision", binary.NegativePrecision, no.PrecisionInterval, true, "Of the images called negative, how many are, 0 … 1."),
            new("negativeRecall", "Negative recall", binary.NegativeRecall, no.RecallInterval, true, "Of the negative images, how many were found, 0 … 1."),
            new("logLossBits", "Log-loss in bits", binary.LogLoss, Scaled(IntervalOf(LogLoss), 1 / Math.Log(2)), false, "Mean −log₂ p of the true class; 0 is perfect."),
            new("brierScore", "Brier score", binary.BrierScore, Scaled(IntervalOf(BrierScore), 0.5), false, "Mean squared error of the positive probability, 0 … 1."),
        ];

        Interval IntervalOf(string key) => result.Intervals.GetValueOrDefault(key, Interval.None);

        static Interval Scaled(Interval interval, double factor) => interval with { Lower = factor * interval.Lower, Upper = factor * interval.Upper };
    }

    /// <summary>All headline numbers of a result; the share among the k best of k classes says nothing and is left out.</summary>
    public static IReadOnlyList<MetricValue> Of(EvaluationResult result) =>
        [.. Every(result).Where(metric => metric.Key != TopKAccuracy || result.TopKPredictionCount < result.Classes.Count)];

    /// <summary>All of <see cref="All"/>, in that order.</summary>
    public static IReadOnlyList<MetricValue> Every(EvaluationResult result) =>
    [
        .. All.Select(entry => new MetricValue(
            entry.Key, entry.Key == TopKAccuracy ? $"Top-{result.TopKPredictionCount} accuracy" : entry.Name, entry.Value(result),
            result.Intervals.GetValueOrDefault(entry.Key, Interval.None), entry.HigherIsBetter, entry.Meaning)),
    ];
}
