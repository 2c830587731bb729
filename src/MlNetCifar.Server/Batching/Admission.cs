namespace MlNetCifar.Server.Batching;

/// <summary>Counts what is under way and refuses more at once, before any of it is read or decoded.</summary>
internal sealed class Admission(ServingOptions options, BatchEngine engine)
{
    readonly Lock _lock = new();

    /// <summary>Bytes of bodies under way.</summary>
    public long Bytes { get; private set; }

    /// <summary>Pictures under way.</summary>
    public int Pictures { get; private set; }

    /// <summary>Pixels of them, as their headers say.</summary>
    public long Pixels { get; private set; }

    /// <summary>Lets a body in.</summary>
    /// <param name="bytes">Its length, or the most it may have.</param>
    /// <exception cref="RequestFault">There is too much under way (429).</exception>
    public Ticket Body(long bytes)
    {
        lock (_lock)
        {
            if (Bytes > 0 && Bytes + bytes > options.MaxBytesAtOnce)
                throw ServerErrors.Busy("many bytes", Wait());
            Bytes += bytes;
            return new(this, bytes, 0, 0);
        }
    }

    /// <summary>Lets pictures in.</summary>
    /// <param name="count">How many.</param>
    /// <param name="pixels">Of all of them.</param>
    /// <exception cref="RequestFault">There is too much under way (429).</exception>
    public Ticket PicturesOf(int count, long pixels)
    {
        lock (_lock)
        {
            if (Pictures > 0 && Pictures + count > options.MaxPictures)
                throw ServerErrors.Busy("many pictures", Wait());
            if (Pixels > 0 && Pixels + pixels > options.MaxPixelsAtOnce)
                throw ServerErrors.Busy("many pixels", Wait());
            Pictures += count;
            Pixels += pixels;
            return new(this, 0, count, pixels);
        }
    }

    TimeSpan Wait() => TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling(engine.Estimate(Pictures).TotalSeconds), 1, 60));

    void Leave(long bytes, int pictures, long pixels)
    {
        lock (_lock)
        {
            Bytes -= bytes;
            Pictures -= pictures;
            Pixels -= pixels;
        }
    }

    /// <summary>What was let in; disposed when it is done.</summary>
    public sealed class Ticket(Admission owner, long bytes, int pictures, long pixels) : IDisposable
    {
        int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
                owner.Leave(bytes, pictures, pixels);
        }
    }
}
