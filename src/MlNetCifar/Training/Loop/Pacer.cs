namespace MlNetCifar.Training.Loop;

/// <summary>
/// Where a run stands in its schedule: by steps, or under a time budget by time. By time, the end of training is planned anew after every step from the speed
/// of the last ones and what the validation at the end will take, so the run ends on time when the machine slows. Reads a monotonic clock only: setting the
/// system's clock changes nothing.
/// </summary>
/// <param name="options">Epochs or budget.</param>
/// <param name="time">The clock.</param>
/// <param name="started">Timestamp the run began at.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
/// <param name="validationImages">Images of a validation; 0 for none.</param>
internal sealed class Pacer(TrainingOptions options, TimeProvider time, long started, int stepsPerEpoch, int validationImages)
{
    /// <summary>A validation is a forward pass, about a third of a step, and a margin.</summary>
    const double ForwardShare = 0.4;

    /// <summary>Weight of the newest step in the mean of recent ones.</summary>
    const double Newest = 0.1;

    double _stepSeconds;
    double _imageSeconds;

    /// <summary>Time spent before this process took the run up.</summary>
    public double Before { get; set; }

    /// <summary>Time the last validation took; null before the first.</summary>
    public double? ValidationSeconds { get; set; }

    /// <summary>Time of the whole run in seconds.</summary>
    public double Elapsed => Before + time.GetElapsedTime(started).TotalSeconds;

    /// <summary>Whether another step would end later than the budget allows.</summary>
    public bool IsTimeUp => options.TimeBudget is not null && Elapsed + (_stepSeconds / 2) >= End;

    /// <summary>When training must end for the validation to end on time.</summary>
    double End => options.TimeBudget!.Value.TotalSeconds - (ValidationSeconds ?? (ForwardShare * _imageSeconds * validationImages));

    /// <summary>Share of the run that is done.</summary>
    /// <param name="step">Steps done.</param>
    public double Progress(long step) => options.TimeBudget is null
        ? Math.Min(1, step / ((double)options.Epochs * stepsPerEpoch))
        : Math.Clamp(Elapsed / Math.Max(End, 1e-3), 0, 1);

    /// <summary>Notes how long a step took.</summary>
    public void Stepped(double seconds, int images)
    {
        _stepSeconds = _stepSeconds == 0 ? seconds : _stepSeconds + (Newest * (seconds - _stepSeconds));
        var each = seconds / images;
        _imageSeconds = _imageSeconds == 0 ? each : _imageSeconds + (Newest * (each - _imageSeconds));
    }
}
