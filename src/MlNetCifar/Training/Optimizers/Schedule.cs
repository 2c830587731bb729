using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>How the learning rate changes over a run.</summary>
public enum ScheduleKind
{
    /// <summary>Stays as it is.</summary>
    Constant,

    /// <summary>Multiplied by a factor after each third of the run.</summary>
    Step,

    /// <summary>Half a cosine from the full rate to 0 (Loshchilov and Hutter 2017).</summary>
    Cosine,

    /// <summary>A cosine rise from 1/25 of the rate to the full one, then a cosine fall to nearly 0 (Smith and Topin 2018).</summary>
    OneCycle,

    /// <summary>A straight line from the full rate to 0.</summary>
    Linear,
}

/// <summary>The share of the full learning rate at a moment of the run.</summary>
/// <param name="progress">0 at the first step, 1 at the end; of steps, or of time in a run with a time budget.</param>
/// <returns>0 … 1.</returns>
public delegate double Schedule(double progress);

/// <summary>Makes schedules.</summary>
internal static class Schedules
{
    const double OneCycleRise = 0.3;
    const double OneCycleStart = 1.0 / 25;

    /// <summary>The schedule that the options ask for.</summary>
    /// <param name="options">Kind, warm-up and factor.</param>
    public static Schedule Create(TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return WithAveraging(options, Create(options, options.Schedule, options.Warmup));
    }

    /// <summary>The schedule of some tensors.</summary>
    internal static Schedule Create(TrainingOptions options, UpdateSettings settings)
    {
        var whole = Create(options, settings.Schedule, settings.Warmup);
        return WithAveraging(options, settings.Share is { } share ? p => p < share ? whole(p / share) : 0 : whole, settings.Share ?? double.PositiveInfinity);
    }

    /// <summary>The constant rate while weights are averaged, where one is asked for.</summary>
    static Schedule WithAveraging(TrainingOptions options, Schedule main, double share = double.PositiveInfinity) =>
        options is { SwaStart: { } start, SwaLearningRate: { } rate } ? p => p < start || p >= share ? main(p) : rate / options.LearningRate : main;

    static Schedule Create(TrainingOptions options, ScheduleKind kind, float? rise)
    {
        Schedule main = kind switch
        {
            ScheduleKind.Constant => _ => 1,
            ScheduleKind.Step => p => Math.Pow(options.StepFactor, Math.Min((int)(3 * p), 2)),
            ScheduleKind.Cosine => p => Cosine(1, 0, p),
            ScheduleKind.Linear => p => 1 - p,
            ScheduleKind.OneCycle => OneCycle(rise ?? OneCycleRise),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such schedule."),
        };
        return kind != ScheduleKind.OneCycle && rise is > 0 and var warmup ? WithWarmup(warmup, main) : main;
    }

    static Schedule WithWarmup(double warmup, Schedule main) =>
        p => p < warmup ? p / warmup : main(warmup < 1 ? (p - warmup) / (1 - warmup) : 1);

    static Schedule OneCycle(double rise) =>
        p => p < rise ? Cosine(OneCycleStart, 1, p / rise) : Cosine(1, OneCycleStart * 1e-4, rise < 1 ? (p - rise) / (1 - rise) : 1);

    static double Cosine(double from, double to, double p) => to + ((from - to) * (1 + Math.Cos(Math.PI * Math.Clamp(p, 0, 1))) / 2);
}
