using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MlNetCifar.Numerics;

/// <summary>
/// A gate for one waiting thread: an <see cref="Open"/> lets one <see cref="Wait"/> through. The waiting thread spins for some tens of
/// microseconds, since the next job of a training step is seldom further away, and sleeps after that.
/// </summary>
internal sealed class CounterGate : IDisposable
{
    const int Closed = 0;
    const int Opened = 1;
    const int Asleep = 2;

    static readonly long s_spinTicks = Stopwatch.Frequency / 20_000;

    readonly SemaphoreSlim _wake = new(0);
    readonly bool _spins;
    PaddedState _padded;

    /// <summary>A closed gate.</summary>
    /// <param name="spins">Whether to spin before sleeping.</param>
    public CounterGate(bool spins) => _spins = spins;

    /// <summary>Lets the waiting thread through, or the next one to wait. Called again before it has passed, it lets it through once.</summary>
    public void Open()
    {
        if (Interlocked.Exchange(ref _padded.Value, Opened) == Asleep)
            _wake.Release();
    }

    /// <summary>Waits until the gate is open and closes it again.</summary>
    public void Wait()
    {
        if (_spins)
        {
            var start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref _padded.Value) != Opened && Stopwatch.GetTimestamp() - start < s_spinTicks)
                Thread.SpinWait(8);
        }

        if (Interlocked.CompareExchange(ref _padded.Value, Asleep, Closed) == Closed)
            _wake.Wait();

        // In full before what the thread reads next, or it could miss what was published ahead of an Open that came before the gate closed.
        Interlocked.Exchange(ref _padded.Value, Closed);
    }

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();

    // Two cache lines to itself: the waiting thread reads it all the time.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    struct PaddedState
    {
        [FieldOffset(128)]
        public int Value;
    }
}
