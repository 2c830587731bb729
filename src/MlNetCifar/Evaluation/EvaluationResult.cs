using MlNetCifar.Evaluation;

namespace MlNetCifar;

/// <summary>
/// The metrics of one classifier on one set of images, with ML.NET's names and definitions where ML.NET has them. Immutable; safe to share.
/// Undefined values (an area under the curve without positives, κ of a single class) are NaN, written as null to JSON and left empty in CSV.
/// </summary>
public sealed class EvaluationResult
{
    readonly Tallies _tallies;
    readonly Lazy<ClassCurves?> _curves;
    readonly Lazy<ReliabilityBin[]> _equalMass;
    readonly Lazy<IReadOnlyList<ClassMetrics>> _perClass;
    readonly Lazy<BinaryMetrics?> _binary;
    readonly Lazy<IReadOnlyDictionary<string, Interval>> _intervals;

    internal EvaluationResult(IReadOnlyList<string> classes, EvaluationOptions options, Tallies tallies, ScoredRows? rows)
    {
        _tallies = tallies;
        Rows = rows;
        Classes = classes;
        Options = options;
        ConfusionMatrix = new ConfusionMatrix(classes, tallies.Confusion);
        TopKPredictionCount = Math.Min(options.TopKPredictionCount, classes.Count);
        (long[] actual, long[] predicted) = (new long[classes.Count], new long[classes.Count]);
        var (total, correct) = Agreement.Sums(tallies.Confusion, actual, predicted);
        MicroAccuracy = (double)correct / total;
        MicroAccuracyInterval = Interval.Wilson(correct, total, options.ConfidenceLevel);
        MacroAccuracy = Agreement.MacroAccuracy(tallies.Confusion, actual);
        MacroF1Score = Agreement.MacroF1(tallies.Confusion, actual, predicted);
        CohenKappa = Agreement.Kappa(total, correct, actual, predicted);
        MatthewsCorrelation = Agreement.Matthews(total, correct, actual, predicted);
        Entropy = Agreement.Entropy(total, actual);
        (PerClassLogLoss, LogLoss) = LogLosses(tallies);
        BrierScore = tallies.Brier[0].Value / total;
        TopKAccuracyForAllK = CumulativeShares(tallies.TrueRank, total);
        ReliabilityBins = Reliability.EqualWidth(tallies);
        Warnings = ResultWarnings.Of(tallies, classes, actual);
        _curves = new(() => rows is null ? null : new ClassCurves(rows, classes));
        _equalMass = new(() => rows is null ? [] : EqualMass(rows, options.CalibrationBins));
        _perClass = new(ComputePerClass);
        _intervals = new(() => ResultIntervals.Compute(this, tallies.TrueRank.Take(TopKPredictionCount).Sum()));
        _binary = new(() => classes.Count == 2 ? ComputeBinary() : null);
    }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The choices behind the numbers.</summary>
    public EvaluationOptions Options { get; }

    /// <summary>Images that take part.</summary>
    public long Count => _tallies.Count;

    /// <summary>Images left out because a score was NaN or infinite.</summary>
    public long ExcludedCount => _tallies.Excluded;

    /// <summary>What a reader must know before trusting the numbers; empty when all is well.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Share of images predicted correctly, 0 … 1, higher is better.</summary>
    public double MicroAccuracy { get; }

    /// <summary>Wilson interval of <see cref="MicroAccuracy"/>.</summary>
    public Interval MicroAccuracyInterval { get; }

    /// <summary>Mean recall of the classes that occur among the labels, 0 … 1, higher is better.</summary>
    public double MacroAccuracy { get; }

    /// <summary>Mean recall of the classes that occur (scikit-learn's name for <see cref="MacroAccuracy"/>).</summary>
    public double BalancedAccuracy => MacroAccuracy;

    /// <summary>Mean F1 of the classes that occur among the labels, as for <see cref="MacroAccuracy"/>, 0 … 1, higher is better.</summary>
    public double MacroF1Score { get; }

    /// <summary>Mean −ln p of the true class, p limited to [10⁻¹⁵, 1]; ≥ 0, in nats, lower is better.</summary>
    public double LogLoss { get; }

    /// <summary>(prior − log-loss) ÷ prior, up to 1, higher is better; 0 means no better than always answering with the shares of the classes. NaN for one class.</summary>
    public double LogLossReduction => Entropy == 0 ? double.NaN : (Entropy - LogLoss) / Entropy;

    /// <summary>Log-loss of always answering with the shares of the classes among the labels, in nats.</summary>
    public double Entropy { get; }

    /// <summary>Log-loss by true class, in nats; 0 for an absent class.</summary>
    public IReadOnlyList<double> PerClassLogLoss { get; }

    /// <summary>K of <see cref="TopKAccuracy"/>.</summary>
    public int TopKPredictionCount { get; }

    /// <summary>Share of images whose true class is among the K highest scores; equal scores rank by class index. 0 … 1, higher is better.</summary>
    public double TopKAccuracy => TopKAccuracyForAllK[TopKPredictionCount - 1];

    /// <summary>The same for K = 1 … C; the first is <see cref="MicroAccuracy"/>, the last is 1.</summary>
    public IReadOnlyList<double> TopKAccuracyForAllK { get; }

    /// <summary>Counts of true and predicted classes.</summary>
    public ConfusionMatrix ConfusionMatrix { get; }

    /// <summary>Cohen's κ, −1 … 1, higher is better; 0 is chance. NaN when labels and predictions are all one class.</summary>
    public double CohenKappa { get; }

    /// <summary>Matthews correlation coefficient for C classes, −1 … 1, higher is better; 0 when labels or predictions are all one class.</summary>
    public double MatthewsCorrelation { get; }

    /// <summary>Mean Σₖ (pₖ − yₖ)², 0 … 2, lower is better. With two classes it is twice <see cref="BinaryMetrics.BrierScore"/>.</summary>
    public double BrierScore { get; }

    /// <summary>Expected calibration error over bins of equal width, 0 … 1, lower is better.</summary>
    public double ExpectedCalibrationError => Reliability.ExpectedError(ReliabilityBins);

    /// <summary>Expected calibration error over bins of equal count, 0 … 1, lower is better; NaN when rows were not kept.</summary>
    public double ExpectedCalibrationErrorEqualMass => Reliability.ExpectedError(_equalMass.Value);

    /// <summary>The largest gap between confidence and accuracy of an equal-width bin, 0 … 1, lower is better.</summary>
    public double MaximumCalibrationError => Reliability.MaximumError(ReliabilityBins);

    /// <summary>The reliability diagram over bins of equal width.</summary>
    public IReadOnlyList<ReliabilityBin> ReliabilityBins { get; }

    /// <summary>The reliability diagram over bins of equal count; empty when rows were not kept.</summary>
    public IReadOnlyList<ReliabilityBin> ReliabilityBinsEqualMass => _equalMass.Value;

    /// <summary>Precision, recall, F1 and more of each class.</summary>
    public IReadOnlyList<ClassMetrics> PerClass => _perClass.Value;

    /// <summary>ROC and precision/recall curves; null when rows were not kept. Computed at first use.</summary>
    public ClassCurves? Curves => _curves.Value;

    /// <summary>Mean one-against-rest area under the ROC curve, 0 … 1, higher is better; see <see cref="ClassCurves.MacroAreaUnderRocCurve"/>.</summary>
    public double AreaUnderRocCurveMacro => Curves?.MacroAreaUnderRocCurve ?? double.NaN;

    /// <summary>Area under the ROC curve of all image–class pairs, 0 … 1, higher is better.</summary>
    public double AreaUnderRocCurveMicro => Curves?.Micro.AreaUnderRocCurve ?? double.NaN;

    /// <summary>Mean one-against-rest average precision, 0 … 1, higher is better.</summary>
    public double AveragePrecisionMacro => Curves?.MacroAveragePrecision ?? double.NaN;

    /// <summary>Average precision of all image–class pairs, 0 … 1, higher is better.</summary>
    public double AveragePrecisionMicro => Curves?.Micro.AveragePrecision ?? double.NaN;

    /// <summary>ML.NET's binary metrics; null unless there are two classes.</summary>
    public BinaryMetrics? Binary => _binary.Value;

    /// <summary>Confidence intervals by the metric's key in <c>report.json</c>: Wilson's for shares of images, bootstrap for the rest.
    /// Those of a class are under <c>perClass.&lt;index&gt;.f1Score</c>, <c>.areaUnderRocCurve</c>, <c>.averagePrecision</c> and
    /// <c>.areaUnderPrecisionRecallCurve</c>. Computed at first use.</summary>
    public IReadOnlyDictionary<string, Interval> Intervals => _intervals.Value;

    /// <summary>All headline numbers with their intervals.</summary>
    public IReadOnlyList<MetricValue> Headline => MetricCatalog.Of(this);

    /// <summary>The headline numbers of two classes with their intervals, seen from the positive class; empty for more classes.</summary>
    public IReadOnlyList<MetricValue> BinaryHeadline => MetricCatalog.BinaryOf(this);

    /// <summary>The true class of each image that was given, those left out among them, [N]; empty without <see cref="EvaluationOptions.KeepRows"/>.</summary>
    public ReadOnlySpan<int> Labels => Rows is null ? [] : Rows.Labels;

    /// <summary>The scores behind the numbers, [N, C], or [N] where only those of the positive class were given; empty without <see cref="EvaluationOptions.KeepRows"/>.</summary>
    public ReadOnlySpan<float> Scores => Rows is null ? [] : Rows.Scores;

    internal ScoredRows? Rows { get; }

    /// <summary>Bootstrap resamples behind the intervals, and how many of them areas under curves got.</summary>
    internal (int All, int Curves) Resamples => Rows is null || Options.BootstrapResamples == 0
        ? (0, 0)
        : (Options.BootstrapResamples, Bootstrap.CurveDraws(Options.BootstrapResamples, Count, Classes.Count));

    static (double[] PerClass, double Mean) LogLosses(Tallies tallies)
    {
        var sum = default(FixedSum);
        var perClass = new double[tallies.Classes];
        for (var i = 0; i < perClass.Length; i++)
        {
            sum.Add(tallies.LogLoss[i]);
            var support = tallies.Confusion.AsSpan(i * tallies.Classes, tallies.Classes).ToArray().Sum();
            perClass[i] = support == 0 ? 0 : tallies.LogLoss[i].Value / support;
        }

        return (perClass, sum.Value / tallies.Count);
    }

    static double[] CumulativeShares(long[] counts, long total)
    {
        var result = new double[counts.Length];
        long sum = 0;
        for (var i = 0; i < counts.Length; i++)
            result[i] = (double)(sum += counts[i]) / total;
        return result;
    }

    static ReliabilityBin[] EqualMass(ScoredRows rows, int bins)
    {
        var answers = rows.Answers().ToArray();
        double[] confidences = [.. answers.Select(answer => answer.Confidence)];
        bool[] correct = [.. answers.Select(answer => answer.Predicted == rows.Labels[answer.Row])];
        Array.Sort(confidences, correct);
        return Reliability.EqualMass(confidences, correct, bins);
    }

    ClassMetrics[] ComputePerClass()
    {
        var matrix = ConfusionMatrix;
        return [.. Classes.Select((name, i) =>
        {
            var (support, predicted, correct) = (matrix.ActualCounts[i], matrix.PredictedCounts[i], matrix[i, i]);
            return new ClassMetrics(
                name, support, predicted, correct, matrix.PerClassPrecision[i], matrix.PerClassRecall[i],
                support + predicted == 0 ? 0 : 2.0 * correct / (support + predicted), PerClassLogLoss[i],
                Curves?.PerClass[i].AreaUnderRocCurve ?? double.NaN, Curves?.PerClass[i].AveragePrecision ?? double.NaN,
                Interval.Wilson(correct, predicted, Options.ConfidenceLevel), Interval.Wilson(correct, support, Options.ConfidenceLevel));
        })];
    }

    BinaryMetrics ComputeBinary()
    {
        var (yes, no) = (PerClass[Options.PositiveClass], PerClass[1 - Options.PositiveClass]);
        var curve = Curves?.PerClass[Options.PositiveClass];
        return new BinaryMetrics(
            yes.Name, MicroAccuracy, yes.AreaUnderRocCurve, curve?.AreaUnderPrecisionRecallCurve ?? double.NaN, yes.AveragePrecision,
            yes.F1Score, yes.Precision, yes.Recall, no.Precision, no.Recall,
            LogLoss / Math.Log(2), LogLossReduction, Entropy / Math.Log(2), BrierScore / 2);
    }
}
