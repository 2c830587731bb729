namespace MlNetCifar.Tests.Training;

/// <summary>A clock that moves when told.</summary>
internal sealed class FakeTime : TimeProvider
{
    long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public void Advance(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
}

/// <summary>Pictures whose reading takes time.</summary>
internal sealed class SlowImages(ImageSource images, FakeTime time, TimeSpan each) : ImageSource
{
    public override int Count => images.Count;

    public override int Height => images.Height;

    public override int Width => images.Width;

    public override int Channels => images.Channels;

    public override IReadOnlyList<string> Classes => images.Classes;

    public override int Label(int index) => images.Label(index);

    public override string Name(int index) => images.Name(index);

    public override void CopyPixels(int index, Span<byte> destination)
    {
        time.Advance(each);
        images.CopyPixels(index, destination);
    }
}
