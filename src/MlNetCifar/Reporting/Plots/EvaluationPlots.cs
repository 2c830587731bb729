using System.Globalization;
using MlNetCifar.Evaluation;
using MlNetCifar.Inference;

namespace MlNetCifar.Reporting;

/// <summary>The plots of the report, also for notebooks: <c>EvaluationPlots.Roc(result).ToSvg()</c>.</summary>
internal static class EvaluationPlots
{
    /// <summary>Classes that get a curve of their own.</summary>
    const int MostCurves = 10;

    /// <summary>A quarter of a pixel.</summary>
    const double Tolerance = 0.0007;

    /// <summary>Accuracy over epochs.</summary>
    /// <param name="history">At least one epoch.</param>
    /// <param name="best">The epoch whose weights were kept, from 1; 0 where that is not known: the one of the best validation accuracy.</param>
    public static XyPlot Accuracy(IReadOnlyList<EpochRecord> history, int best = 0) =>
        History("Accuracy", history, best, e => e.TrainAccuracy, e => e.ValidationAccuracy, percent: true);

    /// <summary>Loss over epochs.</summary>
    /// <param name="history">At least one epoch.</param>
    /// <param name="best">As for <see cref="Accuracy"/>: the same epoch is marked in both.</param>
    public static XyPlot Loss(IReadOnlyList<EpochRecord> history, int best = 0) =>
        History("Loss", history, best, e => e.TrainLoss, e => e.ValidationLoss, percent: false);

    /// <summary>Learning rate over epochs.</summary>
    /// <param name="history">At least one epoch.</param>
    public static XyPlot LearningRate(IReadOnlyList<EpochRecord> history) => new()
    {
        Title = "Learning rate",
        XLabel = "epoch",
        PlotHeight = 228,
        Series = [new PlotSeries { Name = "", Color = 7, Steps = true, Points = [.. history.Select(e => new PlotPoint(e.Epoch, e.LearningRate))] }],
    };

    /// <summary>Images in the plane, coloured by class; of many classes the largest have a colour of their own.</summary>
    /// <param name="map">The points.</param>
    /// <param name="labels">Class of each test image.</param>
    /// <param name="classes">Their names.</param>
    public static XyPlot Map(EmbeddingMap map, IReadOnlyList<int> labels, IReadOnlyList<string> classes)
    {
        var groups = map.Points.GroupBy(point => labels[point.Row]).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).ToArray();
        var named = groups.Take(groups.Length > SvgTheme.Colors ? SvgTheme.Colors - 1 : SvgTheme.Colors).OrderBy(group => group.Key);
        var rest = groups.Skip(named.Count()).SelectMany(group => group).ToArray();
        return new()
        {
            Title = "Images by what the network makes of them",
            XLabel = "first component",
            PlotHeight = 300,
            Series =
            [
                .. named.Select((group, i) => Cloud(classes[group.Key], i, group)),
                .. rest.Length > 0 ? new[] { Cloud("other classes", SvgTheme.Colors - 1, rest) } : [],
            ],
        };

        static PlotSeries Cloud(string name, int color, IEnumerable<EmbeddingPoint> points) =>
            new() { Name = name, Color = color, Joined = false, Markers = true, Points = [.. points.Select(point => new PlotPoint(point.X, point.Y))] };
    }

    /// <summary>The confusion matrix, filled by the share of the true class.</summary>
    /// <param name="matrix">At most a hundred classes can be read.</param>
    /// <param name="title">Its heading; empty for none.</param>
    public static HeatMapPlot Confusion(ConfusionMatrix matrix, string title = "Confusion matrix") => new()
    {
        Title = title,
        Description = "Rows are true classes, columns predicted ones.",
        Names = matrix.ClassNames,
        RowLabel = "true",
        ColumnLabel = "predicted →",
        Cell = (row, column) =>
        {
            var count = matrix[row, column];
            if (count == 0)
                return null;
            var rate = matrix.Rate(row, column);
            return new HeatMapCell(
                row == column ? rate : Math.Min(1, 2.5 * rate), Text($"{count}"), Percent(rate),
                Text($"true {matrix.ClassNames[row]}, predicted {matrix.ClassNames[column]}: {count} of {matrix.ActualCounts[row]} ({Percent(rate)})"));
        },
    };

    /// <summary>True-positive over false-positive rate: each class (or, of many, the worst), and the micro average.</summary>
    /// <param name="result">An evaluation that kept its rows.</param>
    /// <exception cref="ArgumentException">The rows were not kept.</exception>
    public static XyPlot Roc(EvaluationResult result) => Curves(
        result, "ROC, one class against the rest", "false-positive rate", "true-positive rate", diagonal: true,
        curve => curve.RocPoints(), curve => curve.AreaUnderRocCurve);

    /// <summary>Precision over recall: each class (or, of many, the worst), and the micro average.</summary>
    /// <param name="result">An evaluation that kept its rows.</param>
    /// <exception cref="ArgumentException">The rows were not kept.</exception>
    public static XyPlot PrecisionRecall(EvaluationResult result) => Curves(
        result, "Precision and recall, one class against the rest", "recall", "precision", diagonal: false,
        curve => curve.PrecisionRecallPoints(), curve => curve.AveragePrecision);

    /// <summary>Accuracy over confidence in bins; the diagonal is perfect calibration, and the gap to it is filled.</summary>
    /// <param name="result">The evaluation.</param>
    public static XyPlot Reliability(EvaluationResult result)
    {
        var most = Math.Max(1, result.ReliabilityBins.Max(bin => bin.Count));
        List<PlotBar> bars = [];
        foreach (var bin in result.ReliabilityBins.Where(bin => bin.Count > 0))
        {
            var tooltip = Text($"confidence {bin.Confidence:0.000}, accuracy {bin.Accuracy:0.000}, {bin.Count} {(bin.Count == 1 ? "image" : "images")}");
            var (left, right) = (bin.Lower + 0.004, bin.Upper - 0.004);
            bars.Add(new(left, right, Math.Min(bin.Confidence, bin.Accuracy), Math.Max(bin.Confidence, bin.Accuracy), 1, 0.35, tooltip));
            bars.Add(new(left, right, 0, bin.Accuracy, 0, 0.25 + (0.75 * bin.Count / most), tooltip));
        }

        return new XyPlot
        {
            Title = Text($"Reliability (calibration error {result.ExpectedCalibrationError:0.000})"),
            Description = "Bars are accuracy, stronger where there are more images; the orange part is the gap to the confidence.",
            XLabel = "confidence",
            YLabel = "accuracy",
            XRange = (0, 1),
            YRange = (0, 1),
            Diagonal = true,
            Bars = bars,
        };
    }

    /// <summary>Accuracy when only the surest answers are given.</summary>
    /// <param name="curve">The curve.</param>
    public static XyPlot Rejection(RejectionCurve curve) => new()
    {
        Title = "Accuracy when unsure answers are withheld",
        XLabel = "share of images answered",
        YLabel = "accuracy of the answers",
        XRange = (0, 1),
        XPercent = true,
        YPercent = true,
        Series =
        [
            new PlotSeries { Name = "", Color = 2, Points = CurveSimplifier.Simplify([.. Settled(curve).Select(p => new PlotPoint(p.Coverage, p.Accuracy))], Tolerance) },
        ],
    };

    /// <summary>Recall of each class with its interval, worst first.</summary>
    /// <param name="result">The evaluation.</param>
    /// <param name="most">Classes at the most.</param>
    public static XyPlot Recall(EvaluationResult result, int most = 30)
    {
        ClassMetrics[] classes = [.. result.PerClass.Where(c => c.Support > 0).OrderBy(c => c.Recall).Take(most).Reverse()];
        return new XyPlot
        {
            Title = classes.Length < result.Classes.Count ? "Recall of the weakest classes" : "Recall by class",
            XRange = (0, 1),
            XPercent = true,
            YRange = (-0.6, classes.Length - 0.4),
            YTicks = [.. classes.Select((c, i) => new PlotTick(i, c.Name.Length <= 20 ? c.Name : c.Name[..19] + "…"))],
            PlotHeight = (int)(Math.Clamp(340.0 / classes.Length, 19, 36) * classes.Length),
            Bars =
            [
                .. classes.Select((c, i) => new PlotBar(0, c.Recall, i - 0.32, i + 0.32, 0, 0.85, Text($"{c.Name}: {Percent(c.Recall)} of {c.Support}"))),
                .. classes.Select((c, i) => new PlotBar(c.RecallInterval.Lower, c.RecallInterval.Upper, i - 0.07, i + 0.07, 1)),
            ],
        };
    }

    static XyPlot History(string title, IReadOnlyList<EpochRecord> history, int kept, Func<EpochRecord, double> train, Func<EpochRecord, double?> validation, bool percent)
    {
        var hasValidation = history.Any(e => validation(e) is not null);
        List<PlotSeries> series = [Line("training", 0, e => train(e))];
        if (hasValidation)
            series.Add(Line("validation", 1, e => validation(e) ?? double.NaN));
        var best = kept > 0
            ? history.FirstOrDefault(e => e.Epoch == kept)
            : history.Where(e => e.ValidationAccuracy is not null).OrderByDescending(e => e.ValidationAccuracy).ThenBy(e => e.ValidationLoss).FirstOrDefault();
        if (best is not null && !double.IsFinite(validation(best) ?? double.NaN))
            best = null;
        return new XyPlot
        {
            Title = title,
            XLabel = "epoch",
            YPercent = percent,
            XRange = history.Count == 1 ? (history[0].Epoch - 1, history[0].Epoch + 1) : null,
            Series = series,
            MarkAtTop = !percent,
            Mark = best is null ? null : new PlotTick(best.Epoch, percent ? Text($"best {100 * validation(best):0.0} %") : Text($"best {validation(best):0.000}")),
        };

        PlotSeries Line(string name, int color, Func<EpochRecord, double> value) => new()
        {
            Name = name,
            Color = color,
            Markers = history.Count <= 60,
            Points = [.. history.Select(e => new PlotPoint(e.Epoch, value(e)))],
        };
    }

    static XyPlot Curves(
        EvaluationResult result, string title, string x, string y, bool diagonal, Func<ThresholdCurve, IReadOnlyList<CurvePoint>> points, Func<ThresholdCurve, double> area)
    {
        var curves = result.Curves ?? throw new ArgumentException("The evaluation was made without keeping rows.", nameof(result));
        var defined = curves.PerClass.Where(curve => !double.IsNaN(area(curve)));
        ThresholdCurve[] shown = result.Classes.Count == 2
            ? [curves.PerClass[result.Options.PositiveClass]]
            : [.. (curves.PerClass.Count <= MostCurves ? defined : defined.OrderBy(area).Take(MostCurves - 3)), curves.Micro];
        return new XyPlot
        {
            Title = title,
            XLabel = x,
            YLabel = y,
            XRange = (0, 1),
            YRange = (0, 1),
            Diagonal = diagonal,
            PlotHeight = 300,
            Series =
            [
                .. shown.Select((curve, i) => new PlotSeries
                {
                    Name = Text($"{curve.Name} {area(curve):0.000}"),
                    Color = ReferenceEquals(curve, curves.Micro) ? -1 : i,
                    Dashed = ReferenceEquals(curve, curves.Micro),
                    Emphasis = shown.Length == 1 ? true : ReferenceEquals(curve, curves.Micro) ? null : false,
                    Points = CurveSimplifier.Simplify([.. points(curve).Select(p => new PlotPoint(p.X, p.Y))], Tolerance),
                }),
            ],
        };
    }

    /// <summary>The first hundredth of the answers is noise and would stretch the axis.</summary>
    static IEnumerable<RejectionPoint> Settled(RejectionCurve curve)
    {
        var settled = curve.Points.Where(point => point.Coverage >= 0.01).ToArray();
        return settled.Length > 0 ? settled : curve.Points;
    }

    static string Percent(double share) => (100 * share).ToString(share is > 0 and < 0.1 ? "0.0" : "0", CultureInfo.InvariantCulture) + " %";

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
