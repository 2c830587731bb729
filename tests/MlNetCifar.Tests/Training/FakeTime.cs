using MlNetCifar.Tests.TestKit;

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
internal sealed class SlowImages(ImageSource images, FakeTime time, TimeSpan each) : WrappedImages(images)
{
    public override void CopyPixels(int index, Span<byte> destination)
    {
        time.Advance(each);
        base.CopyPixels(index, destination);
    }
}
