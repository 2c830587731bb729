namespace MlNetCifar.Numerics;

/// <summary>
/// A 3×3 correlation of stride 1 by F(4×4, 3×3): tiles are transformed in batches that stay in the second-level cache,
/// multiplied with the transformed filter point by point, and transformed back. Backward-data is the same with the filter flipped and transposed.
/// </summary>
internal sealed unsafe class WinogradCorrelation : ICorrelation
{
    const int Points = WinogradTransforms.Points;
    const int BatchFloats = 160 << 10;

    readonly Correlation _g;
    readonly TileSet _tiles;
    readonly bool _backward;
    readonly WinogradTiling _tiling;
    readonly int _batch;
    readonly int _paddedK;

    public WinogradCorrelation(in Correlation geometry, bool backward, TileSet tiles)
    {
        _g = geometry;
        _backward = backward;
        _tiles = tiles;
        _tiling = new WinogradTiling(geometry, WinogradSet.For(tiles.Lanes));
        _paddedK = PanelPacking.PaddedColumns(geometry.K, tiles.Lanes);
        _batch = Math.Clamp(BatchFloats / (Points * (geometry.C + _paddedK)) / 12 * 12, 24, 96);
    }

    public string Name => "Winograd 4×4";

    public int PackedLength => (Points * PointStride) + (_backward ? 9 * _g.C * _g.K : 0);

    public bool PacksTransformed => true;

    public bool CanPool => true;

    public int ScratchLength => (int)Arena.Align((Points * (VStride + MStride)) + ZeroLength + _paddedK + (16 * _paddedK)) + (int)Arena.Align(ExpandedRows * _g.W * _g.C);

    int ZeroLength => (int)Arena.Align(6 * _g.C);

    // Rows of one image that the tiles of a batch read, where they are expanded from behind a pooling.
    int ExpandedRows => Math.Min(_g.H, ((((_batch + _tiling.Across - 1) / _tiling.Across) + 1) * 4) + 2);

    int PointStride => WinogradTiling.OddLines(_g.C * _paddedK);

    int VStride => WinogradTiling.OddLines(_batch * _g.C);

    int MStride => WinogradTiling.OddLines(_batch * _paddedK);

    /// <summary>Whether the algorithm can compute a geometry.</summary>
    public static bool Fits(in Correlation g, int lanes) => g is { R: 3, S: 3, Stride: 1 } && g.C >= lanes && g.K >= lanes;

    /// <summary>Whether it is the faster one: measured, the transformed filter (four times the filter) must be read for enough results.</summary>
    public static bool Wins(in Correlation g, int lanes) => Fits(g, lanes) && (long)g.N * g.P * g.Q >= 128 + (g.C * g.K / 100);

    /// <summary>Whether it multiplies so much less in every image that it is the faster one whatever their number: tiles that reach over the edge multiply in vain.</summary>
    public static bool Suits(in Correlation g) => g.P * g.Q >= 8 * ((g.P + 3) / 4) * ((g.Q + 3) / 4);

    public void Pack(float* weights, float* packed, WorkerPool pool)
    {
        var filter = weights;
        if (_backward)
        {
            filter = packed + ((nint)Points * PointStride);
            Transposition.Run(weights, 9, _g.K, _g.C, filter, pool);
        }

        var job = new PackJob { Plan = this, Weights = filter, Packed = packed };
        pool.Run(ref job, PanelPacking.Panels(_g.K, _tiles.Lanes) * job.RowBlocks);
    }

    public void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        var tiles = n * _tiling.PerImage;
        var blocks = (tiles + _batch - 1) / _batch;
        blocks = Math.Min(tiles, (blocks + 7) / 8 * 8);
        var job = new Job { Plan = this, Tiles = tiles, Blocks = blocks, X = x, Packed = packed, Y = y, Scratch = scratch };
        pool.Run(ref job, blocks);
    }

    struct PackJob : IParallelJob
    {
        const int RowsPerBlock = 64;

        public WinogradCorrelation Plan;
        public float* Weights;
        public float* Packed;

        public readonly int RowBlocks => (Plan._g.C + RowsPerBlock - 1) / RowsPerBlock;

        // One panel at a time: its 36 targets are written in order.
        public readonly void Execute(int block, int worker)
        {
            ref readonly var g = ref Plan._g;
            var lanes = Plan._tiles.Lanes;
            var tail = stackalloc float[9 * lanes];
            int panel = block / RowBlocks, first = panel * Plan._tiles.Panel, width = PanelPacking.Vectors(g.K, lanes, panel) * lanes;
            var target = Packed + ((nint)first * g.C);
            var firstRow = block % RowBlocks * RowsPerBlock;
            for (var c = firstRow; c < Math.Min(g.C, firstRow + RowsPerBlock); c++)
                for (var k = first; k < first + width; k += lanes)
                    Vector(c, k, target + ((nint)c * width) + (k - first), tail);
        }

        readonly void Vector(int c, int k, float* target, float* tail)
        {
            ref readonly var g = ref Plan._g;
            var lanes = Plan._tiles.Lanes;
            var stride = (nint)g.C * g.K;
            var source = Weights + ((nint)c * g.K) + k;
            if (k + lanes > g.K)
            {
                new Span<float>(tail, 9 * lanes).Clear();
                for (var i = 0; i < 9; i++)
                    new ReadOnlySpan<float>(source + (i * stride), g.K - k).CopyTo(new Span<float>(tail + (i * lanes), lanes));
                source = tail;
                stride = lanes;
            }

            if (Plan._backward)
                Plan._tiling.Transforms.Filter(source + (8 * stride), -stride, 1, target, Plan.PointStride);
            else
                Plan._tiling.Transforms.Filter(source, stride, 1, target, Plan.PointStride);
        }
    }

    struct Job : IParallelJob
    {
        public WinogradCorrelation Plan;
        public ConvSource X;
        public ConvTarget Y;
        public float* Packed;
        public float* Scratch;
        public int Tiles;
        public int Blocks;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            var v = Scratch + ((nint)worker * p.ScratchLength);
            var m = v + (Points * (nint)p.VStride);
            var zeros = m + (Points * (nint)p.MStride);
            int first = (int)((long)Tiles * block / Blocks), count = (int)((long)Tiles * (block + 1) / Blocks) - first;
            var bias = zeros + p.ZeroLength;
            var tile = bias + p._paddedK;
            new Span<float>(zeros, p.ZeroLength).Clear();
            p._tiling.Input(X, first, count, v, p.VStride, zeros, tile + (16 * p._paddedK));
            p.Multiply(v, Packed, m, count);
            if (Y.Bias != null)
            {
                new ReadOnlySpan<float>(Y.Bias, p._g.K).CopyTo(new Span<float>(bias, p._paddedK));
                new Span<float>(bias + p._g.K, p._paddedK - p._g.K).Clear();
            }

            p._tiling.Output(Y, first, count, m, p.MStride, Y.Bias == null ? null : bias, 0, p._paddedK, tile);
        }
    }

    void Multiply(float* v, float* packed, float* m, int count)
    {
        var args = new DotTileArgs { RowStride = _g.C, Segments = 1, SegmentLength = _g.C, ResultStride = _paddedK };
        var tiles = (count + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var point = 0; point < Points; point++)
        {
            var panels = PanelPacking.Panels(_g.K, _tiles.Lanes);
            for (var panel = 0; panel < panels; panel++)
            {
                var vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel);
                args.B = packed + ((nint)point * PointStride) + ((nint)panel * _tiles.Panel * _g.C);
                for (var tile = 0; tile < tiles; tile++)
                {
                    int done = count * tile / tiles, rows = (count * (tile + 1) / tiles) - done;
                    args.A = v + ((nint)point * VStride) + ((nint)done * _g.C);
                    args.C = m + ((nint)point * MStride) + ((nint)done * _paddedK) + (panel * _tiles.Panel);
                    _tiles.Dot(rows, vectors, &args);
                }
            }
        }
    }
}
