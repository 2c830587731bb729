namespace MlNetCifar.Spark;

/// <summary>How often and how long to wait between attempts: exponential with jitter, bounded by attempts and by time.</summary>
public sealed record RetryPolicy
{
    static readonly TimeSpan s_connect = TimeSpan.FromSeconds(10);

    /// <summary>Attempts in all, the first included. The default is 8.</summary>
    public int MaxAttempts { get; init; } = 8;

    /// <summary>The wait before the second attempt. The default is 50 ms.</summary>
    public TimeSpan InitialDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Each wait is this many times the one before. The default is 3.</summary>
    public double Factor { get; init; } = 3;

    /// <summary>The longest wait. The default is 10 s.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Share of the wait that is random, 0 … 1. The default is 0.3.</summary>
    public double Jitter { get; init; } = 0.3;

    /// <summary>No further attempt starts this long after the first one. The default is 10 minutes.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// As long as the other side has never answered, the last attempt starts this long after the first one: a wrong address, or a name node in safe mode, is told
    /// soon, while what has worked before is waited for. The default is 5 s; <see cref="Timeout.InfiniteTimeSpan"/> for no difference, as in the workers.
    /// </summary>
    public TimeSpan FirstAnswer { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Told in words that an operation has failed several times and is tried again, at most once in ten seconds, from any thread; null (the default) for nobody. For programs
    /// whose users would wonder why nothing happens.
    /// </summary>
    public static Action<string>? Told { get; set; }

    /// <summary>For programs that nobody watches.</summary>
    internal static RetryPolicy Patient { get; } = new() { FirstAnswer = Timeout.InfiniteTimeSpan };

    /// <summary>The longest wait for a connection: a host that swallows packets is not worth more than a first answer.</summary>
    internal TimeSpan ConnectTimeout => FirstAnswer > TimeSpan.Zero && FirstAnswer < s_connect ? FirstAnswer : s_connect;

    /// <summary>A single attempt.</summary>
    public static RetryPolicy None { get; } = new() { MaxAttempts = 1 };

    /// <summary>The wait after a failed attempt.</summary>
    /// <param name="attempt">1 for the first failure.</param>
    /// <param name="random">0 … 1.</param>
    public TimeSpan Delay(int attempt, double random)
    {
        var plain = Math.Min(InitialDelay.TotalMilliseconds * Math.Pow(Factor, attempt - 1), MaxDelay.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(plain * (1 - Jitter + (2 * Jitter * random)));
    }
}

/// <summary>The state of one operation's attempts under a <see cref="RetryPolicy"/>.</summary>
/// <param name="policy">The rules.</param>
/// <param name="time">The clock; null for the system's.</param>
sealed class RetryState(RetryPolicy policy, TimeProvider? time)
{
    /// <summary>Failures that are not worth a word.</summary>
    const int Usual = 2;

    static readonly TimeSpan s_silence = TimeSpan.FromSeconds(10);
    static long s_told;

    readonly TimeProvider _time = time ?? TimeProvider.System;
    readonly long _start = (time ?? TimeProvider.System).GetTimestamp();
    int _failures;

    /// <summary>Forgets earlier failures, for example because data has arrived since.</summary>
    public void Reset() => _failures = 0;

    /// <summary>Notes a failure and waits; false where no attempt is left.</summary>
    /// <param name="cause">What failed.</param>
    /// <param name="hasAnswered">Whether the other side ever did.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<bool> WaitAsync(Exception cause, bool hasAnswered, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_failures >= policy.MaxAttempts)
            return false;
        var (delay, elapsed) = (policy.Delay(_failures, Random.Shared.NextDouble()), _time.GetElapsedTime(_start));
        if (!hasAnswered && policy.FirstAnswer != Timeout.InfiniteTimeSpan)
        {
            if (elapsed >= policy.FirstAnswer)
                return false;
            delay = delay < policy.FirstAnswer - elapsed ? delay : policy.FirstAnswer - elapsed;
        }

        if (elapsed + delay > policy.Deadline)
            return false;
        Tell(cause);

        // Timers count whole milliseconds: the rest of one before the limit would be no wait, and attempts without end.
        await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(delay.TotalMilliseconds)), _time, cancellationToken).ConfigureAwait(false);
        return true;
    }

    void Tell(Exception cause)
    {
        var last = Interlocked.Read(ref s_told);
        if (_failures <= Usual || RetryPolicy.Told is not { } told || (last != 0 && TimeProvider.System.GetElapsedTime(last) < s_silence))
            return;
        if (Interlocked.CompareExchange(ref s_told, TimeProvider.System.GetTimestamp(), last) == last)
            told(FormattableString.Invariant($"no answer after {_failures} of {policy.MaxAttempts} attempts, trying again: {Reason(cause)}"));
    }

    // The request's own words name the address; what lies under it is the socket's "Connection refused".
    static string Reason(Exception cause)
    {
        for (var e = cause; e is not null; e = e.InnerException)
            if (e is HttpRequestException)
                return e.Message;
        return cause.GetBaseException().Message;
    }
}
