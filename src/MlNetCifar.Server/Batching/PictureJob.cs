using System.Diagnostics;
using MlNetCifar.Server.Models;

namespace MlNetCifar.Server.Batching;

/// <summary>One preprocessed picture that waits for its answer.</summary>
/// <param name="model">Held by whoever waits.</param>
/// <param name="pixels">[H, W, C]; not to be touched before the answer is there or <see cref="TryAbandon"/> said so.</param>
/// <param name="top">Classes wanted.</param>
internal sealed class PictureJob(LoadedModel model, ReadOnlyMemory<byte> pixels, int top)
{
    const int Waiting = 0;
    const int Taken = 1;
    const int Abandoned = 2;

    // Answers go on elsewhere: the engine's thread only computes.
    readonly TaskCompletionSource<Classification> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _state;
    int _hasLeft;
    Action? _whenLeft;

    public LoadedModel Model => model;

    public ReadOnlyMemory<byte> Pixels => pixels;

    public int Top => top;

    public long Queued { get; } = Stopwatch.GetTimestamp();

    /// <summary>When the engine took it; 0 before.</summary>
    public long Started { get; private set; }

    /// <summary>Span of the batch that it became part of; none while nobody listens.</summary>
    public ActivityContext Batch { get; set; }

    public Task<Classification> Answer => _answer.Task;

    /// <summary>For the engine: false where nobody waits any more.</summary>
    public bool TryTake()
    {
        Started = Stopwatch.GetTimestamp();
        return Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;
    }

    /// <summary>For who has waited: true where the engine will not touch the picture; false where an answer is about to come.</summary>
    public bool TryAbandon() => Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting;

    /// <summary>For the engine: what to do once nobody waits any more; at once where that is so already.</summary>
    public void WhenLeft(Action action)
    {
        Interlocked.Exchange(ref _whenLeft, action);
        if (Volatile.Read(ref _hasLeft) == 1)
            Interlocked.Exchange(ref _whenLeft, null)?.Invoke();
    }

    /// <summary>For who has waited: tells an engine that has begun that nobody needs the answer.</summary>
    public void Leave()
    {
        Interlocked.Exchange(ref _hasLeft, 1);
        Interlocked.Exchange(ref _whenLeft, null)?.Invoke();
    }

    /// <summary>Nobody waited for it any more.</summary>
    public void Cancel() => _answer.TrySetCanceled();

    public void Complete(Classification answer) => _answer.TrySetResult(answer);

    public void Fail(Exception fault) => _answer.TrySetException(fault);
}
