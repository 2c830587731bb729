using System.Diagnostics;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tuning;

/// <summary>What may be weighed against accuracy.</summary>
public enum CostKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Trained parameters.</summary>
    Parameters,

    /// <summary>Milliseconds for one picture on one thread.</summary>
    Milliseconds,

    /// <summary>Bytes of weights and activations for one picture.</summary>
    Memory,
}

/// <summary>What a trial's network takes in use; it does not depend on its weights.</summary>
/// <param name="Parameters">Trained parameters.</param>
/// <param name="Milliseconds">For one picture on one thread, the median of repeated passes; other trials at the same time make it longer.</param>
/// <param name="Memory">Bytes of weights, in the layouts of kernels too, and of activations for one picture.</param>
public sealed record TrialCost(long Parameters, double Milliseconds, long Memory)
{
    const int Warmup = 2;
    const int FewestPasses = 9;
    const int MostPasses = 101;

    static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(80);

    /// <summary>One of the figures.</summary>
    /// <param name="kind">Which; not none.</param>
    public double Of(CostKind kind) => kind switch
    {
        CostKind.Parameters => Parameters,
        CostKind.Milliseconds => Milliseconds,
        CostKind.Memory => Memory,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>Measures a network.</summary>
    /// <exception cref="MlNetCifarException">The network is wrong (MNC20xx).</exception>
    internal static TrialCost Of(NetworkSpec network)
    {
        using var weights = NetworkWeights.Initialize(network, 0);
        using var pool = new WorkerPool(1);
        using var compiled = new Network(weights, 1, training: false, pool);
        compiled.Input(1).Fill(0.5f);
        var bytes = ((weights.Parameters.Length + (long)weights.Statistics.Length) * sizeof(float)) + compiled.PlannedBytes;
        var (times, started) = (new List<double>(), TimeProvider.System.GetTimestamp());
        for (var pass = -Warmup; pass < MostPasses && (pass < FewestPasses || TimeProvider.System.GetElapsedTime(started) < s_time); pass++)
        {
            var begun = Stopwatch.GetTimestamp();
            compiled.Forward(1);
            if (pass >= 0)
                times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        times.Sort();
        return new(weights.ParameterCount, times[times.Count / 2], bytes);
    }
}

/// <summary>The trials that no other beats in both accuracy and cost.</summary>
internal static class ParetoFront
{
    /// <summary>From the cheapest to the most accurate.</summary>
    /// <param name="results">Those that ran to their end and have a cost count.</param>
    /// <param name="kind">Which cost; not none.</param>
    public static IReadOnlyList<TrialResult> Of(IEnumerable<TrialResult> results, CostKind kind)
    {
        var front = new List<TrialResult>();
        foreach (var result in results.Where(r => r.State == TrialState.Completed && r.Cost is not null)
            .OrderBy(r => r.Cost!.Of(kind)).ThenByDescending(r => r.Metric).ThenBy(r => r.TrialSettings.TrialId))
        {
            if (front.Count == 0 || result.Metric > front[^1].Metric)
                front.Add(result);
        }

        return front;
    }
}
