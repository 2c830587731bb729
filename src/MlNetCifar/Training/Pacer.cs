namespace MlNetCifar.Training;

/// <summary>What a time budget must also pay for, outside of training.</summary>
/// <param name="Before">Time spent before the run began, on reading data.</param>
/// <param name="ImagesAfter">Images that are scored when it has ended, each view counted.</param>
/// <param name="After">Other work at the end: files and a report.</param>
internal readonly record struct BudgetReserve(TimeSpan Before, long ImagesAfter, TimeSpan After);

/// <summary>
/// Where a run stands in its schedule: by steps, or under a time budget by time. By time, the end of training is planned anew after every step from the speed
/// of the last ones and what is still to be done after it, so the run ends on time when the machine slows. Reads a monotonic clock only: setting the
/// system's clock changes nothing.
/// </summary>
/// <param name="options">Epochs or budget.</param>
/// <param name="time">The clock.</param>
/// <param name="started">Timestamp this process took the run up at.</param>
/// <param name="state">Where the run stands; its times are kept here.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
/// <param name="validationImages">Images that are scored at the end of the last epoch, those for the statistics of an average among them; 0 for none.</param>
/// <param name="reserve">What the budget must also pay for.</param>
internal sealed class Pacer(TrainingOptions options, TimeProvider time, long started, LoopState state, int stepsPerEpoch, int validationImages, BudgetReserve reserve = default)
{
    /// <summary>A forward pass is about a third of a step; with a margin, until a validation was measured.</summary>
    internal const double ForwardShare = 0.4;

    /// <summary>Least weight of the newest step in the mean of recent ones.</summary>
    const double Newest = 0.1;

    /// <summary>Seconds of training after which a change of speed is mostly believed, however long a step takes.</summary>
    const double Memory = 3;

    long _marked = started;

    /// <summary>Time of the whole run in seconds.</summary>
    public double Elapsed => state.ElapsedSeconds + time.GetElapsedTime(_marked).TotalSeconds;

    /// <summary>Whether another step would end later than the budget allows.</summary>
    public bool IsTimeUp => options.TimeBudget is not null && Elapsed + (state.StepSeconds / 2) >= End;

    /// <summary>Whether a validation now leaves room for some steps and the one at the end; without, the run would end early by the time a validation takes.</summary>
    public bool HasTimeToValidate => options.TimeBudget is null || Elapsed + (1.25 * validationImages * ForwardSeconds) + (2 * state.StepSeconds) <= End;

    /// <summary>When training must end for all the rest to end on time.</summary>
    double End =>
        options.TimeBudget!.Value.TotalSeconds - reserve.Before.TotalSeconds - reserve.After.TotalSeconds - ((validationImages + reserve.ImagesAfter) * ForwardSeconds);

    /// <summary>Time a forward pass of an image takes at the present speed: a measured one grows with the steps when the machine slows.</summary>
    double ForwardSeconds
    {
        get
        {
            if (state.ValidationSeconds is not { } seconds || validationImages == 0)
                return ForwardShare * state.ImageSeconds;
            var slower = state.ImageSeconds > 0 && state.ImageSecondsAtValidation > 0 ? state.ImageSeconds / state.ImageSecondsAtValidation : 1;
            return slower * seconds / validationImages;
        }
    }

    /// <summary>Share of the run that is done.</summary>
    /// <param name="step">Steps done.</param>
    public double Progress(long step) => options.TimeBudget is null
        ? Math.Min(1, step / ((double)options.Epochs * stepsPerEpoch))
        : Math.Clamp(Elapsed / Math.Max(End, 1e-3), 0, 1);

    /// <summary>Notes how long a step took.</summary>
    public void Stepped(double seconds, int images)
    {
        var weight = state.StepSeconds == 0 ? 1 : Math.Max(Newest, 1 - Math.Exp(-seconds / Memory));
        state.StepSeconds += weight * (seconds - state.StepSeconds);
        state.ImageSeconds += weight * ((seconds / images) - state.ImageSeconds);
    }

    /// <summary>Notes how long the end of an epoch took.</summary>
    /// <param name="seconds">Of scoring its images.</param>
    /// <param name="images">How many these were: before an average begins, fewer than at the end.</param>
    public void Validated(double seconds, int images) => (state.ValidationSeconds, state.ImageSecondsAtValidation) = (seconds * validationImages / images, state.ImageSeconds);

    /// <summary>Puts the time since the last call into the state.</summary>
    /// <param name="inEpoch">Whether it belongs to the epoch under way too.</param>
    public void Mark(bool inEpoch)
    {
        var now = time.GetTimestamp();
        var seconds = time.GetElapsedTime(_marked, now).TotalSeconds;
        _marked = now;
        state.ElapsedSeconds += seconds;
        if (inEpoch)
            state.EpochSeconds += seconds;
    }
}
