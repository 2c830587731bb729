using System.Globalization;
using System.Text;

namespace MlNetCifar.Evaluation;

/// <summary>A pair of classes that the model mixes up.</summary>
/// <param name="Actual">Index of the true class.</param>
/// <param name="Predicted">Index of the class it was taken for.</param>
/// <param name="Count">Images.</param>
/// <param name="Rate">Their share of the images of the true class, 0 … 1.</param>
public readonly record struct ConfusedPair(int Actual, int Predicted, long Count, double Rate);

/// <summary>How often each true class (row) was predicted as each class (column). Immutable.</summary>
public sealed class ConfusionMatrix
{
    readonly long[] _counts;

    internal ConfusionMatrix(IReadOnlyList<string> classes, long[] counts)
    {
        _counts = counts;
        ClassNames = classes;
        NumberOfClasses = classes.Count;
        ActualCounts = [.. Indices.Select(row => Indices.Sum(column => this[row, column]))];
        PredictedCounts = [.. Indices.Select(column => Indices.Sum(row => this[row, column]))];
        PerClassRecall = [.. Indices.Select(i => Share(this[i, i], ActualCounts[i]))];
        PerClassPrecision = [.. Indices.Select(i => Share(this[i, i], PredictedCounts[i]))];
    }

    /// <summary>Names of the classes, in the order of rows and columns.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Number of classes C.</summary>
    public int NumberOfClasses { get; }

    /// <summary>Images of each true class: the sums of the rows.</summary>
    public IReadOnlyList<long> ActualCounts { get; }

    /// <summary>Images predicted as each class: the sums of the columns.</summary>
    public IReadOnlyList<long> PredictedCounts { get; }

    /// <summary>Correct ÷ images predicted as the class, 0 … 1; 0 when there are none.</summary>
    public IReadOnlyList<double> PerClassPrecision { get; }

    /// <summary>Correct ÷ images of the class, 0 … 1; 0 when there are none.</summary>
    public IReadOnlyList<double> PerClassRecall { get; }

    /// <summary>The table as ML.NET gives it: true classes in the outer list, predicted classes in the inner ones.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Counts =>
        [.. Indices.Select(row => (IReadOnlyList<double>)[.. Indices.Select(column => (double)this[row, column])])];

    /// <summary>Images of a true class that were predicted as a class.</summary>
    /// <param name="actual">Index of the true class.</param>
    /// <param name="predicted">Index of the predicted class.</param>
    public long this[int actual, int predicted] => _counts[(actual * NumberOfClasses) + predicted];

    IEnumerable<int> Indices => Enumerable.Range(0, NumberOfClasses);

    /// <summary>The count of a pair, in ML.NET's order of arguments.</summary>
    /// <param name="predictedClassIndex">Index of the predicted class.</param>
    /// <param name="actualClassIndex">Index of the true class.</param>
    public double GetCountForClassPair(int predictedClassIndex, int actualClassIndex) => this[actualClassIndex, predictedClassIndex];

    /// <summary>A cell as a share of its row: of the images of the true class, how many were predicted so; NaN when there are none.</summary>
    /// <param name="actual">Index of the true class.</param>
    /// <param name="predicted">Index of the predicted class.</param>
    public double Rate(int actual, int predicted) => (double)this[actual, predicted] / ActualCounts[actual];

    /// <summary>The pairs of different classes with the most images, most first; equal ones by index.</summary>
    /// <param name="count">How many at the most.</param>
    public IReadOnlyList<ConfusedPair> MostConfused(int count) =>
        [.. (from actual in Indices
             from predicted in Indices
             where actual != predicted && this[actual, predicted] > 0
             orderby this[actual, predicted] descending, actual, predicted
             select new ConfusedPair(actual, predicted, this[actual, predicted], Rate(actual, predicted))).Take(count)];

    /// <summary>The table as text, with class names, sums, recall beside the rows and precision under the columns.</summary>
    public string GetFormattedConfusionTable()
    {
        var label = Math.Max("true \\ predicted".Length, ClassNames.Max(name => name.Length));
        int[] widths = [.. Indices.Select(i => Math.Max(7, ClassNames[i].Length))];
        var text = new StringBuilder();
        text.Append("true \\ predicted".PadRight(label)).Append(" |");
        foreach (var i in Indices)
            text.Append(' ').Append(ClassNames[i].PadLeft(widths[i]));
        text.Append(" | recall\n").Append('-', label).Append("-+").Append('-', widths.Sum() + widths.Length).Append("-+-------\n");
        foreach (var row in Indices)
        {
            text.Append(ClassNames[row].PadRight(label)).Append(" |");
            foreach (var column in Indices)
                text.Append(' ').Append(this[row, column].ToString(CultureInfo.InvariantCulture).PadLeft(widths[column]));
            text.Append(" | ").Append(ActualCounts[row] == 0 ? "     –" : Format(PerClassRecall[row])).Append('\n');
        }

        text.Append('-', label).Append("-+").Append('-', widths.Sum() + widths.Length).Append("-+-------\n").Append("precision".PadRight(label)).Append(" |");
        foreach (var i in Indices)
            text.Append(' ').Append((PredictedCounts[i] == 0 ? "–" : Format(PerClassPrecision[i])).PadLeft(widths[i]));
        return text.Append(" |\n").ToString();
    }

    static string Format(double share) => share.ToString("0.0000", CultureInfo.InvariantCulture);

    static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
