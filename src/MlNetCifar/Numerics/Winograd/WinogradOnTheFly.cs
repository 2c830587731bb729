namespace MlNetCifar.Numerics;

/// <summary>
/// <see cref="WinogradCorrelation"/>, bit by bit, for so few tiles that reading a transformed filter, four times as large as the filter,
/// would take longer than the rest: each panel is transformed piece by piece on its way into the product. The panels are shared out among the threads.
/// </summary>
internal sealed unsafe class WinogradOnTheFly : ICorrelation
{
    const int Points = WinogradTransforms.Points;

    // A transformed piece of the filter, 36 · 64 · 2 vectors, stays in the second-level cache; shorter ones spend more on starting products than on them.
    const int Depth = 64;
    const int FewestTiles = 8;
    const int MostTiles = 64;
    const int MostInputBlocks = 8;

    readonly Correlation _g;
    readonly ConvShape? _backwardOf;
    readonly TileSet _tiles;
    readonly WinogradTiling _tiling;

    // Tiles that a piece of the filter is transformed for, and channels that lie side by side in their transformed inputs: what a piece needs lies together, but vectors reach over no end.
    readonly int _held;
    readonly int _part;

    /// <summary>Makes the plan.</summary>
    /// <param name="geometry">What is computed.</param>
    /// <param name="backwardOf">The layer whose backward-data it is, or null for a forward pass.</param>
    /// <param name="tiles">Micro-kernels.</param>
    public WinogradOnTheFly(in Correlation geometry, ConvShape? backwardOf, TileSet tiles)
    {
        _g = geometry;
        _backwardOf = backwardOf;
        _tiles = tiles;
        _tiling = new WinogradTiling(geometry, WinogradSet.For(tiles.Lanes));
        _held = Math.Min(geometry.N * _tiling.PerImage, MostTiles);
        _part = geometry.C % Depth == 0 ? Depth : geometry.C;
    }

    public string Name => "Winograd 4×4";

    public int PackedLength => 9 * _g.C * PanelPacking.PaddedColumns(_g.K, _tiles.Lanes);

    public int PoolSize => 2;

    public bool CanAdd => _g.K % _tiles.Lanes == 0;

    public int SharedLength => Points * InputStride * (_g.C / _part);

    public int ScratchLength => ZeroLength + ExpandedLength + (Points * (PieceStride + ResultStride)) + (17 * _tiles.Panel);

    int ZeroLength => (int)Arena.Align(6 * _g.C);

    // An image that is expanded from behind a pooling.
    int ExpandedLength => _backwardOf is null ? 0 : (int)Arena.Align(_g.H * _g.W * _g.C);

    int InputStride => WinogradTiling.OddLines(_held * _part);

    int PieceStride => WinogradTiling.OddLines(Depth * _tiles.Panel);

    int ResultStride => WinogradTiling.OddLines(_held * _tiles.Panel);

    /// <summary>Whether it beats reading the transformed filter: there are few enough tiles.</summary>
    public static bool Wins(in Correlation g) => Tiles(g) <= MostTiles;

    /// <summary>Whether it beats the direct algorithm in a batch: measured, a transformed piece must serve a few tiles.</summary>
    public static bool BeatsDirect(in Correlation g) => WinogradCorrelation.Suits(g) && Tiles(g) >= FewestTiles;

    static int Tiles(in Correlation g) => g.N * new WinogradTiling(g, null!).PerImage;

    public void Pack(float* weights, float* packed, WorkerPool pool)
    {
        if (_backwardOf is { } shape)
            PanelPacking.Backward(weights, shape, 0, 0, _tiles.Lanes, packed, pool);
        else
            PanelPacking.Forward(weights, 9 * _g.C, _g.K, _tiles.Lanes, packed, pool);
    }

    public void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        var tiles = n * _tiling.PerImage;
        var own = scratch + SharedLength;
        var input = new InputJob { Plan = this, X = x, Inputs = scratch, Scratch = own };
        var job = new Job { Plan = this, Y = y, Packed = packed, Inputs = scratch, Scratch = own };
        var groups = (tiles + _held - 1) / _held;
        for (var group = 0; group < groups; group++)
        {
            input.First = job.First = tiles * group / groups;
            input.Count = job.Count = (tiles * (group + 1) / groups) - job.First;
            input.Blocks = Math.Min(input.Count, MostInputBlocks);
            pool.Run(ref input, input.Blocks);
            pool.Run(ref job, PanelPacking.Panels(_g.K, _tiles.Lanes));
        }
    }

    struct InputJob : IParallelJob
    {
        public WinogradOnTheFly Plan;
        public ConvSource X;
        public int First;
        public int Count;
        public int Blocks;
        public float* Inputs;
        public float* Scratch;

        public readonly void Execute(int block, int worker)
        {
            int first = Count * block / Blocks, end = Count * (block + 1) / Blocks;
            var zeros = Scratch + ((nint)worker * Plan.ScratchLength);
            new Span<float>(zeros, Plan.ZeroLength).Clear();
            Plan._tiling.Input(X, First + first, end - first, Inputs + ((nint)first * Plan._part), Plan.InputStride, Plan._part, zeros, zeros + Plan.ZeroLength);
        }
    }

    struct Job : IParallelJob
    {
        public WinogradOnTheFly Plan;
        public ConvTarget Y;
        public int First;
        public int Count;
        public float* Packed;
        public float* Inputs;
        public float* Scratch;

        public readonly void Execute(int block, int worker) =>
            Plan.Panel(Y, block, First, Count, Inputs, Packed, Scratch + ((nint)worker * Plan.ScratchLength) + Plan.ZeroLength + Plan.ExpandedLength);
    }

    /// <summary>One panel of the filter against the tiles of a group.</summary>
    void Panel(in ConvTarget y, int panel, int first, int count, float* v, float* packed, float* scratch)
    {
        float* piece = scratch, m = piece + ((nint)Points * PieceStride), tile = m + ((nint)Points * ResultStride), bias = tile + (16 * _tiles.Panel);
        int channel = panel * _tiles.Panel, vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel), width = vectors * _tiles.Lanes;
        var filter = packed + ((nint)channel * 9 * _g.C);
        var tap = (nint)_g.C * width;
        for (var c = 0; c < _g.C; c += Depth)
        {
            var depth = Math.Min(Depth, _g.C - c);
            _tiling.Transforms.Filter(filter + ((nint)c * width), tap, depth * vectors, piece, PieceStride);
            Multiply(v + ((nint)(c / _part) * Points * InputStride) + (c % _part), piece, m, count, depth, vectors, c > 0);
        }

        if (y.Bias != null)
        {
            var valid = Math.Min(width, _g.K - channel);
            new ReadOnlySpan<float>(y.Bias + channel, valid).CopyTo(new Span<float>(bias, width));
            new Span<float>(bias + valid, width - valid).Clear();
        }

        _tiling.Output(y, first, count, m, ResultStride, y.Bias == null ? null : bias, channel, width, tile);
    }

    void Multiply(float* v, float* piece, float* m, int count, int depth, int vectors, bool more)
    {
        var width = vectors * _tiles.Lanes;
        var args = new DotTileArgs { RowStride = _part, Segments = 1, SegmentLength = depth, ResultStride = width, StartStride = width };
        var blocks = (count + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var point = 0; point < Points; point++)
        {
            args.B = piece + ((nint)point * PieceStride);
            for (var block = 0; block < blocks; block++)
            {
                int done = count * block / blocks, rows = (count * (block + 1) / blocks) - done;
                args.A = v + ((nint)point * InputStride) + ((nint)done * _part);
                args.C = m + ((nint)point * ResultStride) + ((nint)done * width);
                args.Start = more ? args.C : null;
                _tiles.Dot(rows, vectors, &args);
            }
        }
    }
}
