namespace MlNetCifar.Numerics;

/// <summary>
/// ∂loss/∂f of a 3×3 convolution of stride 1 by F(3×3, 4×4): tiles of x and ∂loss/∂y are transformed, their products summed over the tiles
/// point by point, and the sums transformed back. Small filters: groups of tiles, each with its own sums, never leave one worker's cache.
/// Large filters: all workers transform a batch of tiles, then share out the points, so that there is one set of sums.
/// </summary>
internal sealed unsafe class WinogradFilterGradient : IFilterGradient
{
    const int Points = WinogradTransforms.Points;
    const int SumFloats = 160 << 10;
    const int BatchFloats = 96 << 10;
    const int SharedTiles = 256;
    const int TilesPerBlock = 16;

    readonly ConvShape _s;
    readonly TileSet _tiles;
    readonly WinogradSet _transforms;
    readonly int _tilesDown;
    readonly int _tilesAcross;
    readonly int _paddedK;
    readonly int _groups;
    readonly int _batch;

    public WinogradFilterGradient(in ConvShape shape, TileSet tiles)
    {
        _s = shape;
        _tiles = tiles;
        _transforms = WinogradSet.For(tiles.Lanes);
        _tilesDown = (shape.P + 3) / 4;
        _tilesAcross = (shape.Q + 3) / 4;
        _paddedK = PanelPacking.PaddedColumns(shape.K, tiles.Lanes);
        var all = shape.N * _tilesDown * _tilesAcross;
        _groups = Grouped(shape, tiles.Lanes) ? Math.Min(8, all) : 1;
        _batch = _groups > 1
            ? Math.Clamp(BatchFloats / (Points * (shape.C + _paddedK)) / 8 * 8, 16, 64)
            : Math.Min(SharedTiles, all);
    }

    public string Name => _groups > 1 ? $"Winograd 3×3, {_groups} groups" : "Winograd 3×3, by points";

    int VStride => OddLines(_batch * _s.C);

    int ZStride => OddLines(_batch * _paddedK);

    nint SumStride => OddLines(_s.C * _paddedK);

    nint SumLength => Points * SumStride;

    // The slack after Z is what the last vector of a row may read beyond it.
    int TransformedLength => (Points * (VStride + ZStride)) + _tiles.Lanes;

    /// <summary>Whether the algorithm can compute a shape.</summary>
    public static bool Fits(in ConvShape s, int lanes) => s is { R: 3, S: 3, Stride: 1 } && s.C >= lanes && s.K >= lanes;

    /// <summary>Whether it is the faster one: measured, the sums (four times the filter, for each group) must be used for enough results.</summary>
    public static bool Wins(in ConvShape s, int lanes) =>
        Fits(s, lanes) && (long)s.N * s.P * s.Q >= (Grouped(s, lanes) ? 512 + (s.C * s.K / 100) : 64 + (s.C * s.K / 1000));

    static bool Grouped(in ConvShape s, int lanes) => Points * s.C * PanelPacking.PaddedColumns(s.K, lanes) <= SumFloats;

    public int WorkspaceLength(int threads) =>
        (threads * TempLength) + (_groups * (int)SumLength) + ((_groups > 1 ? threads : 1) * (int)Arena.Align(TransformedLength));

    // Rows of one image that the tiles of a batch read, where they are expanded from behind a pooling.
    int ExpandedRows => Math.Min(_s.P, (((Math.Max(_batch, TilesPerBlock) + _tilesAcross - 1) / _tilesAcross) + 1) * 4);

    // Zeros for missing rows, or the temporaries of the last transform.
    int ZeroLength => (int)Arena.Align(Math.Max(6 * Math.Max(_s.C, _s.K), 27 * _tiles.Lanes));

    int TempLength => ZeroLength + (int)Arena.Align(ExpandedRows * _s.Q * _s.K);

    public void Run(int n, float* x, in ConvSource gradY, float* gradF, float* workspace, WorkerPool pool)
    {
        var temp = workspace;
        var sums = temp + ((nint)pool.Threads * TempLength);
        var transformed = sums + (_groups * SumLength);
        var tiles = n * _tilesDown * _tilesAcross;
        if (_groups > 1)
        {
            var job = new GroupJob { Plan = this, Tiles = tiles, X = x, GradY = gradY, Sums = sums, Transformed = transformed, Temp = temp };
            pool.Run(ref job, _groups);
        }
        else
        {
            var transform = new TransformJob { Plan = this, X = x, GradY = gradY, Transformed = transformed, Temp = temp };
            var points = new PointJob { Plan = this, Sums = sums, Transformed = transformed };
            for (var first = 0; first < tiles; first += _batch)
            {
                transform.First = first;
                transform.Count = points.Count = Math.Min(_batch, tiles - first);
                points.Accumulate = first > 0;
                pool.Run(ref transform, (transform.Count + TilesPerBlock - 1) / TilesPerBlock);
                pool.Run(ref points, Points);
            }
        }

        var finish = new FinishJob { Plan = this, Sums = sums, GradF = gradF, Temp = temp };
        pool.Run(ref finish, (_s.C + FinishJob.RowsPerBlock - 1) / FinishJob.RowsPerBlock);
    }

    static int OddLines(int floats) => (((floats + 15) / 16) | 1) * 16;

    void Transform(int first, int count, float* x, in ConvSource gradY, float* v, float* z, float* temp)
    {
        new Span<float>(temp, ZeroLength).Clear();
        var current = -1;
        float* origin = null;
        for (var tile = first; tile < first + count; tile++, v += _s.C, z += _s.K)
        {
            int across = tile % _tilesAcross, down = tile / _tilesAcross % _tilesDown, image = tile / (_tilesAcross * _tilesDown);
            if (image != current)
            {
                current = image;
                var last = (Math.Min(first + count, (image + 1) * _tilesDown * _tilesAcross) - 1) / _tilesAcross % _tilesDown;
                origin = gradY.Rows(image, _s.P, _s.Q, _s.K, down * 4, (last + 1) * 4, temp + ZeroLength);
            }

            var input = WinogradWindows.Input(
                x + ((nint)image * _s.H * _s.W * _s.C), _s.H, _s.W, _s.C, (down * 4) - _s.PadTop, (across * 4) - _s.PadLeft);
            _transforms.Input(&input, v, VStride, temp);
            var gradient = new TileWindow
            {
                Origin = origin + ((((nint)down * 4 * _s.Q) + (across * 4)) * _s.K),
                RowStride = (nint)_s.Q * _s.K,
                PixelStride = _s.K,
                EndRow = Math.Min(4, _s.P - (down * 4)),
                EndColumn = Math.Min(4, _s.Q - (across * 4)),
                Channels = _s.K,
            };
            _transforms.Gradient(&gradient, z, ZStride, temp);
        }
    }

    /// <summary>sums[c, k] (+)= Σ over tiles of v[tile, c] · z[tile, k] for one point.</summary>
    void Multiply(int point, int count, float* transformed, float* sums, bool accumulate)
    {
        var args = new OuterTileArgs
        {
            PixelStrideA = _s.C,
            PixelStrideB = _s.K,
            Images = 1,
            Rows = 1,
            Pixels = count,
            ResultStride = _paddedK,
            Accumulate = accumulate,
        };
        float* v = transformed + ((nint)point * VStride), z = transformed + ((nint)Points * VStride) + ((nint)point * ZStride);
        var target = sums + (point * SumStride);
        var tiles = (_s.C + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var panel = 0; panel < PanelPacking.Panels(_s.K, _tiles.Lanes); panel++)
        {
            args.B = z + (panel * _tiles.Panel);
            var vectors = PanelPacking.Vectors(_s.K, _tiles.Lanes, panel);
            for (var tile = 0; tile < tiles; tile++)
            {
                int done = _s.C * tile / tiles, rows = (_s.C * (tile + 1) / tiles) - done;
                args.A = v + done;
                args.C = target + ((nint)done * _paddedK) + (panel * _tiles.Panel);
                _tiles.Outer(rows, vectors, &args);
            }
        }
    }

    struct GroupJob : IParallelJob
    {
        public WinogradFilterGradient Plan;
        public float* X;
        public ConvSource GradY;
        public float* Sums;
        public float* Transformed;
        public float* Temp;
        public int Tiles;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            int first = (int)((long)Tiles * block / p._groups), end = (int)((long)Tiles * (block + 1) / p._groups);
            var sums = Sums + (block * p.SumLength);
            if (first == end)
                new Span<float>(sums, (int)p.SumLength).Clear();
            var v = Transformed + (worker * (nint)Arena.Align(p.TransformedLength));
            var z = v + (Points * (nint)p.VStride);
            var temp = Temp + ((nint)worker * p.TempLength);
            for (var tile = first; tile < end; tile += p._batch)
            {
                var count = Math.Min(p._batch, end - tile);
                p.Transform(tile, count, X, GradY, v, z, temp);
                for (var point = 0; point < Points; point++)
                    p.Multiply(point, count, v, sums, tile > first);
            }
        }
    }

    struct TransformJob : IParallelJob
    {
        public WinogradFilterGradient Plan;
        public float* X;
        public ConvSource GradY;
        public float* Transformed;
        public float* Temp;
        public int First;
        public int Count;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            var z = Transformed + (Points * (nint)p.VStride);
            var first = block * TilesPerBlock;
            p.Transform(
                First + first, Math.Min(TilesPerBlock, Count - first), X, GradY, Transformed + ((nint)first * p._s.C), z + ((nint)first * p._s.K),
                Temp + ((nint)worker * p.TempLength));
        }
    }

    struct PointJob : IParallelJob
    {
        public WinogradFilterGradient Plan;
        public float* Sums;
        public float* Transformed;
        public int Count;
        public bool Accumulate;

        public readonly void Execute(int block, int worker) => Plan.Multiply(block, Count, Transformed, Sums, Accumulate);
    }

    struct FinishJob : IParallelJob
    {
        public const int RowsPerBlock = 4;

        public WinogradFilterGradient Plan;
        public float* Sums;
        public float* GradF;
        public float* Temp;

        public readonly void Execute(int block, int worker)
        {
            var p = Plan;
            var lanes = p._tiles.Lanes;
            var temp = Temp + ((nint)worker * p.TempLength);
            var taps = temp + (18 * lanes);
            nint point = p.SumStride, tap = (nint)p._s.C * p._s.K;
            for (var c = block * RowsPerBlock; c < Math.Min(p._s.C, (block + 1) * RowsPerBlock); c++)
            {
                for (var group = 1; group < p._groups; group++)
                    for (var i = 0; i < Points; i++)
                        FixedSum.Add(Sums + (group * p.SumLength) + (i * point) + (c * p._paddedK), Sums + (i * point) + (c * p._paddedK), p._paddedK);
                for (var k = 0; k < p._s.K; k += lanes)
                {
                    var target = GradF + ((nint)c * p._s.K) + k;
                    var whole = k + lanes <= p._s.K;
                    p._transforms.FilterGradient(Sums + ((nint)c * p._paddedK) + k, point, whole ? target : taps, whole ? tap : lanes, temp);
                    for (var i = 0; !whole && i < 9; i++)
                        new ReadOnlySpan<float>(taps + (i * lanes), p._s.K - k).CopyTo(new Span<float>(target + (i * tap), p._s.K - k));
                }
            }
        }
    }
}
