using System.Collections.Immutable;
using System.Globalization;
using MlNetCifar.Tuning;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// Searches upon a measured table, as NAS-Bench and HPOBench have them: the curves of a grid that was trained whole once. A search trains nothing; it is told what the configurations it asks for gave, and pays for the
/// epochs that it saw.
/// </summary>
internal static class SweepReplay
{
    const int Trials = 60;

    /// <summary>Targets are those of other seeds than the searches have: a search does not race against itself.</summary>
    const ulong TargetSeed = 1_000_000;

    static readonly TuningAlgorithm[] s_algorithms = [TuningAlgorithm.Random, TuningAlgorithm.Sobol, TuningAlgorithm.Cfo, TuningAlgorithm.Tpe, TuningAlgorithm.Gp];

    /// <summary>Prints ratios of time and regrets. Arguments: the folder of a grid sweep without pruning; repeats (30).</summary>
    public static int Run(string[] args)
    {
        var repeats = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 30;
        var table = MeasuredTable.Read(args[0]);
        if (table.Count < 2 * Trials)
            throw new ArgumentException($"The table has {table.Count} configurations; searches of {Trials} want twice as many.");
        Console.WriteLine(FormattableString.Invariant($"{table.Count} configurations, the best right on {table.Best:0.0000}; {table.Space}"));
        var targets = Enumerable.Range(0, repeats).Select(seed => table.Search(TuningAlgorithm.Random, PruningRule.None, TargetSeed + (ulong)seed, Trials)).ToArray();
        Console.WriteLine(FormattableString.Invariant($"random search, {Trials} whole trials, {repeats} seeds: best {Median(targets.Select(t => t.Best)):0.0000}, {Median(targets.Select(t => t.Seconds)):0} s (medians)"));
        Console.WriteLine("                    time to its best / its time       regret after 60          seconds");
        Console.WriteLine("                   quartiles            reached       quartiles                median");
        foreach (var algorithm in s_algorithms)
        {
            foreach (var pruning in new[] { PruningRule.None, PruningRule.Asha })
            {
                var searches = Enumerable.Range(0, repeats).Select(seed => table.Search(algorithm, pruning, (ulong)seed, Trials)).ToArray();
                var ratios = searches.Zip(targets, (search, target) => search.TimeTo(target.Best) / target.Seconds).ToArray();
                var regrets = searches.Select(search => table.Best - search.Best).ToArray();
                Console.WriteLine(FormattableString.Invariant(
                    $"{algorithm,-8}{(pruning == PruningRule.Asha ? "ASHA" : ""),-8}{Quartiles(ratios, "0.00")}   {ratios.Count(double.IsFinite),3}/{repeats}   {Quartiles(regrets, "0.0000")}  {Median(searches.Select(s => s.Seconds)),6:0}"));
            }
        }

        return 0;
    }

    static string Quartiles(IEnumerable<double> values, string format)
    {
        var sorted = values.Order().ToArray();
        return string.Join(' ', new[] { sorted.Length / 4, sorted.Length / 2, 3 * sorted.Length / 4 }.Select(i => (double.IsFinite(sorted[i]) ? sorted[i].ToString(format, CultureInfo.InvariantCulture) : "never").PadLeft(format.Length + 2)));
    }

    static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
}

/// <summary>What a search found, trial by trial.</summary>
/// <param name="Ends">For each trial when it ended, in seconds of training, and its accuracy; NaN for one that was pruned.</param>
internal sealed record ReplayedSearch(IReadOnlyList<(double Seconds, double Accuracy)> Ends)
{
    public double Seconds => Ends[^1].Seconds;

    public double Best => Ends.Where(end => !double.IsNaN(end.Accuracy)).Max(end => end.Accuracy);

    /// <summary>When it first had a trial as good as that; ∞ for never.</summary>
    public double TimeTo(double accuracy) => Ends.Where(end => end.Accuracy >= accuracy).Select(end => end.Seconds).DefaultIfEmpty(double.PositiveInfinity).First();
}

/// <summary>Every configuration of a grid with its curve and what an epoch of it takes.</summary>
internal sealed class MeasuredTable
{
    /// <summary>What an epoch takes follows from these alone.</summary>
    static readonly string[] s_sizes = ["preset", "filters", "dense-units", "batch-size"];

    readonly (double[] Point, TrialResult Result, double EpochSeconds)[] _rows;

    MeasuredTable(SearchSpace space, IReadOnlyList<TrialResult> results)
    {
        Space = space;

        // The machine may have had other work for a while: of networks of one size the median counts.
        var costs = results.GroupBy(SizeOf).ToDictionary(
            group => group.Key, group => group.Select(r => r.DurationInMilliseconds / 1000 / r.Curve.Length).Order().ElementAt(group.Count() / 2));
        _rows = [.. results.Select(result => (space.PointOf(result.TrialSettings.Parameters), result, costs[SizeOf(result)]))];
    }

    /// <summary>Ranges over the grid's values.</summary>
    public SearchSpace Space { get; }

    public int Count => _rows.Length;

    public double Best => _rows.Max(row => row.Result.Metric);

    /// <summary>Reads the journal of a sweep.</summary>
    public static MeasuredTable Read(string folder)
    {
        var journal = SweepJournal.Peek(folder);
        if (journal.Header!["pruning"] != "none")
            throw new ArgumentException("The sweep was pruned: give one that was begun with --tuner grid --pruning none.");
        var grid = SearchSpace.Parse(journal.Header["space"].Split(' '));
        return new(new([.. grid.Parameters.Select(choice => Range(choice))]), [.. journal.Results.Where(result => result.State == TrialState.Completed)]);
    }

    /// <summary>A search of the table.</summary>
    public ReplayedSearch Search(TuningAlgorithm algorithm, PruningRule pruning, ulong seed, int trials)
    {
        var runner = new Runner(this);
        new TuningExperiment().SetSearchSpace(Space).SetTuner(new NearestTuner(Tuners.Create(algorithm, Space, seed), this)).SetPruning(pruning).SetMaxModelToExplore(trials).SetTrialRunner(runner).Run();
        return new(runner.Ends);
    }

    static string SizeOf(TrialResult result) => string.Join(' ', result.TrialSettings.Parameters.Where(pair => s_sizes.Contains(pair.Key)).Select(pair => pair.Value));

    /// <summary>From the least to the largest of the values, by ratio where these are more even by ratio; names stay.</summary>
    static SearchParameter Range(SearchParameter choice)
    {
        if (!choice.Choices.All(text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
            return choice;
        double[] values = [.. choice.Choices.Select(text => double.Parse(text, CultureInfo.InvariantCulture)).Order()];
        var byRatio = values[0] > 0 && Unevenness([.. values.Select(value => Math.Log(value))]) < Unevenness(values);
        return values.All(double.IsInteger)
            ? SearchParameter.Integer(choice.Name, (int)values[0], (int)values[^1], byRatio)
            : SearchParameter.Number(choice.Name, values[0], values[^1], byRatio);
    }

    static double Unevenness(double[] values)
    {
        var steps = values.Zip(values.Skip(1), (a, b) => b - a).ToArray();
        return steps.Max() / steps.Min();
    }

    TrialResult Nearest(double[] point, HashSet<TrialResult> tried) =>
        _rows.Where(row => !tried.Contains(row.Result)).MinBy(row => row.Point.Zip(point, (a, b) => (a - b) * (a - b)).Sum()).Result;

    /// <summary>
    /// Has the nearest of what was measured and not been tried tried, and the tuner told of that: in ranges no search comes to the same point again, and to train the same again would be no search.
    /// </summary>
    sealed class NearestTuner(ITuner tuner, MeasuredTable table) : ITuner
    {
        readonly HashSet<TrialResult> _tried = [];

        public ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId)
        {
            if (tuner.Propose(trialId) is not { } values)
                return null;
            var nearest = table.Nearest(table.Space.PointOf(values), _tried);
            _tried.Add(nearest);
            return nearest.TrialSettings.Parameters;
        }

        public void Update(TrialResult result) => tuner.Update(result);
    }

    /// <summary>Tells the epochs of what was measured.</summary>
    sealed class Runner(MeasuredTable table) : ITrialRunner
    {
        double _seconds;

        public List<(double Seconds, double Accuracy)> Ends { get; } = [];

        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            var (_, measured, epochSeconds) = table._rows.First(row => row.Result.TrialSettings.Parameters.SequenceEqual(settings.Parameters));
            var (epochs, goesOn) = (0, true);
            while (goesOn && epochs < measured.Curve.Length)
                goesOn = settings.Report(epochs + 1, measured.Curve[epochs++]) || epochs == measured.Curve.Length;
            _seconds += epochs * epochSeconds;
            Ends.Add((_seconds, goesOn ? measured.Metric : double.NaN));
            var best = measured.Curve[..epochs].Max();
            return Task.FromResult(new TrialResult { TrialSettings = settings, Metric = best, Loss = 1 - best, State = goesOn ? TrialState.Completed : TrialState.Pruned });
        }
    }
}
