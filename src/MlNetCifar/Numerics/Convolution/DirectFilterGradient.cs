namespace MlNetCifar.Numerics;

/// <summary>
/// ∂loss/∂f by the micro-kernel <see cref="OuterTile"/>: tiles of (s, c) × k of one filter row, summed over the pixels of a few images at a time.
/// Work falls into groups of images (each with its own partial sums, added in order at the end) times parts of the tiles; both depend on the shape alone.
/// </summary>
internal sealed unsafe class DirectFilterGradient : IFilterGradient
{
    // x and ∂loss/∂y of the images that are worked on together stay in the second-level cache.
    const int ChunkFloats = 3 << 15;
    const int SmallFilter = 1 << 16;
    const int TilesPerUnit = 16;

    readonly ConvShape _s;
    readonly TileSet _tiles;
    readonly bool _unpadded;
    readonly int _groups;
    readonly int _chunk;
    readonly int _parts;
    readonly int _units;
    readonly int _columnsPerUnit;

    public DirectFilterGradient(in ConvShape shape, TileSet tiles)
    {
        _s = shape;
        _tiles = tiles;
        _unpadded = Correlation.Forward(shape).Unpadded;
        PaddedRows = ((shape.P - 1) * shape.Stride) + shape.R;
        PaddedColumns = ((shape.Q - 1) * shape.Stride) + shape.S;
        _chunk = Math.Clamp(ChunkFloats / ((PaddedRows * PaddedColumns * shape.C) + (shape.P * shape.Q * shape.K)), 1, shape.N);
        _columnsPerUnit = TilesPerUnit * tiles.MaxRows;
        _units = PanelPacking.Panels(shape.K, tiles.Lanes) * shape.R * UnitsOfRow;
        _groups = shape.FilterLength <= SmallFilter ? Math.Min(shape.N, 8) : _units >= 16 ? 1 : Math.Min(shape.N, 4);
        _parts = _groups >= 8 ? 1 : Math.Min(_units, 24);
    }

    public string Name => $"direct, {_groups}×{_parts} blocks";

    public int WorkspaceLength(int threads) => (threads * ScratchLength) + (_groups > 1 ? _groups * (int)Arena.Align(_s.FilterLength) : 0);

    int PaddedRows { get; }

    int PaddedColumns { get; }

    int ImageFloats => _unpadded ? _s.H * _s.W * _s.C : PaddedRows * PaddedColumns * _s.C;

    int ScratchLength => (int)Arena.Align(_chunk * _s.P * _s.Q * _s.K) + (int)Arena.Align(_unpadded ? 0 : _chunk * ImageFloats) + (int)Arena.Align(_chunk * TailFloats) + (_tiles.MaxRows * _tiles.Panel);

    int UnitsOfRow => ((_s.S * _s.C) + _columnsPerUnit - 1) / _columnsPerUnit;

    // The last panel of K that does not fill its vectors is copied with zeros, so that loads stay inside.
    int TailWidth => _s.K % _tiles.Lanes == 0 ? 0 : PanelPacking.Vectors(_s.K, _tiles.Lanes, PanelPacking.Panels(_s.K, _tiles.Lanes) - 1) * _tiles.Lanes;

    int TailFloats => _s.P * _s.Q * TailWidth;

    public void Run(int n, float* x, in ConvSource gradY, float* gradF, float* workspace, WorkerPool pool)
    {
        var partial = workspace + ((nint)pool.Threads * ScratchLength);
        var job = new Job { Plan = this, N = n, X = x, GradY = gradY, GradF = _groups > 1 ? partial : gradF, Scratch = workspace };
        pool.Run(ref job, _groups * _parts);
        if (_groups > 1)
            FixedSum.Run(partial, _groups, (int)Arena.Align(_s.FilterLength), _s.FilterLength, gradF, pool);
    }

    struct Job : IParallelJob
    {
        public DirectFilterGradient Plan;
        public float* X;
        public ConvSource GradY;
        public float* GradF;
        public float* Scratch;
        public int N;

        public readonly void Execute(int block, int worker)
        {
            int group = block / Plan._parts, part = block % Plan._parts;
            var first = (int)((long)N * group / Plan._groups);
            var end = (int)((long)N * (group + 1) / Plan._groups);
            var target = GradF + (Plan._groups > 1 ? group * (nint)Arena.Align(Plan._s.FilterLength) : 0);
            if (first == end && part == 0)
                new Span<float>(target, Plan._s.FilterLength).Clear();
            for (var image = first; image < end; image += Plan._chunk)
                Plan.Chunk(image, Math.Min(Plan._chunk, end - image), X, GradY, target, part, image > first, Scratch + ((nint)worker * Plan.ScratchLength));
        }
    }

    void Chunk(int first, int images, float* x, in ConvSource gradY, float* gradF, int part, bool accumulate, float* scratch)
    {
        var source = x + ((nint)first * _s.H * _s.W * _s.C);
        var g = Gradient(gradY, first, images, ref scratch);
        if (!_unpadded)
        {
            for (var i = 0; i < images; i++)
                PaddedCopy.Copy(source + ((nint)i * _s.H * _s.W * _s.C), _s.H, _s.W, _s.C, -_s.PadTop, -_s.PadLeft, PaddedRows, PaddedColumns, scratch + ((nint)i * ImageFloats));
            source = scratch;
            scratch += Arena.Align(_chunk * ImageFloats);
        }

        int firstUnit = _units * part / _parts, end = _units * (part + 1) / _parts;
        var tail = scratch;
        var edge = scratch + Arena.Align(_chunk * TailFloats);
        var lastPanel = PanelPacking.Panels(_s.K, _tiles.Lanes) - 1;
        if (TailWidth > 0 && (end - 1) / (_s.R * UnitsOfRow) == lastPanel)
            CopyTail(g + (lastPanel * _tiles.Panel), images * _s.P * _s.Q, tail);
        for (var unit = firstUnit; unit < end; unit++)
        {
            int panel = unit / (_s.R * UnitsOfRow), r = unit / UnitsOfRow % _s.R, from = unit % UnitsOfRow * _columnsPerUnit;
            Unit(source, g, tail, gradF, images, panel, r, from, Math.Min(_columnsPerUnit, (_s.S * _s.C) - from), accumulate, edge);
        }
    }

    float* Gradient(in ConvSource gradY, int first, int images, ref float* scratch)
    {
        var length = (nint)_s.P * _s.Q * _s.K;
        if (gradY.ArgMax == null)
            return gradY.Values + (first * length);
        var dense = scratch;
        scratch += Arena.Align(_chunk * _s.P * _s.Q * _s.K);
        for (var i = 0; i < images; i++)
            gradY.Rows(first + i, _s.P, _s.Q, _s.K, 0, _s.P, dense + (i * length));
        return dense;
    }

    void Unit(float* x, float* g, float* tail, float* gradF, int images, int panel, int r, int from, int count, bool accumulate, float* edge)
    {
        var width = _unpadded ? _s.W : PaddedColumns;
        var vectors = PanelPacking.Vectors(_s.K, _tiles.Lanes, panel);
        var valid = Math.Min(vectors * _tiles.Lanes, _s.K - (panel * _tiles.Panel));
        var full = valid == vectors * _tiles.Lanes;
        nint pixel = full ? _s.K : TailWidth;
        var args = new OuterTileArgs
        {
            ImageStrideA = ImageFloats,
            RowStrideA = (nint)_s.Stride * width * _s.C,
            PixelStrideA = (nint)_s.Stride * _s.C,
            B = full ? g + (panel * _tiles.Panel) : tail,
            ImageStrideB = _s.P * _s.Q * pixel,
            RowStrideB = _s.Q * pixel,
            PixelStrideB = pixel,
            Images = images,
            Rows = _s.P,
            Pixels = _s.Q,
        };
        var tiles = (count + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var tile = 0; tile < tiles; tile++)
        {
            int done = count * tile / tiles, rows = (count * (tile + 1) / tiles) - done;
            args.A = x + ((nint)r * width * _s.C) + from + done;
            var target = gradF + ((((nint)r * _s.S * _s.C) + from + done) * _s.K) + (panel * _tiles.Panel);
            args.C = full ? target : edge;
            args.ResultStride = full ? _s.K : pixel;
            args.Accumulate = full && accumulate;
            _tiles.Outer(rows, vectors, &args);
            if (!full)
                AddEdge(edge, (int)pixel, rows, valid, target, accumulate);
        }
    }

    void AddEdge(float* edge, int width, int rows, int valid, float* target, bool accumulate)
    {
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < valid; j++)
                target[((nint)i * _s.K) + j] = edge[(i * width) + j] + (accumulate ? target[((nint)i * _s.K) + j] : 0);
    }

    void CopyTail(float* g, int pixels, float* tail)
    {
        var valid = _s.K - (_s.K / _tiles.Panel * _tiles.Panel);
        for (var i = 0; i < pixels; i++, g += _s.K, tail += TailWidth)
        {
            new ReadOnlySpan<float>(g, valid).CopyTo(new Span<float>(tail, TailWidth));
            new Span<float>(tail + valid, TailWidth - valid).Clear();
        }
    }
}
