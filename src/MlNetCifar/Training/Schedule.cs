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
        Schedule main = options.Schedule switch
        {
            ScheduleKind.Constant => _ => 1,
            ScheduleKind.Step => p => Math.Pow(options.StepFactor, Math.Min((int)(3 * p), 2)),
            ScheduleKind.Cosine => p => Cosine(1, 0, p),
            ScheduleKind.Linear => p => 1 - p,
            ScheduleKind.OneCycle => OneCycle(options.Warmup ?? OneCycleRise),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Schedule, "No such schedule."),
        };
        return options.Schedule != ScheduleKind.OneCycle && options.Warmup is > 0 and var warmup ? WithWarmup(warmup, main) : main;
    }

    static Schedule WithWarmup(double warmup, Schedule main) =>
        p => p < warmup ? p / warmup : main(warmup < 1 ? (p - warmup) / (1 - warmup) : 1);

    static Schedule OneCycle(double rise) =>
        p => p < rise ? Cosine(OneCycleStart, 1, p / rise) : Cosine(1, OneCycleStart * 1e-4, rise < 1 ? (p - rise) / (1 - rise) : 1);

    static double Cosine(double from, double to, double p) => to + ((from - to) * (1 + Math.Cos(Math.PI * Math.Clamp(p, 0, 1))) / 2);
}
