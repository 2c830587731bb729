namespace MlNetCifar.Data;

/// <summary>Pictures of one source behind those of another of the same size and classes.</summary>
/// <param name="first">The first ones.</param>
/// <param name="second">Those behind them.</param>
internal sealed class JoinedImages(ImageSource first, ImageSource second) : ImageSource
{
    readonly int[] _runs = [.. first.Runs, .. second.Runs.ToArray().Select(start => start + first.Count)];

    public override int Count => first.Count + second.Count;

    public override int Height => first.Height;

    public override int Width => first.Width;

    public override int Channels => first.Channels;

    public override IReadOnlyList<string> Classes => first.Classes;

    // Two sources in memory are shuffled as one; parts that are read one after the other stay parts.
    internal override ReadOnlySpan<int> Runs => first.Runs.Length <= 1 && second.Runs.Length <= 1 ? [0] : _runs;

    public override int Label(int index) => Of(ref index).Label(index);

    public override void CopyPixels(int index, Span<byte> destination) => Of(ref index).CopyPixels(index, destination);

    public override string Name(int index) => Of(ref index).Name(index);

    internal override bool TryGetPixels(int index, out ReadOnlySpan<byte> pixels) => Of(ref index).TryGetPixels(index, out pixels);

    internal override void CopyCrop(int index, RandomCrop crop, Span<byte> destination) => Of(ref index).CopyCrop(index, crop, destination);

    internal override bool TryGetContentHash(int index, out ReadOnlySpan<byte> hash) => Of(ref index).TryGetContentHash(index, out hash);

    internal override ulong PixelHash(int index, Span<byte> buffer) => Of(ref index).PixelHash(index, buffer);

    ImageSource Of(ref int index)
    {
        if (index < first.Count)
            return first;
        index -= first.Count;
        return second;
    }
}
