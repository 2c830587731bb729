namespace MlNetCifar.Numerics;

/// <summary>
/// A correlation by the micro-kernel <see cref="DotTile"/>: tiles of neighbouring pixels of an output row against panels of the filter.
/// The input is read in place where it needs no padding, through a zero-padded strip of a few rows otherwise, and through gathered
/// patches where output rows are too short to fill a tile.
/// </summary>
internal sealed unsafe class DirectCorrelation : ICorrelation
{
    // Strips and patches of one block stay in the second-level cache beside a panel of weights.
    const int ScratchFloats = 1 << 16;
    const int MatrixRows = 96;

    // A filter this large, 2 MiB, costs more to read once a strip than strips cost to copy once a share of its panels: measured.
    const int LargeFilter = 1 << 19;

    // Results on their way into a pooling stay in the first-level cache.
    const int PooledFloats = 1 << 12;

    readonly Correlation _g;
    readonly ConvShape _shape;
    readonly (int Row, int Column)? _phase;
    readonly TileSet _tiles;
    readonly bool _matrix;
    readonly bool _patches;
    readonly int _stripRows;
    readonly int _unitsPerBlock;
    readonly int _rowsPerBlock;
    readonly int _pooledRows;

    /// <summary>The forward pass, or one phase of backward-data.</summary>
    public DirectCorrelation(in ConvShape shape, (int Row, int Column)? phase, TileSet tiles)
    {
        var geometry = phase is var (row, column) ? Correlation.BackwardData(shape, row, column) : Correlation.Forward(shape);
        _g = geometry;
        _shape = shape;
        _phase = phase;
        _tiles = tiles;
        _matrix = geometry.IsMatrixProduct;
        _patches = !_matrix && geometry.Depth > 0 && geometry.ResultRow == geometry.Q * geometry.ResultPixel && geometry.ResultImage == geometry.P * geometry.ResultRow
            && geometry.Q < Math.Min(6, tiles.MaxRows);
        if (_matrix || _patches)
        {
            _rowsPerBlock = _matrix ? MatrixRows : Math.Clamp(ScratchFloats / Math.Max(1, geometry.Depth) / 12 * 12, 12, MatrixRows);
            return;
        }

        _pooledRows = Math.Max(2, PooledFloats / Math.Max(1, geometry.Q * geometry.K) / 2 * 2);
        var rowFloats = geometry.PaddedColumns * geometry.C;
        _stripRows = Math.Max(1, Math.Min(geometry.P, geometry.Unpadded ? 16 : ((ScratchFloats / Math.Max(1, rowFloats)) - geometry.R) / geometry.Stride));
        var strips = (geometry.P + _stripRows - 1) / _stripRows;
        _stripRows = (geometry.P + strips - 1) / strips;

        // A strip that is not the whole image has an even number of rows, so that no pooling window lies in two.
        if (_stripRows < geometry.P)
            _stripRows = Math.Max(2, _stripRows / 2 * 2);
        _unitsPerBlock = Math.Clamp(ScratchFloats / Math.Max(1, StripFloats), 1, 8);
    }

    public string Name => _matrix ? "matrix product" : _patches ? "direct, patches" : _g.Unpadded ? "direct" : "direct, strips";

    public int PackedLength => _g.Depth * PanelPacking.PaddedColumns(_g.K, _tiles.Lanes);

    public int PoolSize => !_matrix && !_patches && _g.Depth > 0 ? 2 : 0;

    public int ScratchLength => (int)Arena.Align(_patches ? _rowsPerBlock * _g.Depth : _matrix ? 0 : (_unitsPerBlock * StripFloats) + PoolFloats)
        + (_tiles.MaxRows * _tiles.Panel) + (int)Arena.Align(PanelPacking.PaddedColumns(_g.K, _tiles.Lanes));

    // Rows expanded from behind a pooling, or rows on their way into one.
    int PoolFloats => Math.Max(Math.Min(_g.H, _g.PaddedRows(_stripRows)) * _g.W * _g.C, _pooledRows * _g.Q * _g.K);

    int StripFloats => _g.PaddedRows(_stripRows) * _g.PaddedColumns * _g.C;

    public void Pack(float* weights, float* packed, WorkerPool pool)
    {
        if (_phase is var (row, column))
            PanelPacking.Backward(weights, _shape, row, column, _tiles.Lanes, packed, pool);
        else
            PanelPacking.Forward(weights, _g.Depth, _g.K, _tiles.Lanes, packed, pool);
    }

    public void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        var job = new Job { Plan = this, N = n, X = x, Packed = packed, Y = y, Scratch = scratch };
        job.Y.Values += _g.ResultOffset;
        if (_matrix || _patches)
        {
            var rows = n * _g.P * _g.Q;
            job.Rows = Math.Min(_rowsPerBlock, Math.Max(_tiles.MaxRows, (rows + 7) / 8));
            job.Units = (rows + job.Rows - 1) / job.Rows;
            job.PanelBlocks = job.Units >= 8 ? 1 : Math.Min(PanelPacking.Panels(_g.K, _tiles.Lanes), 8);
        }
        else
        {
            var large = y.Reduce == null && PackedLength >= LargeFilter;
            job.Rows = n >= 8 || large ? _stripRows : Math.Max(1, Math.Min(_stripRows, (n * _g.P) / 8));
            if (y.Reduce != null && job.Rows < _g.P)
                job.Rows = Math.Max(2, job.Rows / 2 * 2);
            job.Strips = (_g.P + job.Rows - 1) / job.Rows;
            var units = n * job.Strips;
            job.PerBlock = Math.Min(_unitsPerBlock, Math.Max(1, units / 8));
            job.Units = (units + job.PerBlock - 1) / job.PerBlock;
            job.PanelBlocks = large ? Math.Clamp(8 / job.Units, 1, PanelPacking.Panels(_g.K, _tiles.Lanes)) : 1;
        }

        pool.Run(ref job, job.Units * job.PanelBlocks);
    }

    struct Job : IParallelJob
    {
        public DirectCorrelation Plan;
        public ConvSource X;
        public ConvTarget Y;
        public float* Packed;
        public float* Scratch;
        public int N;
        public int Rows;
        public int Strips;
        public int PerBlock;
        public int Units;
        public int PanelBlocks;

        public readonly void Execute(int block, int worker)
        {
            var scratch = Scratch + ((nint)worker * Plan.ScratchLength);
            var edge = scratch;
            scratch += Plan._tiles.MaxRows * Plan._tiles.Panel;
            var bias = Y.Bias == null ? null : scratch;
            var columns = PanelPacking.PaddedColumns(Plan._g.K, Plan._tiles.Lanes);
            if (bias != null)
            {
                new ReadOnlySpan<float>(Y.Bias, Plan._g.K).CopyTo(new Span<float>(bias, columns));
                new Span<float>(bias + Plan._g.K, columns - Plan._g.K).Clear();
            }

            scratch += Arena.Align(columns);
            if (Plan._matrix || Plan._patches)
                MatrixBlock(block / PanelBlocks, block % PanelBlocks, bias, edge, scratch);
            else
                StripBlock(block / PanelBlocks, block % PanelBlocks, bias, edge, scratch);
        }

        readonly void MatrixBlock(int unit, int part, float* bias, float* edge, float* patches)
        {
            ref readonly var g = ref Plan._g;
            var first = unit * Rows;
            var rows = Math.Min(Rows, (N * g.P * g.Q) - first);
            var a = Plan._matrix ? X.Values + ((nint)first * g.C) : patches;
            if (Plan._patches)
                Plan.GatherPatches(X.Values, first, rows, patches);
            var panels = PanelPacking.Panels(g.K, Plan._tiles.Lanes);
            var args = new DotTileArgs { RowStride = g.Depth, Segments = 1, SegmentLength = g.Depth, ResultStride = g.ResultPixel, Relu = Y.Relu };
            for (var panel = panels * part / PanelBlocks; panel < panels * (part + 1) / PanelBlocks; panel++)
                Plan.RowTiles(ref args, a, rows, panel, Packed, bias, Y.Values + ((nint)first * g.ResultPixel), edge);
        }

        readonly void StripBlock(int block, int part, float* bias, float* edge, float* strips)
        {
            ref readonly var g = ref Plan._g;
            var firstUnit = block * PerBlock;
            var units = Math.Min(PerBlock, (N * Strips) - firstUnit);
            var stripFloats = g.PaddedRows(Rows) * g.PaddedColumns * g.C;
            var pooled = strips + ((nint)Plan._unitsPerBlock * Plan.StripFloats);
            var inPlace = g.Unpadded && X.ArgMax == null;
            for (var i = 0; i < units && !inPlace; i++)
            {
                int image = (firstUnit + i) / Strips, p = (firstUnit + i) % Strips * Rows;
                int first = (p * g.Stride) - g.Top, rows = g.PaddedRows(Math.Min(Rows, g.P - p));
                var origin = X.Rows(image, g.H, g.W, g.C, first, first + rows, pooled);
                PaddedCopy.Copy(origin, g.H, g.W, g.C, first, -g.Left, rows, g.PaddedColumns, strips + ((nint)i * stripFloats));
            }

            nint width = inPlace ? g.W : g.PaddedColumns;
            var args = new DotTileArgs
            {
                RowStride = (nint)g.Stride * g.C,
                Segments = g.R,
                SegmentLength = g.Segment,
                SegmentStride = width * g.C,
                ResultStride = g.ResultPixel,
                Relu = Y.Relu,
            };
            var panels = PanelPacking.Panels(g.K, Plan._tiles.Lanes);
            for (var unit = units * (panels * part / PanelBlocks); unit < units * (panels * (part + 1) / PanelBlocks); unit++)
            {
                var i = Y.Reduce == null ? unit % units : unit;
                if (i >= units)
                    break;
                int image = (firstUnit + i) / Strips, p = (firstUnit + i) % Strips * Rows;
                var source = inPlace ? X.Values + ((((nint)image * g.H) + (p * g.Stride)) * g.W * g.C) : strips + ((nint)i * stripFloats);
                var rows = Math.Min(Rows, g.P - p);
                if (Y.Reduce == null)
                    Panel(ref args, unit / units, source, width, rows, bias, Y.Values + ((nint)image * g.ResultImage) + ((nint)p * g.ResultRow), edge);
                else
                    PooledPanels(ref args, panels, source, width, image, p, rows, bias, edge, pooled);
            }
        }

        readonly void Panel(ref DotTileArgs args, int panel, float* source, nint width, int rows, float* bias, float* target, float* edge)
        {
            ref readonly var g = ref Plan._g;
            for (var row = 0; row < rows; row++)
                Plan.RowTiles(ref args, source + (row * g.Stride * width * g.C), g.Q, panel, Packed, bias, target + ((nint)row * g.ResultRow), edge);
        }

        readonly void PooledPanels(
            ref DotTileArgs args, int panels, float* source, nint width, int image, int p, int rows, float* bias, float* edge, float* pooled)
        {
            ref readonly var g = ref Plan._g;
            var resultRow = (nint)(g.Q / 2) * g.K;
            for (var row = 0; row < rows; row += Plan._pooledRows)
            {
                var count = Math.Min(Plan._pooledRows, rows - row);
                for (var panel = 0; panel < panels; panel++)
                    Panel(ref args, panel, source + (row * g.Stride * width * g.C), width, count, bias, pooled, edge);
                Y.Pool(pooled, (nint)g.Q * g.K, count, g.Q, g.K, (((nint)image * (g.P / 2)) + ((p + row) / 2)) * resultRow, resultRow);
            }
        }
    }

    /// <summary>One panel against <paramref name="rows"/> rows of the left factor, in tiles of nearly equal height.</summary>
    void RowTiles(ref DotTileArgs shared, float* a, int rows, int panel, float* packed, float* bias, float* y, float* edge)
    {
        var args = shared;
        var first = panel * _tiles.Panel;
        var vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel);
        var width = vectors * _tiles.Lanes;
        var valid = Math.Min(width, _g.K - first);
        args.B = packed + ((nint)first * _g.Depth);
        args.Start = bias == null ? null : bias + first;
        var tiles = (rows + _tiles.MaxRows - 1) / _tiles.MaxRows;
        var done = 0;
        for (var tile = 0; tile < tiles; tile++)
        {
            var count = (rows - done + tiles - tile - 1) / (tiles - tile);
            args.A = a + (done * args.RowStride);
            var target = y + (done * args.ResultStride) + first;
            args.C = target;
            if (valid == width)
            {
                _tiles.Dot(count, vectors, &args);
            }
            else
            {
                args.C = edge;
                args.ResultStride = width;
                _tiles.Dot(count, vectors, &args);
                args.ResultStride = shared.ResultStride;
                for (var i = 0; i < count; i++)
                    new ReadOnlySpan<float>(edge + (i * width), valid).CopyTo(new Span<float>(target + (i * shared.ResultStride), valid));
            }

            done += count;
        }
    }

    void GatherPatches(float* x, int first, int rows, float* patches)
    {
        for (var i = first; i < first + rows; i++)
        {
            int image = i / (_g.P * _g.Q), p = i / _g.Q % _g.P, q = i % _g.Q;
            PaddedCopy.Copy(x + ((nint)image * _g.H * _g.W * _g.C), _g.H, _g.W, _g.C, (p * _g.Stride) - _g.Top, (q * _g.Stride) - _g.Left, _g.R, _g.S, patches);
            patches += _g.Depth;
        }
    }
}
