using System.Globalization;

namespace MlNetCifar.Evaluation;

/// <summary>Reading of single score rows.</summary>
internal static class Probabilities
{
    /// <summary>Smallest probability whose logarithm is taken, as in ML.NET.</summary>
    public const double Epsilon = 1e-15;

    /// <summary>
    /// Largest departure of a row's sum from 1, and of one score above 1, that still counts as probabilities: 1,000 times what a softmax in
    /// single precision leaves, and enough for one in half precision.
    /// </summary>
    public const double SumTolerance = 1e-3;

    /// <summary>Whether no score is NaN or infinite.</summary>
    public static bool AllFinite(ReadOnlySpan<float> scores) => IndexOfNonFinite(scores) < 0;

    /// <summary>The first score that is NaN or infinite; −1 for none.</summary>
    public static int IndexOfNonFinite(ReadOnlySpan<float> scores)
    {
        for (var i = 0; i < scores.Length; i++)
            if (!float.IsFinite(scores[i]))
                return i;
        return -1;
    }

    /// <summary>What shows that scores are no probabilities, to follow "it "; null where nothing does, or where a score is not finite.</summary>
    /// <param name="scores">[C], or one of two.</param>
    public static string? Fault(ReadOnlySpan<float> scores)
    {
        var sum = 0.0;
        for (var i = 0; i < scores.Length; i++)
        {
            if (scores[i] is not (>= 0 and <= (float)(1 + SumTolerance)))
                return AllFinite(scores) ? string.Create(CultureInfo.InvariantCulture, $"holds {scores[i]} in column {i}") : null;
            sum += scores[i];
        }

        return scores.Length == 1 || Math.Abs(sum - 1) <= SumTolerance ? null : string.Create(CultureInfo.InvariantCulture, $"adds up to {sum:G6}");
    }

    /// <summary>One of two probabilities from the positive one.</summary>
    public static double Expand(float positive, bool isPositive) => isPositive ? positive : 1.0 - positive;

    /// <summary>The C probabilities of a row of C scores, or of one score where there are two classes.</summary>
    public static void Copy(ReadOnlySpan<float> scores, int positiveClass, Span<double> destination)
    {
        if (scores.Length == destination.Length)
        {
            for (var i = 0; i < scores.Length; i++)
                destination[i] = scores[i];
            return;
        }

        for (var i = 0; i < destination.Length; i++)
            destination[i] = Expand(scores[0], i == positiveClass);
    }

    /// <summary>The class with the highest probability; the lowest index among equals.</summary>
    public static int ArgMax(ReadOnlySpan<double> probabilities)
    {
        var best = 0;
        for (var i = 1; i < probabilities.Length; i++)
            if (probabilities[i] > probabilities[best])
                best = i;
        return best;
    }

    /// <summary>How many classes come before this one: those with a higher probability, and equal ones with a lower index.</summary>
    public static int Rank(ReadOnlySpan<double> probabilities, int label)
    {
        var own = probabilities[label];
        var rank = 0;
        for (var i = 0; i < probabilities.Length; i++)
            if (probabilities[i] > own || (probabilities[i] == own && i < label))
                rank++;
        return rank;
    }

    /// <summary>−ln p, with p limited to [10⁻¹⁵, 1].</summary>
    public static double LogLoss(double probability) => -Math.Log(Math.Clamp(probability, Epsilon, 1));

    /// <summary>Σₖ (pₖ − yₖ)², between 0 and 2 for probabilities.</summary>
    public static double Brier(ReadOnlySpan<double> probabilities, int label)
    {
        var sum = 0.0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            var difference = probabilities[i] - (i == label ? 1 : 0);
            sum += difference * difference;
        }

        return sum;
    }
}
