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

    public LoadedModel Model => model;

    public ReadOnlyMemory<byte> Pixels => pixels;

    public int Top => top;

    public long Queued { get; } = Stopwatch.GetTimestamp();

    /// <summary>When the engine took it; 0 before.</summary>
    public long Started { get; private set; }

    public Task<Classification> Answer => _answer.Task;

    /// <summary>For the engine: false where nobody waits any more.</summary>
    public bool TryTake()
    {
        Started = Stopwatch.GetTimestamp();
        return Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;
    }

    /// <summary>For who has waited: true where the engine will not touch the picture; false where an answer is about to come.</summary>
    public bool TryAbandon() => Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting;

    public void Complete(Classification answer) => _answer.TrySetResult(answer);

    public void Fail(Exception fault) => _answer.TrySetException(fault);
}
