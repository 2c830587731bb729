namespace MlNetCifar.Evaluation;

/// <summary>Computes all metrics of one resample; holds a thread's scratch. Not thread-safe.</summary>
internal sealed class ResampleMeter(ResampleInput input)
{
    readonly long[] _table = new long[input.Classes * input.Classes];
    readonly long[] _actual = new long[input.Classes];
    readonly long[] _predicted = new long[input.Classes];
    readonly long[] _binCount = new long[input.Bins];
    readonly double[] _binGap = new double[input.Bins];

    /// <summary>Metrics a resample has: the headline ones, then F1, ROC area, average precision and precision/recall area of each class.</summary>
    public static int Length(int classes) => MetricCatalog.All.Count + (PerClassValues * classes);

    /// <summary>Values recorded for each class.</summary>
    public const int PerClassValues = 4;

    /// <summary>Measures.</summary>
    /// <param name="weights">[N]: how often each row was drawn.</param>
    /// <param name="values">[<see cref="Length"/>], in the order of the catalogue; overwritten, NaN where not computed.</param>
    /// <param name="curves">Whether to spend time on areas under curves.</param>
    public void Measure(ReadOnlySpan<byte> weights, Span<double> values, bool curves)
    {
        values.Fill(double.NaN);
        var (logLoss, brier) = Tally(weights);
        var (total, correct) = Agreement.Sums(_table, _actual, _predicted);
        var entropy = Agreement.Entropy(total, _actual);
        Set(values, MetricCatalog.MicroAccuracy, (double)correct / total);
        Set(values, MetricCatalog.MacroAccuracy, Agreement.MacroAccuracy(_table, _actual));
        Set(values, MetricCatalog.MacroF1Score, Agreement.MacroF1(_table, _actual, _predicted));
        Set(values, MetricCatalog.CohenKappa, Agreement.Kappa(total, correct, _actual, _predicted));
        Set(values, MetricCatalog.MatthewsCorrelation, Agreement.Matthews(total, correct, _actual, _predicted));
        Set(values, MetricCatalog.LogLoss, logLoss / total);
        Set(values, MetricCatalog.LogLossReduction, entropy == 0 ? double.NaN : (entropy - (logLoss / total)) / entropy);
        Set(values, MetricCatalog.BrierScore, brier / total);
        Set(values, MetricCatalog.ExpectedCalibrationError, EqualWidthError(total));
        Set(values, MetricCatalog.ExpectedCalibrationErrorEqualMass, EqualMassError(weights, total));
        var perClass = values[MetricCatalog.All.Count..];
        for (var i = 0; i < input.Classes; i++)
            perClass[PerClassValues * i] = F1(i);
        if (curves && input.Micro is not null)
            MeasureCurves(weights, values, perClass);
    }

    static void Set(Span<double> values, string key, double value) => values[MetricCatalog.IndexOf(key)] = value;

    (double LogLoss, double Brier) Tally(ReadOnlySpan<byte> weights)
    {
        Array.Clear(_table);
        Array.Clear(_binCount);
        Array.Clear(_binGap);
        double logLoss = 0, brier = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            int weight = weights[i];
            if (weight == 0)
                continue;
            _table[input.Cell[i]] += weight;
            _binCount[input.Bin[i]] += weight;
            _binGap[input.Bin[i]] += weight * (input.Correct[i] - input.Confidence[i]);
            logLoss += weight * input.LogLoss[i];
            brier += weight * input.Brier[i];
        }

        return (logLoss, brier);
    }

    double EqualWidthError(long total)
    {
        var sum = 0.0;
        foreach (var gap in _binGap)
            sum += Math.Abs(gap);
        return sum / total;
    }

    /// <summary>The same cuts as <see cref="Reliability.EqualMass"/>, where drawing a row twice counts as a tie.</summary>
    double EqualMassError(ReadOnlySpan<byte> weights, long total)
    {
        double sum = 0, gap = 0;
        long seen = 0;
        var bin = 1;
        var order = input.ByConfidence;
        for (var i = 0; i < order.Length; i++)
        {
            var row = order[i];
            gap += weights[row] * (input.Correct[row] - input.Confidence[row]);
            seen += weights[row];
            var more = i + 1 < order.Length && input.Confidence[order[i + 1]] == input.Confidence[row];
            if (more || seen < total * bin / input.Bins)
                continue;
            sum += Math.Abs(gap);
            gap = 0;
            while (bin <= input.Bins && total * bin / input.Bins <= seen)
                bin++;
        }

        return sum / total;
    }

    double F1(int label)
    {
        var sum = _actual[label] + _predicted[label];
        return sum == 0 ? double.NaN : 2.0 * _table[(label * input.Classes) + label] / sum;
    }

    void MeasureCurves(ReadOnlySpan<byte> weights, Span<double> values, Span<double> perClass)
    {
        (double rocSum, double apSum, int rocCount, int apCount) = (0, 0, 0, 0);
        for (var i = 0; i < input.Classes; i++)
        {
            var (roc, ap, pr) = input.PerClass[i].Measure(weights);
            (perClass[(PerClassValues * i) + 1], perClass[(PerClassValues * i) + 2], perClass[(PerClassValues * i) + 3]) = (roc, ap, pr);
            if (!double.IsNaN(roc))
                (rocSum, rocCount) = (rocSum + roc, rocCount + 1);
            if (!double.IsNaN(ap))
                (apSum, apCount) = (apSum + ap, apCount + 1);
        }

        Set(values, MetricCatalog.AreaUnderRocCurveMacro, rocSum / rocCount);
        Set(values, MetricCatalog.AveragePrecisionMacro, apSum / apCount);
        Set(values, MetricCatalog.AreaUnderRocCurveMicro, input.Micro!.Measure(weights).Roc);
    }
}
