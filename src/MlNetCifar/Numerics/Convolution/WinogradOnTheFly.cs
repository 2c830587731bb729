namespace MlNetCifar.Numerics;

/// <summary>
/// The forward pass of <see cref="WinogradCorrelation"/>, bit by bit, for so few tiles that reading a transformed filter, four times as large as the filter,
/// would take longer than the rest: each panel is transformed piece by piece on its way into the product. The panels are shared out among the threads.
/// </summary>
internal sealed unsafe class WinogradOnTheFly : ICorrelation
{
    const int Points = WinogradTransforms.Points;

    // A transformed piece of the filter, 36 · 64 · 2 vectors, stays in the second-level cache; shorter ones spend more on starting products than on them.
    const int Depth = 64;
    const int MostTiles = 64;
    const int MostInputBlocks = 8;

    readonly Correlation _g;
    readonly TileSet _tiles;
    readonly WinogradTiling _tiling;

    public WinogradOnTheFly(in Correlation geometry, TileSet tiles)
    {
        _g = geometry;
        _tiles = tiles;
        _tiling = new WinogradTiling(geometry, WinogradSet.For(tiles.Lanes));
    }

    public string Name => "Winograd 4×4";

    public int PackedLength => 9 * _g.C * PanelPacking.PaddedColumns(_g.K, _tiles.Lanes);

    public bool CanPool => true;

    public int SharedLength => Points * InputStride;

    public int ScratchLength => ZeroLength + (Points * (PieceStride + ResultStride)) + (17 * _tiles.Panel);

    int ZeroLength => (int)Arena.Align(6 * _g.C);

    int InputStride => WinogradTiling.OddLines(_g.N * _tiling.PerImage * _g.C);

    int PieceStride => WinogradTiling.OddLines(Depth * _tiles.Panel);

    int ResultStride => WinogradTiling.OddLines(_g.N * _tiling.PerImage * _tiles.Panel);

    /// <summary>Whether there are few enough tiles.</summary>
    public static bool Wins(in Correlation g) => g.N * new WinogradTiling(g, null!).PerImage <= MostTiles;

    public void Pack(float* weights, float* packed, WorkerPool pool) => PanelPacking.Forward(weights, 9 * _g.C, _g.K, _tiles.Lanes, packed, pool);

    public void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        var tiles = n * _tiling.PerImage;
        var own = scratch + SharedLength;
        var input = new InputJob { Plan = this, X = x, Tiles = tiles, Blocks = Math.Min(tiles, MostInputBlocks), Inputs = scratch, Scratch = own };
        pool.Run(ref input, input.Blocks);
        var job = new Job { Plan = this, Y = y, Tiles = tiles, Packed = packed, Inputs = scratch, Scratch = own };
        pool.Run(ref job, PanelPacking.Panels(_g.K, _tiles.Lanes));
    }

    struct InputJob : IParallelJob
    {
        public WinogradOnTheFly Plan;
        public ConvSource X;
        public int Tiles;
        public int Blocks;
        public float* Inputs;
        public float* Scratch;

        public readonly void Execute(int block, int worker)
        {
            int first = Tiles * block / Blocks, end = Tiles * (block + 1) / Blocks;
            var zeros = Scratch + ((nint)worker * Plan.ScratchLength);
            new Span<float>(zeros, Plan.ZeroLength).Clear();
            Plan._tiling.Input(X, first, end - first, Inputs + ((nint)first * Plan._g.C), Plan.InputStride, zeros, null);
        }
    }

    struct Job : IParallelJob
    {
        public WinogradOnTheFly Plan;
        public ConvTarget Y;
        public int Tiles;
        public float* Packed;
        public float* Inputs;
        public float* Scratch;

        public readonly void Execute(int block, int worker) =>
            Plan.Panel(Y, block, Tiles, Inputs, Packed, Scratch + ((nint)worker * Plan.ScratchLength) + Plan.ZeroLength);
    }

    /// <summary>One panel of the filter against all tiles.</summary>
    void Panel(in ConvTarget y, int panel, int count, float* v, float* packed, float* scratch)
    {
        float* piece = scratch, m = piece + ((nint)Points * PieceStride), tile = m + ((nint)Points * ResultStride), bias = tile + (16 * _tiles.Panel);
        int channel = panel * _tiles.Panel, vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel), width = vectors * _tiles.Lanes;
        var filter = packed + ((nint)channel * 9 * _g.C);
        var tap = (nint)_g.C * width;
        for (var c = 0; c < _g.C; c += Depth)
        {
            var depth = Math.Min(Depth, _g.C - c);
            _tiling.Transforms.Filter(filter + ((nint)c * width), tap, depth * vectors, piece, PieceStride);
            Multiply(v + c, piece, m, count, depth, vectors, c > 0);
        }

        if (y.Bias != null)
        {
            var valid = Math.Min(width, _g.K - channel);
            new ReadOnlySpan<float>(y.Bias + channel, valid).CopyTo(new Span<float>(bias, width));
            new Span<float>(bias + valid, width - valid).Clear();
        }

        _tiling.Output(y, 0, count, m, ResultStride, y.Bias == null ? null : bias, channel, width, tile);
    }

    void Multiply(float* v, float* piece, float* m, int count, int depth, int vectors, bool more)
    {
        var width = vectors * _tiles.Lanes;
        var args = new DotTileArgs { RowStride = _g.C, Segments = 1, SegmentLength = depth, ResultStride = width, StartStride = width };
        var blocks = (count + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var point = 0; point < Points; point++)
        {
            args.B = piece + ((nint)point * PieceStride);
            for (var block = 0; block < blocks; block++)
            {
                int done = count * block / blocks, rows = (count * (block + 1) / blocks) - done;
                args.A = v + ((nint)point * InputStride) + ((nint)done * _g.C);
                args.C = m + ((nint)point * ResultStride) + ((nint)done * width);
                args.Start = more ? args.C : null;
                _tiles.Dot(rows, vectors, &args);
            }
        }
    }
}
