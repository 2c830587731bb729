namespace MlNetCifar.Data.Spilling;

/// <summary>A part's rows between decoding and writing, in memory or in a temporary file. Many threads may fill it, each row by one of them.</summary>
internal sealed class RowBuffer : IDisposable
{
    const int BlockBytes = 1 << 16;

    readonly int _stride;
    readonly TemporaryFile? _file;

    /// <summary>Keeps the rows in memory.</summary>
    public RowBuffer(int stride, byte[] memory) => (_stride, Memory) = (stride, memory);

    /// <summary>Keeps the rows in a file, which is owned from now on.</summary>
    public RowBuffer(int stride, TemporaryFile file) => (_stride, _file) = (stride, file);

    /// <summary>Null where the rows are in a file.</summary>
    public byte[]? Memory { get; }

    /// <summary>What a thread hands to <see cref="Place"/>.</summary>
    public byte[] NewScratch() => new byte[_file is null ? 0 : _stride];

    /// <summary>Where to put a row before <see cref="Keep"/>.</summary>
    public Span<byte> Place(int row, byte[] scratch) => _file is null ? Memory.AsSpan(row * _stride, _stride) : scratch;

    /// <summary>Keeps what was put there.</summary>
    public void Keep(int row, ReadOnlySpan<byte> pixels) => _file?.Write(pixels, (long)row * _stride);

    /// <summary>The rows that have a label, 0 or above, in their order; a block is valid until the next.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Blocks(int[] labels)
    {
        var most = Math.Max(1, BlockBytes / _stride);
        var block = _file is null ? [] : new byte[most * _stride];
        for (int row = 0, end; row < labels.Length; row = end)
        {
            end = row + 1;
            if (labels[row] < 0)
                continue;
            while (end < labels.Length && labels[end] >= 0 && end - row < most)
                end++;
            var length = (end - row) * _stride;
            if (_file is null)
            {
                yield return Memory.AsMemory(row * _stride, length);
                continue;
            }

            _file.Read(block.AsSpan(0, length), (long)row * _stride);
            yield return block.AsMemory(0, length);
        }
    }

    public void Dispose() => _file?.Dispose();
}
