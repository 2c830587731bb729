using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Numerics;

/// <summary>
/// A 3×3 correlation of stride 1 by F(4×4, 3×3): tiles are transformed, multiplied with the transformed filter point by point, and transformed back.
/// Where the filter is small, each thread takes a batch of tiles that stays in its second-level cache through all three. Where it is large, reading it for every batch
/// would take longer than the products: the threads share the tiles of a larger group, and each reads its points of the filter once for all of them.
/// Backward-data is the same with the filter flipped and transposed.
/// </summary>
internal sealed unsafe class WinogradCorrelation : ICorrelation
{
    const int Points = WinogradTransforms.Points;
    const int BatchFloats = 160 << 10;

    // 4 MiB: measured, a filter of 2 MiB is read as fast from a cache as it is multiplied, one of 9 MiB is not.
    const int LargeFilter = 1 << 20;

    // Inputs and results of a group: they pass through the third-level cache.
    const int GroupFloats = 2 << 20;
    const int FewestTiles = 48;
    const int LineFloats = 16;

    // Parts into which the panels of a point are shared out, so that many threads end together.
    const int Shares = 4;

    readonly Correlation _g;
    readonly TileSet _tiles;
    readonly bool _backward;
    readonly WinogradTiling _tiling;
    readonly int _batch;
    readonly int _paddedK;

    // Whether all threads share the tiles of a group, and the tiles whose inputs and results are held at once: those of a group, or of a batch.
    readonly bool _shared;
    readonly int _held;

    public WinogradCorrelation(in Correlation geometry, bool backward, TileSet tiles)
    {
        _g = geometry;
        _backward = backward;
        _tiles = tiles;
        _tiling = new WinogradTiling(geometry, WinogradSet.For(tiles.Lanes));
        _paddedK = PanelPacking.PaddedColumns(geometry.K, tiles.Lanes);
        _batch = Math.Clamp(BatchFloats / (Points * (geometry.C + _paddedK)) / 12 * 12, 24, 96);
        _shared = Points * geometry.C * _paddedK > LargeFilter;
        _held = _shared ? Math.Min(geometry.N * _tiling.PerImage, Math.Max(GroupFloats / (Points * (geometry.C + _paddedK)), FewestTiles)) : _batch;
    }

    public string Name => "Winograd 4×4";

    public int PackedLength => (Points * PointStride) + (_backward ? 9 * _g.C * _g.K : 0);

    public bool PacksTransformed => true;

    public int PoolSize => 2;

    public bool CanAdd => _g.K % _tiles.Lanes == 0;

    public int SharedLength => _shared ? HeldLength : 0;

    public int ScratchLength => (int)Arena.Align((_shared ? 0 : HeldLength) + ZeroLength + (17 * _paddedK)) + (int)Arena.Align(ExpandedRows * _g.W * _g.C);

    int HeldLength => Points * (VStride + MStride);

    int ZeroLength => (int)Arena.Align(6 * _g.C);

    // Rows of one image that the tiles of a batch read, where they are expanded from behind a pooling.
    int ExpandedRows => Math.Min(_g.H, ((((_batch + _tiling.Across - 1) / _tiling.Across) + 1) * 4) + 2);

    int PointStride => WinogradTiling.OddLines(_g.C * _paddedK);

    int VStride => WinogradTiling.OddLines(_held * _g.C);

    int MStride => WinogradTiling.OddLines(_held * _paddedK);

    /// <summary>Whether the algorithm can compute a geometry.</summary>
    public static bool Fits(in Correlation g, int lanes) => g is { R: 3, S: 3, Stride: 1 } && g.C >= lanes && g.K >= lanes;

    /// <summary>Whether it is the faster one: measured, the transformed filter (four times the filter) must be read for enough results.</summary>
    public static bool Wins(in Correlation g) => (long)g.N * g.P * g.Q >= 128 + (g.C * g.K / 100);

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
        if (_shared)
        {
            RunShared(tiles, x, packed, y, scratch, pool);
            return;
        }

        var blocks = Blocks(tiles);
        var job = new Job { Plan = this, Tiles = tiles, Blocks = blocks, X = x, Packed = packed, Y = y, Scratch = scratch };
        pool.Run(ref job, blocks);
    }

    int Blocks(int tiles) => Math.Min(tiles, (((tiles + _batch - 1) / _batch) + 7) / 8 * 8);

    void RunShared(int tiles, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        var job = new SharedJob { Plan = this, X = x, Packed = packed, Y = y, Inputs = scratch, Results = scratch + ((nint)Points * VStride), Scratch = scratch + SharedLength };
        var groups = (tiles + _held - 1) / _held;
        for (var group = 0; group < groups; group++)
        {
            job.First = (int)((long)tiles * group / groups);
            job.Count = (int)((long)tiles * (group + 1) / groups) - job.First;
            foreach (var step in (ReadOnlySpan<SharedStep>)[SharedStep.Input, SharedStep.Multiply, SharedStep.Output])
            {
                job.Step = step;
                job.Blocks = step == SharedStep.Multiply ? Points * Shares : Blocks(job.Count);
                pool.Run(ref job, job.Blocks);
            }
        }
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
            var own = m + (Points * (nint)p.MStride);
            int first = (int)((long)Tiles * block / Blocks), count = (int)((long)Tiles * (block + 1) / Blocks) - first;
            p.Input(X, first, count, v, own);
            for (var point = 0; point < Points; point++)
                p.Multiply(v, Packed, m, count, point, 0, PanelPacking.Panels(p._g.K, p._tiles.Lanes));
            p.Output(Y, first, count, m, own);
        }
    }

    enum SharedStep
    {
        Input,
        Multiply,
        Output,
    }

    /// <summary>One step of a group: tiles are shared out for the transforms, points and parts of the panels for the products.</summary>
    struct SharedJob : IParallelJob
    {
        public WinogradCorrelation Plan;
        public ConvSource X;
        public ConvTarget Y;
        public float* Packed;
        public float* Inputs;
        public float* Results;
        public float* Scratch;
        public int First;
        public int Count;
        public int Blocks;
        public SharedStep Step;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            if (Step == SharedStep.Multiply)
            {
                int panels = PanelPacking.Panels(p._g.K, p._tiles.Lanes), share = block % Shares;
                p.Multiply(Inputs, Packed, Results, Count, block / Shares, panels * share / Shares, panels * (share + 1) / Shares);
                return;
            }

            var own = Scratch + ((nint)worker * p.ScratchLength);
            int first = (int)((long)Count * block / Blocks), count = (int)((long)Count * (block + 1) / Blocks) - first;
            if (Step == SharedStep.Input)
                p.Input(X, First + first, count, Inputs + ((nint)first * p._g.C), own);
            else
                p.Output(Y, First + first, count, Results + ((nint)first * p._paddedK), own);
        }
    }

    void Input(in ConvSource x, int first, int count, float* v, float* own)
    {
        new Span<float>(own, ZeroLength).Clear();
        _tiling.Input(x, first, count, v, VStride, _g.C, own, own + ZeroLength + (17 * _paddedK));
    }

    void Output(in ConvTarget y, int first, int count, float* m, float* own)
    {
        float* bias = own + ZeroLength, tile = bias + _paddedK;
        if (y.Bias != null)
        {
            new ReadOnlySpan<float>(y.Bias, _g.K).CopyTo(new Span<float>(bias, _paddedK));
            new Span<float>(bias + _g.K, _paddedK - _g.K).Clear();
        }

        _tiling.Output(y, first, count, m, MStride, y.Bias == null ? null : bias, 0, _paddedK, tile);
    }

    void Multiply(float* v, float* packed, float* m, int count, int point, int firstPanel, int endPanel)
    {
        var args = new DotTileArgs { RowStride = _g.C, Segments = 1, SegmentLength = _g.C, ResultStride = _paddedK };
        var tiles = (count + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var panel = firstPanel; panel < endPanel; panel++)
        {
            var vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel);
            args.B = packed + ((nint)point * PointStride) + ((nint)panel * _tiles.Panel * _g.C);
            var length = _shared ? vectors * _tiles.Lanes * _g.C : 0;
            for (var tile = 0; tile < tiles; tile++)
            {
                Fetch(args.B + length, length * tile / tiles, length * (tile + 1) / tiles);
                int done = count * tile / tiles, rows = (count * (tile + 1) / tiles) - done;
                args.A = v + ((nint)point * VStride) + ((nint)done * _g.C);
                args.C = m + ((nint)point * MStride) + ((nint)done * _paddedK) + (panel * _tiles.Panel);
                _tiles.Dot(rows, vectors, &args);
            }
        }
    }

    // Of a large filter the next panel comes from afar, and is on its way while this one is multiplied.
    static void Fetch(float* panel, int first, int end)
    {
        for (var i = first; Sse.IsSupported && i < end; i += LineFloats)
            Sse.Prefetch1(panel + i);
    }
}
