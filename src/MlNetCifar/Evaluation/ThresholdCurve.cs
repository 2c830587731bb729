namespace MlNetCifar.Evaluation;

/// <summary>A point of a curve.</summary>
/// <param name="X">False-positive rate (ROC) or recall (precision/recall).</param>
/// <param name="Y">True-positive rate (ROC) or precision (precision/recall).</param>
/// <param name="Threshold">Scores at or above this are called positive; +∞ at the start of the curve.</param>
public readonly record struct CurvePoint(double X, double Y, double Threshold);

/// <summary>
/// One class against the rest at every threshold. Images with equal scores enter together, so that ties neither help nor harm
/// and the order of the images does not matter.
/// </summary>
public sealed class ThresholdCurve
{
    readonly double[] _thresholds;
    readonly long[] _truePositives;
    readonly long[] _falsePositives;

    ThresholdCurve(string name, double[] thresholds, long[] truePositives, long[] falsePositives)
    {
        Name = name;
        _thresholds = thresholds;
        _truePositives = truePositives;
        _falsePositives = falsePositives;
        Positives = truePositives.Length == 0 ? 0 : truePositives[^1];
        Negatives = falsePositives.Length == 0 ? 0 : falsePositives[^1];
        AreaUnderRocCurve = RocArea();
        AveragePrecision = PrecisionArea(trapezoid: false);
        AreaUnderPrecisionRecallCurve = PrecisionArea(trapezoid: true);
    }

    /// <summary>The class, or <c>micro average</c>.</summary>
    public string Name { get; }

    /// <summary>Images (or, for the micro average, image–class pairs) that are positive.</summary>
    public long Positives { get; }

    /// <summary>Images (or pairs) that are negative.</summary>
    public long Negatives { get; }

    /// <summary>
    /// Probability that a random positive image has a higher score than a random negative one, ties counting half; 0 … 1, higher is better.
    /// NaN when there is no positive or no negative image.
    /// </summary>
    public double AreaUnderRocCurve { get; }

    /// <summary>Σ (Rₙ − Rₙ₋₁)·Pₙ over the thresholds, scikit-learn's average precision; 0 … 1, higher is better. NaN without a positive image.</summary>
    public double AveragePrecision { get; }

    /// <summary>
    /// Area under precision over recall by the trapezoid rule, starting at (0, 1), as ML.NET computes it; 0 … 1, higher is better.
    /// NaN without a positive image.
    /// </summary>
    public double AreaUnderPrecisionRecallCurve { get; }

    /// <summary>Builds the curve.</summary>
    /// <param name="name">Class, for display.</param>
    /// <param name="scores">[N]; sorted in place.</param>
    /// <param name="positive">[N], non-zero for a positive image; reordered along.</param>
    internal static ThresholdCurve Build(string name, Span<double> scores, Span<byte> positive)
    {
        scores.Sort(positive);
        var groups = CountDistinct(scores);
        var (thresholds, truePositives, falsePositives) = (new double[groups], new long[groups], new long[groups]);
        long tp = 0, fp = 0;
        for (int i = scores.Length - 1, group = 0; i >= 0; i--)
        {
            tp += positive[i];
            fp += 1 - positive[i];
            if (i > 0 && scores[i - 1] == scores[i])
                continue;
            (thresholds[group], truePositives[group], falsePositives[group]) = (scores[i], tp, fp);
            group++;
        }

        return new ThresholdCurve(name, thresholds, truePositives, falsePositives);
    }

    /// <summary>True-positive over false-positive rate from (0, 0) to (1, 1); points inside a straight stretch are left out. Empty when undefined.</summary>
    public IReadOnlyList<CurvePoint> RocPoints()
    {
        if (Positives == 0 || Negatives == 0)
            return [];
        List<CurvePoint> points = [new(0, 0, double.PositiveInfinity)];
        for (var i = 0; i < _thresholds.Length; i++)
            if (i == _thresholds.Length - 1 || !IsStraight(i))
                points.Add(new((double)_falsePositives[i] / Negatives, (double)_truePositives[i] / Positives, _thresholds[i]));
        return points;
    }

    /// <summary>Precision over recall from (0, 1) on, to the first threshold that reaches recall 1. Empty when undefined.</summary>
    public IReadOnlyList<CurvePoint> PrecisionRecallPoints()
    {
        if (Positives == 0)
            return [];
        List<CurvePoint> points = [new(0, 1, double.PositiveInfinity)];
        for (var i = 0; i < _thresholds.Length; i++)
        {
            points.Add(new((double)_truePositives[i] / Positives, Precision(i), _thresholds[i]));
            if (_truePositives[i] == Positives)
                break;
        }

        return points;
    }

    static int CountDistinct(ReadOnlySpan<double> sorted)
    {
        var count = sorted.Length == 0 ? 0 : 1;
        for (var i = 1; i < sorted.Length; i++)
            count += sorted[i] == sorted[i - 1] ? 0 : 1;
        return count;
    }

    double Precision(int i) => (double)_truePositives[i] / (_truePositives[i] + _falsePositives[i]);

    bool IsStraight(int i)
    {
        var (tpBefore, fpBefore) = i == 0 ? (0, 0) : (_truePositives[i - 1], _falsePositives[i - 1]);
        var (up, right) = (_truePositives[i] - tpBefore, _falsePositives[i] - fpBefore);
        return up * (_falsePositives[i + 1] - _falsePositives[i]) == right * (_truePositives[i + 1] - _truePositives[i]);
    }

    double RocArea()
    {
        if (Positives == 0 || Negatives == 0)
            return double.NaN;
        double sum = 0;
        long tp = 0, fp = 0;
        for (var i = 0; i < _thresholds.Length; i++)
        {
            sum += (double)(_falsePositives[i] - fp) * (tp + _truePositives[i]);
            (tp, fp) = (_truePositives[i], _falsePositives[i]);
        }

        return sum / (2.0 * Positives * Negatives);
    }

    double PrecisionArea(bool trapezoid)
    {
        if (Positives == 0)
            return double.NaN;
        double sum = 0, before = 1;
        long tp = 0;
        for (var i = 0; i < _thresholds.Length; i++)
        {
            var precision = Precision(i);
            sum += (_truePositives[i] - tp) * (trapezoid ? (before + precision) / 2 : precision);
            (tp, before) = (_truePositives[i], precision);
        }

        return sum / Positives;
    }
}
