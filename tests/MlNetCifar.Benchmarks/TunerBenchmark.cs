using System.Diagnostics;
using MlNetCifar.Tests.Tuning;
using MlNetCifar.Tuning;

namespace MlNetCifar.Benchmarks;

/// <summary>What the tuners reach on functions whose least value is known, and what a proposal costs.</summary>
internal static class TunerBenchmark
{
    static readonly TuningAlgorithm[] s_algorithms = [TuningAlgorithm.Random, TuningAlgorithm.Sobol, TuningAlgorithm.Cfo, TuningAlgorithm.Tpe, TuningAlgorithm.Gp];

    /// <summary>Prints regrets and times. Arguments: seeds (20), trials (60), trials whose proposals are timed (1000).</summary>
    public static int Run(string[] args)
    {
        int Argument(int index, int fallback) => args.Length > index ? int.Parse(args[index], System.Globalization.CultureInfo.InvariantCulture) : fallback;
        var (seeds, trials, timed) = (Argument(0, 20), Argument(1, 60), Argument(2, 1000));
        foreach (var function in ReferenceFunction.All)
        {
            Console.WriteLine(FormattableString.Invariant($"{function.Name}: regret after {trials} trials over {seeds} seeds: quartiles"));
            foreach (var algorithm in s_algorithms)
            {
                var regrets = Enumerable.Range(0, seeds).Select(seed => function.Regret(algorithm, (ulong)seed, trials)).Order().ToArray();
                Console.WriteLine(FormattableString.Invariant($"  {algorithm,-8} {regrets[seeds / 4],10:0.00000} {regrets[seeds / 2],10:0.00000} {regrets[3 * seeds / 4],10:0.00000}"));
            }
        }

        foreach (var algorithm in s_algorithms)
            Time(algorithm, timed);
        foreach (var algorithm in s_algorithms)
            TimeWhole(algorithm, timed);
        return 0;
    }

    /// <summary>A search with its journal on the disk, of a function that costs nothing: what all but the trials takes.</summary>
    static void TimeWhole(TuningAlgorithm algorithm, int trials)
    {
        var folder = Directory.CreateTempSubdirectory("tuner-").FullName;
        try
        {
            var function = ReferenceFunction.Hartmann6;
            var started = Stopwatch.GetTimestamp();
            new TuningExperiment().SetSearchSpace(function.Space).SetTuner(algorithm).SetMaxModelToExplore(trials).SetTrialRunner(s => -function.Of(s)).SetCheckpoint(folder).Run();
            Console.WriteLine(FormattableString.Invariant($"{algorithm,-8} {trials} trials with their journal: {Stopwatch.GetElapsedTime(started).TotalMilliseconds / trials:0.00} ms a trial"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static void Time(TuningAlgorithm algorithm, int trials)
    {
        var function = ReferenceFunction.Hartmann6;
        var tuner = Tuners.Create(algorithm, function.Space, 0);
        var times = new double[trials];
        for (var trial = 0; trial < trials; trial++)
        {
            var started = Stopwatch.GetTimestamp();
            var settings = new TrialSettings(trial, tuner.Propose(trial)!.Value);
            times[trial] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            tuner.Update(new() { TrialSettings = settings, Metric = 0, Loss = function.Of(settings) });
        }

        var last = times[^Math.Min(50, trials)..].Order().ToArray();
        Console.WriteLine(FormattableString.Invariant($"{algorithm,-8} {trials} trials of 6 parameters: a proposal takes {times.Average():0.000} ms on average, the last 50 {last[last.Length / 2]:0.000} ms (median), {last[^1]:0.000} ms (most)"));
    }
}
