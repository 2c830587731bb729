namespace MlNetCifar.Evaluation;

/// <summary>Choices of a comparison.</summary>
public sealed record ComparisonOptions
{
    /// <summary>Level below which a p-value counts as a difference. The default is 0.05.</summary>
    public double Significance { get; init; } = 0.05;

    /// <summary>Paired bootstrap resamples; 0 for none. The default is 2,000.</summary>
    public int BootstrapResamples { get; init; } = 2000;

    /// <summary>Seed of the bootstrap. The default is 1.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>Says whether one run is better than another, or whether the difference is what chance makes of equal models. Thread-safe.</summary>
public static class RunComparison
{
    /// <summary>McNemar's exact test of two models on the same images: could equal models have failed apart like this? Two-sided p-value.</summary>
    /// <param name="onlyA">Images that only the first model gets right.</param>
    /// <param name="onlyB">Images that only the second model gets right.</param>
    /// <returns>0 … 1; 1 when there is no such image.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    public static double McNemarP(long onlyA, long onlyB) => McNemar.ExactP(onlyA, onlyB);

    /// <summary>Compares two run folders.</summary>
    /// <param name="folderA">The first run, for example the baseline.</param>
    /// <param name="folderB">The second run.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="MlNetCifarException">A run cannot be read (MNC5005, MNC5006), or the runs saw different test data (MNC5007).</exception>
    public static ComparisonResult Compare(string folderA, string folderB, ComparisonOptions? options = null) =>
        Compare(RunData.Load(folderA), RunData.Load(folderB), options);

    /// <summary>Compares two runs.</summary>
    /// <param name="a">The first run, for example the baseline.</param>
    /// <param name="b">The second run.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="MlNetCifarException">The runs saw different test data (MNC5007).</exception>
    /// <exception cref="ArgumentException">A result was made without keeping rows.</exception>
    public static ComparisonResult Compare(RunData a, RunData b, ComparisonOptions? options = null)
    {
        options ??= new ComparisonOptions();
        var apart = ToldApart([a, b]);
        (a, b) = (apart[0], apart[1]);
        var (rowsA, rowsB) = (Rows(a), Rows(b));
        if (a.DataHash != b.DataHash || !rowsA.Labels.SequenceEqual(rowsB.Labels) || !a.Result.Classes.SequenceEqual(b.Result.Classes))
            throw EvaluationErrors.DifferentData(a, b);
        int[] used = [.. Enumerable.Range(0, rowsA.Count).Where(row => rowsA.IsUsable(row) && rowsB.IsUsable(row))];
        if (used.Length == 0)
            throw EvaluationErrors.NoImages();
        var (answersA, answersB) = (Answers(rowsA), Answers(rowsB));
        var labels = rowsA.Labels.ToArray();
        var (gained, lost) = (Flips(used, labels, answersB, answersA), Flips(used, labels, answersA, answersB));
        return new ComparisonResult
        {
            NameA = a.Name,
            NameB = b.Name,
            Count = used.Length,
            BothRight = used.Count(row => answersA[row].Label == labels[row] && answersB[row].Label == labels[row]),
            OnlyARight = lost.Length,
            OnlyBRight = gained.Length,
            McNemarP = McNemar.ExactP(lost.Length, gained.Length),
            Significance = options.Significance,
            Metrics = Differences(a, b, used, options),
            Classes = Changes(a.Result.Classes, used, labels, answersA, answersB),
            Flipped =
            [
                .. gained.Concat(lost).Order().Select(row => new FlippedImage(
                    row, a.Names[row], a.Result.Classes[labels[row]], a.Result.Classes[answersA[row].Label], a.Result.Classes[answersB[row].Label],
                    answersA[row].Confidence, answersB[row].Confidence, answersB[row].Label == labels[row])),
            ],
        };
    }

    /// <summary>Compares every pair of several runs, with the p-values corrected for their number (Holm).</summary>
    /// <param name="runs">At least two runs.</param>
    /// <param name="options">Choices; null for the defaults.</param>
    /// <exception cref="MlNetCifarException">The runs saw different test data (MNC5007).</exception>
    public static MultiComparison Compare(IReadOnlyList<RunData> runs, ComparisonOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs.Count, 2);
        options ??= new ComparisonOptions();
        RunData[] ranked = [.. ToldApart(runs).OrderByDescending(run => run.Result.MicroAccuracy).ThenBy(run => run.Name, StringComparer.Ordinal)];
        List<ComparisonResult> pairs = [];
        for (var better = 0; better < ranked.Length; better++)
            for (var worse = better + 1; worse < ranked.Length; worse++)
                pairs.Add(Compare(ranked[worse], ranked[better], options));
        var adjusted = McNemar.Holm([.. pairs.Select(pair => pair.McNemarP)]);
        return new MultiComparison([.. ranked.Select(run => run.Name)], pairs, adjusted, ComparisonText.Verdict(pairs, adjusted, ranked.Length, options.Significance));
    }

    /// <summary>The runs; those of one name in several folders are called by as much of the ends of these as tells them apart.</summary>
    static RunData[] ToldApart(IReadOnlyList<RunData> runs)
    {
        RunData[] named = [.. runs];
        foreach (var same in Enumerable.Range(0, named.Length).GroupBy(i => named[i].Name).Where(same => same.All(i => named[i].Folder is not null)).Select(same => same.ToArray()))
        {
            string[][] folders = [.. same.Select(i => Path.GetFullPath(named[i].Folder!).Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))];
            var different = Different(int.MaxValue);
            if (different == 1)
                continue;
            var parts = 2;
            while (Different(parts) < different)
                parts++;
            foreach (var (i, folder) in same.Zip(folders))
                named[i] = named[i] with { Name = End(folder, parts) };

            int Different(int parts) => folders.Select(folder => End(folder, parts)).Distinct().Count();
        }

        return named;

        static string End(string[] folder, int parts) => string.Join('/', folder.TakeLast(parts));
    }

    static ScoredRows Rows(RunData run) =>
        run.Result.Rows ?? throw new ArgumentException($"The evaluation of '{run.Name}' was made without keeping rows.");

    static (int Label, double Confidence)[] Answers(ScoredRows rows)
    {
        var answers = new (int, double)[rows.Count];
        var p = new double[rows.Classes];
        for (var row = 0; row < rows.Count; row++)
        {
            rows.CopyRow(row, p);
            var label = Probabilities.ArgMax(p);
            answers[row] = (label, p[label]);
        }

        return answers;
    }

    static int[] Flips(int[] used, int[] labels, (int Label, double Confidence)[] right, (int Label, double Confidence)[] wrong) =>
        [.. used.Where(row => right[row].Label == labels[row] && wrong[row].Label != labels[row])];

    static MetricDifference[] Differences(RunData a, RunData b, int[] used, ComparisonOptions options)
    {
        var bins = a.Result.Options.CalibrationBins;
        ResampleInput[] inputs = [new(Rows(a), used, bins, curves: true), new(Rows(b), used, bins, curves: true)];
        double[][] values = [Measure(inputs[0]), Measure(inputs[1])];
        var draws = options.BootstrapResamples > 0 ? Bootstrap.Run(inputs, options.BootstrapResamples, options.Seed) : null;
        return
        [
            .. MetricCatalog.All.Select((entry, i) => (entry, i)).Where(pair => pair.entry.Key != MetricCatalog.TopKAccuracy).Select(pair =>
            {
                var (entry, i) = pair;
                var differences = draws is null ? [] : draws[1][i].Zip(draws[0][i], (x, y) => x - y).ToArray();
                return new MetricDifference(
                    entry.Key, entry.Name, values[0][i], values[1][i], values[1][i] - values[0][i],
                    Bootstrap.Percentile(differences, 1 - options.Significance), Bootstrap.TwoSidedP(differences, used.Length), entry.HigherIsBetter);
            }),
        ];
    }

    static double[] Measure(ResampleInput input)
    {
        var values = new double[ResampleMeter.Length(input.Classes)];
        new ResampleMeter(input).Measure([.. Enumerable.Repeat((byte)1, input.Count)], values, curves: true);
        return values;
    }

    static ClassChange[] Changes(
        IReadOnlyList<string> classes, int[] used, int[] labels, (int Label, double Confidence)[] a, (int Label, double Confidence)[] b)
    {
        var (support, rightA, rightB, gained, lost) =
            (new long[classes.Count], new long[classes.Count], new long[classes.Count], new long[classes.Count], new long[classes.Count]);
        foreach (var row in used)
        {
            var label = labels[row];
            var (inA, inB) = (a[row].Label == label, b[row].Label == label);
            support[label]++;
            rightA[label] += inA ? 1 : 0;
            rightB[label] += inB ? 1 : 0;
            gained[label] += inB && !inA ? 1 : 0;
            lost[label] += inA && !inB ? 1 : 0;
        }

        var p = McNemar.Holm([.. lost.Zip(gained, McNemar.ExactP)]);
        return
        [
            .. classes.Select((name, i) => new ClassChange(
                name, support[i], (double)rightA[i] / support[i], (double)rightB[i] / support[i], gained[i], lost[i], p[i])),
        ];
    }
}
