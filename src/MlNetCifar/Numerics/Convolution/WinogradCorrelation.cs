using MlNetCifar.Numerics.Kernels;

namespace MlNetCifar.Numerics.Convolution;

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
    readonly WinogradSet _transforms;
    readonly bool _backward;
    readonly int _tilesDown;
    readonly int _tilesAcross;
    readonly int _batch;
    readonly int _paddedK;

    public WinogradCorrelation(in Correlation geometry, bool backward, TileSet tiles)
    {
        _g = geometry;
        _backward = backward;
        _tiles = tiles;
        _transforms = WinogradSet.For(tiles.Lanes);
        _tilesDown = (geometry.P + 3) / 4;
        _tilesAcross = (geometry.Q + 3) / 4;
        _paddedK = PanelPacking.PaddedColumns(geometry.K, tiles.Lanes);
        _batch = Math.Clamp(BatchFloats / (Points * (geometry.C + _paddedK)) / 12 * 12, 48, 96);
    }

    public string Name => "Winograd 4×4";

    public int PackedLength => (Points * _g.C * _paddedK) + (_backward ? 9 * _g.C * _g.K : 0);

    public int ScratchLength => (int)Arena.Align((Points * (VStride + MStride)) + (Points * _tiles.Lanes) + _paddedK);

    // Points lie an odd number of cache lines apart, or all 36 would fall into the same sets.
    int VStride => OddLines(_batch * _g.C);

    int MStride => OddLines(_batch * _paddedK);

    /// <summary>Whether the algorithm can compute a geometry.</summary>
    public static bool Fits(in Correlation g, int lanes) => g is { R: 3, S: 3, Stride: 1 } && g.C >= lanes && g.K >= lanes;

    public void Pack(float* weights, float* packed, WorkerPool pool)
    {
        var filter = weights;
        if (_backward)
        {
            filter = packed + ((nint)Points * _g.C * _paddedK);
            Transposition.Run(weights, 9, _g.K, _g.C, filter, pool);
        }

        var job = new PackJob { Plan = this, Weights = filter, Packed = packed };
        pool.Run(ref job, (_g.C + PackJob.RowsPerBlock - 1) / PackJob.RowsPerBlock);
    }

    public void Run(int n, float* x, float* packed, float* bias, bool relu, float* y, float* scratch, WorkerPool pool)
    {
        var tiles = n * _tilesDown * _tilesAcross;
        var blocks = (tiles + _batch - 1) / _batch;
        blocks = Math.Min(tiles, (blocks + 7) / 8 * 8);
        var job = new Job
        {
            Plan = this, Tiles = tiles, Blocks = blocks, X = x, Packed = packed, Bias = bias, Low = relu ? 0 : float.NegativeInfinity, Y = y + _g.ResultOffset, Scratch = scratch,
        };
        pool.Run(ref job, blocks);
    }

    static int OddLines(int floats) => (((floats + 15) / 16) | 1) * 16;

    struct PackJob : IParallelJob
    {
        public const int RowsPerBlock = 4;

        public WinogradCorrelation Plan;
        public float* Weights;
        public float* Packed;

        public readonly void Execute(int block, int worker)
        {
            ref readonly var g = ref Plan._g;
            var lanes = Plan._tiles.Lanes;
            var temp = stackalloc float[(18 + 9) * lanes];
            var tail = temp + (18 * lanes);
            var tap = (nint)g.C * g.K;
            var point = (nint)g.C * Plan._paddedK;
            for (var c = block * RowsPerBlock; c < Math.Min(g.C, (block + 1) * RowsPerBlock); c++)
                for (var k = 0; k < g.K; k += lanes)
                {
                    var source = Weights + ((nint)c * g.K) + k;
                    var panel = k / Plan._tiles.Panel;
                    var width = PanelPacking.Vectors(g.K, lanes, panel) * lanes;
                    var target = Packed + ((nint)panel * Plan._tiles.Panel * g.C) + ((nint)c * width) + (k % Plan._tiles.Panel);
                    var stride = tap;
                    if (k + lanes > g.K)
                    {
                        new Span<float>(tail, 9 * lanes).Clear();
                        for (var i = 0; i < 9; i++)
                            new ReadOnlySpan<float>(source + (i * tap), g.K - k).CopyTo(new Span<float>(tail + (i * lanes), lanes));
                        source = tail;
                        stride = lanes;
                    }

                    if (Plan._backward)
                        Plan._transforms.Filter(source + (8 * stride), -stride, target, point, temp);
                    else
                        Plan._transforms.Filter(source, stride, target, point, temp);
                }
        }
    }

    struct Job : IParallelJob
    {
        public WinogradCorrelation Plan;
        public float* X;
        public float* Packed;
        public float* Bias;
        public float* Y;
        public float* Scratch;
        public float Low;
        public int Tiles;
        public int Blocks;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            var v = Scratch + ((nint)worker * p.ScratchLength);
            var m = v + (Points * (nint)p.VStride);
            var temp = m + (Points * (nint)p.MStride);
            var bias = temp + (Points * p._tiles.Lanes);
            int first = (int)((long)Tiles * block / Blocks), count = (int)((long)Tiles * (block + 1) / Blocks) - first;
            for (var i = 0; i < count; i++)
            {
                var window = p.InputWindow(first + i, X);
                p._transforms.Input(&window, v + ((nint)i * p._g.C), p.VStride, temp);
            }

            p.Multiply(v, Packed, m, count);
            if (Bias != null)
            {
                new ReadOnlySpan<float>(Bias, p._g.K).CopyTo(new Span<float>(bias, p._paddedK));
                new Span<float>(bias + p._g.K, p._paddedK - p._g.K).Clear();
            }

            for (var i = 0; i < count; i++)
            {
                var window = p.OutputWindow(first + i, Y);
                p._transforms.Output(m + ((nint)i * p._paddedK), p.MStride, Bias == null ? null : bias, Low, &window, temp);
            }
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
                args.B = packed + ((nint)point * _g.C * _paddedK) + ((nint)panel * _tiles.Panel * _g.C);
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

    TileWindow InputWindow(int tile, float* x)
    {
        int across = tile % _tilesAcross, down = tile / _tilesAcross % _tilesDown, image = tile / (_tilesAcross * _tilesDown);
        return WinogradWindows.Input(x + ((nint)image * _g.H * _g.W * _g.C), _g.H, _g.W, _g.C, (down * 4) - _g.Top, (across * 4) - _g.Left);
    }

    TileWindow OutputWindow(int tile, float* y)
    {
        int across = tile % _tilesAcross, down = tile / _tilesAcross % _tilesDown, image = tile / (_tilesAcross * _tilesDown);
        return new TileWindow
        {
            Origin = y + ((nint)image * _g.ResultImage) + ((nint)down * 4 * _g.ResultRow) + ((nint)across * 4 * _g.ResultPixel),
            RowStride = _g.ResultRow,
            PixelStride = _g.ResultPixel,
            EndRow = Math.Min(4, _g.P - (down * 4)),
            EndColumn = Math.Min(4, _g.Q - (across * 4)),
            Channels = _g.K,
        };
    }
}
