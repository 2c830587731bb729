namespace MlNetCifar.Training;

/// <summary>What is to be done after a call that failed.</summary>
internal enum MlflowOutcome
{
    /// <summary>Nobody answers, or nobody who could take the call: something must change before it is worth another try.</summary>
    Away,

    /// <summary>The server could not take the call now; the next moment it may.</summary>
    Busy,

    /// <summary>The server will never take this call.</summary>
    Refused,

    /// <summary>The server knows no such run.</summary>
    Unknown,
}

/// <summary>A call that failed.</summary>
/// <param name="outcome">What is to be done.</param>
/// <param name="message">What happened, without a full stop.</param>
/// <param name="inner">The cause, if any.</param>
internal sealed class MlflowFault(MlflowOutcome outcome, string message, Exception? inner = null) : Exception(message, inner)
{
    public MlflowOutcome Outcome { get; } = outcome;
}
