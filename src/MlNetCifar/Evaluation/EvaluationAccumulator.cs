namespace MlNetCifar.Evaluation;

/// <summary>
/// Collects labels and scores part by part. Accumulators of parts (shards, executors) merge to exactly what one accumulator of the whole
/// holds: counts are integers and sums are fixed-point, so neither the split nor the order changes a metric. Not thread-safe.
/// </summary>
internal sealed class EvaluationAccumulator
{
    readonly ScoredRows? _rows;

    /// <summary>Starts empty.</summary>
    /// <param name="classes">Names of the C ≥ 2 classes.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="ArgumentException">There are fewer than two classes, two have one name, or an option is out of range.</exception>
    public EvaluationAccumulator(IReadOnlyList<string> classes, EvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (classes.Count < 2)
            throw new ArgumentException($"There must be at least two classes; found {classes.Count}.", nameof(classes));
        if (classes.Distinct(StringComparer.Ordinal).Count() < classes.Count)
            throw new ArgumentException("Two classes have one name.", nameof(classes));
        Options = options ?? new EvaluationOptions();
        Options.Validate();
        Classes = [.. classes];
        Tallies = new Tallies(classes.Count, Options.CalibrationBins);
        _rows = Options.KeepRows ? new ScoredRows(classes.Count, Options.PositiveClass) : null;
    }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The choices in force.</summary>
    public EvaluationOptions Options { get; }

    /// <summary>Rows added so far, those with unusable scores included.</summary>
    public long Count => Tallies.Count + Tallies.Excluded;

    internal Tallies Tallies { get; }

    internal ScoredRows? Rows => _rows;

    /// <summary>Adds rows.</summary>
    /// <param name="labels">True classes, [n], 0 … C − 1.</param>
    /// <param name="scores">
    /// Probabilities, not logits: [n, C] row-major, each from 0 to 1 and each row with the sum 1 (± 0.001); or, with two classes, [n] probabilities of the positive class.
    /// </param>
    /// <exception cref="ArgumentException">The lengths do not fit together.</exception>
    /// <exception cref="MlNetCifarException">
    /// A label is out of range (MNC5002), a score is not finite and options ask to throw (MNC5003), or a finite row is no row of probabilities (MNC5010); nothing is added.
    /// </exception>
    public void Add(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores)
    {
        if (labels.Length == 0 && scores.Length == 0)
            return;
        var width = Width(labels.Length, scores.Length);
        Check(labels, scores, width);
        _rows?.Add(labels, scores, width);
        for (var i = 0; i < labels.Length; i++)
        {
            var row = scores.Slice(i * width, width);
            if (Probabilities.AllFinite(row))
                Tallies.Add(labels[i], row, Options.PositiveClass);
            else
                Tallies.Excluded++;
        }
    }

    /// <summary>Adds all rows of another accumulator.</summary>
    /// <param name="other">Same classes and the same number of calibration bins; unchanged.</param>
    /// <exception cref="ArgumentException">The accumulators do not fit together.</exception>
    public void Merge(EvaluationAccumulator other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!Classes.SequenceEqual(other.Classes))
            throw new ArgumentException("The accumulators have different classes.", nameof(other));
        if (Options with { Seed = 0, BootstrapResamples = 0 } != other.Options with { Seed = 0, BootstrapResamples = 0 })
            throw new ArgumentException("The accumulators have different options.", nameof(other));
        if (other.Rows is { Count: > 0 } rows)
            _rows!.Add(rows.Labels, rows.Scores, rows.Width);
        Tallies.Merge(other.Tallies);
    }

    /// <summary>The metrics of all rows added so far; later additions do not change it.</summary>
    /// <exception cref="MlNetCifarException">There is no row with usable scores (MNC5001).</exception>
    public EvaluationResult ToResult()
    {
        if (Tallies.Count == 0)
            throw EvaluationErrors.NoImages();
        var tallies = new Tallies(Classes.Count, Options.CalibrationBins);
        tallies.Merge(Tallies);
        return new EvaluationResult(Classes, Options, tallies, _rows?.Copy());
    }

    /// <summary>Writes everything collected so far, for <see cref="ReadFrom"/> on another machine.</summary>
    /// <param name="stream">Left open.</param>
    public void WriteTo(Stream stream) => AccumulatorFormat.Write(stream, this);

    /// <summary>Reads what <see cref="WriteTo"/> wrote.</summary>
    /// <param name="stream">Left open, behind the last byte read.</param>
    /// <exception cref="MlNetCifarException">The bytes are foreign or cut short (MNC5004).</exception>
    public static EvaluationAccumulator ReadFrom(Stream stream) => AccumulatorFormat.Read(stream);

    int Width(int labels, int scores)
    {
        if (labels > 0 && scores == (long)labels * Classes.Count)
            return Classes.Count;
        if (Classes.Count == 2 && scores == labels)
            return 1;
        throw new ArgumentException($"{labels} labels and {Classes.Count} classes need {(long)labels * Classes.Count} scores; found {scores}.", nameof(scores));
    }

    void Check(ReadOnlySpan<int> labels, ReadOnlySpan<float> scores, int width)
    {
        for (var i = 0; i < labels.Length; i++)
            if ((uint)labels[i] >= (uint)Classes.Count)
                throw EvaluationErrors.LabelOutOfRange(Count + i, labels[i], Classes.Count);
        for (var i = 0; i < labels.Length; i++)
        {
            var row = scores.Slice(i * width, width);
            if (Probabilities.Fault(row) is { } fault)
                throw EvaluationErrors.NotProbabilities(Count + i, fault);
            if (Options.NonFiniteScores == NonFiniteScores.Throw && Probabilities.IndexOfNonFinite(row) is >= 0 and var column)
                throw EvaluationErrors.NonFiniteScore(Count + i, column);
        }
    }
}
