using System.Runtime.ExceptionServices;

namespace MlNetCifar.Distributed;

/// <summary>
/// A worker's line to its run. Once <see cref="Watch"/> has been called, a thread listens while the worker is busy with others, so that it hears of it at once when the run gives a step up: frames come one at a
/// time, and the next one is not begun before the one at hand has been read and <see cref="Release"/> called.
/// </summary>
/// <param name="stream">Borrowed.</param>
/// <param name="reader">Of the stream.</param>
internal sealed class RunLine(Stream stream, FrameReader reader) : IDisposable
{
    static readonly TimeSpan s_busy = TimeSpan.FromMilliseconds(500);

    readonly Lock _writing = new();
    readonly SemaphoreSlim _turn = new(0);
    readonly SemaphoreSlim _here = new(0);
    Timer? _pulse;
    Action<FrameKind?>? _came;
    FrameKind? _kind;
    ExceptionDispatchInfo? _fault;
    bool _isHeld;

    /// <summary>Reads what a frame holds.</summary>
    public FrameReader Reader => reader;

    /// <summary>Listens from now on; to be called between two frames.</summary>
    /// <param name="came">Told of each frame as soon as it has begun, on a thread of its own; null at the end of the line.</param>
    public void Watch(Action<FrameKind?> came)
    {
        if (_came is not null)
            return;
        (_came, _isHeld) = (came, true);
        new Thread(Listen) { IsBackground = true, Name = "mlnetcifar-line" }.Start();
    }

    /// <summary>Waits for a frame.</summary>
    /// <returns>Null at the end of the line.</returns>
    public FrameKind? Next()
    {
        if (_came is null)
            return reader.Next();
        Release();
        _here.Wait();
        _isHeld = true;
        _fault?.Throw();
        return _kind;
    }

    /// <summary>The frame at hand has been read.</summary>
    public void Release()
    {
        if (!_isHeld)
            return;
        _isHeld = false;
        _turn.Release();
    }

    /// <summary>Writes a frame; may be called from any thread.</summary>
    public long Write(FrameKind kind, ReadOnlySpan<byte> head, ReadOnlySpan<float> floats = default, int gradients = 0, GradientFormat format = GradientFormat.F32)
    {
        lock (_writing)
            return Frame.Write(stream, kind, head, floats, gradients, format);
    }

    /// <summary>Says every half second that the worker is at work, until what is returned is disposed: who waits for others is no one who hangs.</summary>
    public IDisposable Beat()
    {
        _pulse ??= new Timer(_ => SayBusy());
        _pulse.Change(s_busy, s_busy);
        return new Beating(_pulse);
    }

    /// <summary>Ends the listening with the stream, which is the caller's.</summary>
    public void Dispose()
    {
        _pulse?.Dispose();
        Release();
    }

    void Listen()
    {
        do
        {
            _turn.Wait();
            try
            {
                _kind = reader.Next();
            }
            catch (Exception e)
            {
                (_kind, _fault) = (null, ExceptionDispatchInfo.Capture(e));
            }

            _came!(_kind);
            _here.Release();
        }
        while (_kind is not null);
    }

    void SayBusy()
    {
        try
        {
            Write(FrameKind.Busy, []);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Whoever reads the line finds out.
        }
    }

    sealed class Beating(Timer pulse) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                pulse.Change(Timeout.Infinite, Timeout.Infinite);
            }
            catch (ObjectDisposedException)
            {
                // The line has ended.
            }
        }
    }
}
