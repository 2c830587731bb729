using MlNetCifar.Data;

namespace MlNetCifar.Training;

/// <summary>One step of the search.</summary>
/// <param name="LearningRate">The rate.</param>
/// <param name="Loss">The smoothed loss at that rate, in nats.</param>
public readonly record struct RatePoint(double LearningRate, double Loss);

/// <summary>What the search found.</summary>
/// <param name="Suggestion">The rate at which the loss fell fastest.</param>
/// <param name="Curve">All steps, rates rising.</param>
public sealed record RateCurve(double Suggestion, IReadOnlyList<RatePoint> Curve);

/// <summary>
/// The learning-rate range test (Smith 2017): trains while the rate rises exponentially, until the loss has grown to four times its least; suggests the rate
/// at which the smoothed loss fell fastest against the logarithm of the rate.
/// </summary>
public static class LearningRateFinder
{
    const double Smoothing = 0.9;
    const double Divergence = 4;

    /// <summary>Searches. Trains a network of its own; nothing is kept.</summary>
    /// <param name="network">What will be trained.</param>
    /// <param name="options">How; its learning rate and schedule are not used.</param>
    /// <param name="train">Training images.</param>
    /// <param name="steps">Number of rates, ≥ 10. The default is 100.</param>
    /// <param name="lowest">First rate, &gt; 0. The default is 1e-6.</param>
    /// <param name="highest">Last rate. The default is 1.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="MlNetCifarException">The loss never fell (MNC3005).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static RateCurve Find(
        NetworkSpec network, TrainingOptions options, ImageSource train, int steps = 100, double lowest = 1e-6, double highest = 1, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 10);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lowest);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(highest, lowest);
        options.Validate();
        var normalization = Normalization.Compute(train, cancellation);

        // With a full rate of 1 the step's factor is the rate itself.
        using var session = new TrainingSession(network, options with { LearningRate = 1, BiasLearningRate = null, HeadLearningRate = null }, train, normalization);
        using var loader = new BatchLoader(train, normalization, new BatchLoaderOptions
        {
            BatchSize = options.BatchSize, Shuffle = true, Seed = options.Seed, Augmentation = options.Augmentation,
        });
        var curve = new List<RatePoint>();
        double average = 0, least = double.PositiveInfinity;
        for (int step = 0, epoch = 0; step < steps; epoch++)
        {
            loader.Start(epoch);
            while (step < steps && loader.Next() is { } batch)
            {
                cancellation.ThrowIfCancellationRequested();
                var rate = lowest * Math.Pow(highest / lowest, (double)step / (steps - 1));
                if (!TryStep(session, batch, rate, out var loss))
                    return Suggest(curve);
                step++;
                average = (Smoothing * average) + ((1 - Smoothing) * loss);
                var smoothed = average / (1 - Math.Pow(Smoothing, step));
                curve.Add(new RatePoint(rate, smoothed));
                least = Math.Min(least, smoothed);
                if (smoothed > Divergence * least)
                    return Suggest(curve);
            }
        }

        return Suggest(curve);
    }

    static bool TryStep(TrainingSession session, Batch batch, double rate, out double loss)
    {
        try
        {
            loss = session.Step(batch, (float)rate, 0, out _);
            return true;
        }
        catch (MlNetCifarException e) when (e.Code == "MNC3002")
        {
            // The end of the search: the rate is too high.
            loss = double.NaN;
            return false;
        }
    }

    static RateCurve Suggest(List<RatePoint> curve)
    {
        var (steepest, at) = (0.0, -1);
        for (var i = 1; i < curve.Count - 1; i++)
        {
            var slope = (curve[i + 1].Loss - curve[i - 1].Loss) / Math.Log(curve[i + 1].LearningRate / curve[i - 1].LearningRate);
            if (slope < steepest)
                (steepest, at) = (slope, i);
        }

        return at < 0 ? throw TrainingErrors.Diverged() : new RateCurve(curve[at].LearningRate, curve);
    }
}
