namespace MlNetCifar.Data;

/// <summary>A part's rows between decoding and writing, in memory or in a temporary file. Many threads may fill it, each row by one of them.</summary>
internal sealed class RowBuffer : IDisposable
{
    const int BlockBytes = 1 << 16;
    const int ChunkBytes = 1 << 20;

    readonly int _stride;
    readonly int _blockRows;
    readonly int _chunkRows;
    readonly TemporaryFile? _file;

    /// <summary>Keeps the rows in memory.</summary>
    /// <param name="stride">Bytes of a row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="memory">That of an earlier buffer of the same stride, or an empty list; it grows where it is too small.</param>
    public RowBuffer(int stride, int count, List<byte[]> memory)
        : this(stride)
    {
        Memory = memory;
        while ((long)memory.Count * _chunkRows < count)
            memory.Add(GC.AllocateUninitializedArray<byte>(_chunkRows * stride));
    }

    /// <summary>Keeps the rows in a file, which is owned from now on.</summary>
    public RowBuffer(int stride, TemporaryFile file)
        : this(stride) => _file = file;

    RowBuffer(int stride)
    {
        _stride = stride;
        _blockRows = Math.Max(1, BlockBytes / stride);
        _chunkRows = _blockRows * Math.Max(1, ChunkBytes / (_blockRows * stride));
    }

    /// <summary>Chunks of whole blocks, so that a longer part needs more of them rather than another array; null where the rows are in a file.</summary>
    public List<byte[]>? Memory { get; }

    /// <summary>What a thread hands to <see cref="Place"/>.</summary>
    public byte[] NewScratch() => new byte[Memory is null ? _stride : 0];

    /// <summary>Where to put a row before <see cref="Keep"/>.</summary>
    public Span<byte> Place(int row, byte[] scratch) => Memory is null ? scratch : InMemory(row, 1).Span;

    /// <summary>Keeps what was put there.</summary>
    public void Keep(int row, ReadOnlySpan<byte> pixels) => _file?.Write(pixels, (long)row * _stride);

    /// <summary>The rows that have a label, 0 or above, in their order; a block is valid until the next.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Blocks(int[] labels)
    {
        var block = new byte[Memory is null ? _blockRows * _stride : 0];
        for (int row = 0, end; row < labels.Length; row = end)
        {
            end = row + 1;
            if (labels[row] < 0)
                continue;
            while (end < labels.Length && labels[end] >= 0 && end % _blockRows != 0)
                end++;
            if (Memory is not null)
            {
                yield return InMemory(row, end - row);
                continue;
            }

            var length = (end - row) * _stride;
            _file!.Read(block.AsSpan(0, length), (long)row * _stride);
            yield return block.AsMemory(0, length);
        }
    }

    public void Dispose() => _file?.Dispose();

    // The rows lie in one chunk.
    Memory<byte> InMemory(int row, int count) => Memory![row / _chunkRows].AsMemory(row % _chunkRows * _stride, count * _stride);
}
