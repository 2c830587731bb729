namespace MlNetCifar.Data;

/// <summary>Some pictures of another source, in an order of its own.</summary>
internal sealed class ImageSubset : ImageSource
{
    readonly ImageSource _source;
    readonly int[] _indices;
    readonly int[] _runs;

    ImageSubset(ImageSource source, int[] indices)
    {
        _source = source;
        _indices = indices;
        _runs = FindRuns(source.Runs, indices);
    }

    public override int Count => _indices.Length;

    public override int Height => _source.Height;

    public override int Width => _source.Width;

    public override int Channels => _source.Channels;

    public override IReadOnlyList<string> Classes => _source.Classes;

    internal override ReadOnlySpan<int> Runs => _runs;

    public static ImageSubset Create(ImageSource source, ReadOnlySpan<int> indices)
    {
        var own = indices.ToArray();
        foreach (var index in own)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)source.Count, nameof(indices));
        if (source is not ImageSubset inner)
            return new(source, own);

        // A view of a view looks at the source itself, so that chains of splits cost nothing per picture.
        for (var i = 0; i < own.Length; i++)
            own[i] = inner._indices[own[i]];
        return new(inner._source, own);
    }

    public override int Label(int index) => _source.Label(_indices[index]);

    public override void CopyPixels(int index, Span<byte> destination) => _source.CopyPixels(_indices[index], destination);

    internal override void CopyCrop(int index, RandomCrop crop, Span<byte> destination) => _source.CopyCrop(_indices[index], crop, destination);

    public override string Name(int index) => _source.Name(_indices[index]);

    internal override bool TryGetPixels(int index, out ReadOnlySpan<byte> pixels) => _source.TryGetPixels(_indices[index], out pixels);

    internal override ulong PixelHash(int index, Span<byte> buffer) => _source.PixelHash(_indices[index], buffer);

    internal override bool TryGetContentHash(int index, out ReadOnlySpan<byte> hash) => _source.TryGetContentHash(_indices[index], out hash);

    static int[] FindRuns(ReadOnlySpan<int> runs, int[] indices)
    {
        var own = new List<int> { 0 };
        if (runs.Length <= 1)
            return [0];
        var last = -1;
        for (var i = 0; i < indices.Length; i++)
        {
            var run = runs.BinarySearch(indices[i]);
            run = run < 0 ? ~run - 1 : run;
            if (i > 0 && run != last)
                own.Add(i);
            last = run;
        }

        return [.. own];
    }
}
