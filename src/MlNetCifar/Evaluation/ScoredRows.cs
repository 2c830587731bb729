namespace MlNetCifar.Evaluation;

/// <summary>Labels and scores of the images in the order they were added; grows as needed. One column stands for two classes.</summary>
internal sealed class ScoredRows(int classes, int positiveClass)
{
    int[] _labels = [];
    float[] _scores = [];

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>Number of classes C.</summary>
    public int Classes { get; } = classes;

    /// <summary>Class of the single column where <see cref="Width"/> is 1.</summary>
    public int PositiveClass { get; } = positiveClass;

    /// <summary>Scores a row: C, or 1; 0 while there is no row.</summary>
    public int Width { get; private set; }

    /// <summary>All labels, [N].</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>All scores, [N, Width].</summary>
    public ReadOnlySpan<float> Scores => _scores.AsSpan(0, Count * Width);

    /// <summary>The scores of one row as given.</summary>
    public ReadOnlySpan<float> Row(int row) => _scores.AsSpan(row * Width, Width);

    /// <summary>Whether all scores of a row are finite; others take part in no metric.</summary>
    public bool IsUsable(int row) => Probabilities.AllFinite(Row(row));

    /// <summary>Probability of a class in a row.</summary>
    public double Probability(int row, int label) =>
        Width == Classes ? _scores[(row * Width) + label] : Probabilities.Expand(_scores[row], label == PositiveClass);

    /// <summary>Copies the C probabilities of a row.</summary>
    public void CopyRow(int row, Span<double> destination) => Probabilities.Copy(Row(row), PositiveClass, destination);

    /// <summary>The most probable class of every usable row, and its probability.</summary>
    public IEnumerable<(int Row, int Predicted, double Confidence)> Answers()
    {
        var p = new double[Classes];
        for (var row = 0; row < Count; row++)
        {
            if (!IsUsable(row))
                continue;
            CopyRow(row, p);
            var predicted = Probabilities.ArgMax(p);
            yield return (row, predicted, p[predicted]);
        }
    }

    /// <summary>Appends rows of the given width.</summary>
    public void Add(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, int width)
    {
        if (Width == 0)
            Width = width;
        else if (width != Width)
            throw new ArgumentException($"These rows have {width} scores each; the rows before had {Width}.", nameof(scores));
        Grow(ref _labels, Count + labels.Length);
        Grow(ref _scores, checked((Count + labels.Length) * width));
        labels.CopyTo(_labels.AsSpan(Count));
        scores.CopyTo(_scores.AsSpan(Count * width));
        Count += labels.Length;
    }

    /// <summary>A copy with no spare room.</summary>
    public ScoredRows Copy() => new(Classes, PositiveClass) { _labels = Labels.ToArray(), _scores = Scores.ToArray(), Count = Count, Width = Width };

    static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            Array.Resize(ref array, Math.Max(length, Math.Min(2 * array.Length, Array.MaxLength)));
    }
}
