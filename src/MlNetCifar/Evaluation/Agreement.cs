namespace MlNetCifar.Evaluation;

/// <summary>Single numbers from a table of counts, [true class, predicted class]. Weighted counts (bootstrap) pass through the same code.</summary>
internal static class Agreement
{
    /// <summary>Row sums, column sums and the sum of the diagonal of a C × C table.</summary>
    public static (long Total, long Correct) Sums(ReadOnlySpan<long> table, Span<long> actual, Span<long> predicted)
    {
        var classes = actual.Length;
        actual.Clear();
        predicted.Clear();
        long total = 0, correct = 0;
        for (var row = 0; row < classes; row++)
            for (var column = 0; column < classes; column++)
            {
                var count = table[(row * classes) + column];
                actual[row] += count;
                predicted[column] += count;
                total += count;
                correct += row == column ? count : 0;
            }

        return (total, correct);
    }

    /// <summary>Mean recall of the classes that occur.</summary>
    public static double MacroAccuracy(ReadOnlySpan<long> table, ReadOnlySpan<long> actual)
    {
        var sum = 0.0;
        var present = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            if (actual[i] == 0)
                continue;
            sum += (double)table[(i * actual.Length) + i] / actual[i];
            present++;
        }

        return sum / present;
    }

    /// <summary>Mean F1 of the classes that occur among the labels, those of <see cref="MacroAccuracy"/>.</summary>
    public static double MacroF1(ReadOnlySpan<long> table, ReadOnlySpan<long> actual, ReadOnlySpan<long> predicted)
    {
        var sum = 0.0;
        var present = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            if (actual[i] == 0)
                continue;
            sum += 2.0 * table[(i * actual.Length) + i] / (actual[i] + predicted[i]);
            present++;
        }

        return sum / present;
    }

    /// <summary>Cohen's κ = (pₒ − pₑ) ÷ (1 − pₑ); NaN when pₑ is 1, that is when labels and predictions are all one class.</summary>
    public static double Kappa(long total, long correct, ReadOnlySpan<long> actual, ReadOnlySpan<long> predicted)
    {
        var expected = Products(actual, predicted) / ((double)total * total);
        return expected >= 1 ? double.NaN : (((double)correct / total) - expected) / (1 - expected);
    }

    /// <summary>Matthews correlation for C classes (Gorodkin 2004); 0 when labels or predictions are all one class.</summary>
    public static double Matthews(long total, long correct, ReadOnlySpan<long> actual, ReadOnlySpan<long> predicted)
    {
        double n = total;
        var numerator = (n * correct) - Products(actual, predicted);
        var denominator = ((n * n) - Products(actual, actual)) * ((n * n) - Products(predicted, predicted));
        return denominator <= 0 ? 0 : numerator / Math.Sqrt(denominator);
    }

    /// <summary>Entropy of the shares of the classes in nats: the log-loss of always answering with these shares.</summary>
    public static double Entropy(long total, ReadOnlySpan<long> actual)
    {
        var sum = 0.0;
        foreach (var count in actual)
            if (count > 0)
                sum -= (double)count / total * Math.Log((double)count / total);
        return sum;
    }

    static double Products(ReadOnlySpan<long> a, ReadOnlySpan<long> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
