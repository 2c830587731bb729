namespace MlNetCifar.Numerics;

/// <summary>
/// The forward pass of a filter of seven columns and stride 2, the stem of a ResNet, by minimal filtering along rows. Even and odd columns are correlations of stride 1 of their own, with four taps and
/// with three: F(4, 4) and F(4, 3). What both have at a point they share is summed in one product; 13 multiplications make four results, which take 28 directly.
/// </summary>
internal sealed unsafe class WinogradRows : ICorrelation
{
    // Points that both have, and all products of a term.
    const int Shared = WinogradRowTransforms.Points - 1;
    const int Products = (2 * Shared) + 1;
    const int LeastColumns = 32;

    // Those of a tile and the one in front.
    const int PooledColumns = 5;

    readonly Correlation _g;
    readonly TileSet _tiles;
    readonly WinogradRowSet _transforms;
    readonly int _across;
    readonly int _stripRows;

    public WinogradRows(in Correlation geometry, TileSet tiles)
    {
        _g = geometry;
        _tiles = tiles;
        _transforms = WinogradRowSet.For(tiles.Lanes);
        _across = (geometry.Q + 3) / 4;
        _stripRows = Math.Min(geometry.P + 1, 2 * tiles.MaxRows);
    }

    public string Name => "Winograd, rows of 4";

    public int PackedLength => Products * Terms * _g.K;

    public bool PacksTransformed => true;

    public int PoolSize => _g.P % 2 == 0 && _g.Q % 4 == 0 ? 3 : 0;

    public int ScratchLength => ((Columns + Products) * Length(_stripRows)) + (int)Arena.Align(WinogradRowTransforms.Points * _stripRows * _tiles.Panel) + PooledLength;

    int PooledLength => PooledColumns * _stripRows * _g.K;

    // Terms of a product; columns of x under the tiles of a row.
    int Terms => _g.R * _g.C;

    int Columns => (8 * _across) + 5;

    /// <summary>Whether the algorithm can compute a geometry.</summary>
    public static bool Fits(in Correlation g, int lanes) => g is { S: 7, Stride: 2 } && g.K % lanes == 0;

    /// <summary>Whether it is the faster one: rows have tiles enough for products of some height.</summary>
    public static bool Wins(in Correlation g) => g.Q >= LeastColumns;

    // Floats of a column of a strip, in whole vectors of any width.
    int Length(int rows) => (int)Arena.Align(_g.PaddedRows(rows) * _g.C);

    public void Pack(float* weights, float* packed, WorkerPool pool)
    {
        for (var panel = 0; panel < PanelPacking.Panels(_g.K, _tiles.Lanes); panel++)
        {
            int first = panel * _tiles.Panel, width = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel) * _tiles.Lanes;
            for (var point = 0; point < WinogradRowTransforms.Points; point++)
                for (var odd = 0; odd < (point < Shared ? 2 : 1); odd++)
                    for (var term = 0; term < Terms; term++)
                    {
                        // A term is a row and a channel of the filter, whose columns are the taps.
                        var taps = weights + (((((nint)(term / _g.C) * _g.S) + odd) * _g.C) + (term % _g.C)) * _g.K;
                        for (var k = first; k < first + width; k++)
                            *packed++ = WinogradRowTransforms.Filter(taps + k, (nint)2 * _g.C * _g.K, point, odd);
                    }
        }
    }

    public void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool)
    {
        // An odd number of rows makes whole windows.
        var pooled = y.Reduce != null;
        var rows = Math.Min(n >= 8 ? _stripRows : _tiles.MaxRows, _stripRows);
        var job = new Job { Plan = this, X = x, Y = y, Packed = packed, Scratch = scratch, Rows = pooled ? (rows - 1) / 2 : rows, Lines = pooled ? _g.P / 2 : _g.P };
        job.Strips = (job.Lines + job.Rows - 1) / job.Rows;
        pool.Run(ref job, n * job.Strips);
    }

    struct Job : IParallelJob
    {
        public WinogradRows Plan;
        public ConvSource X;
        public ConvTarget Y;
        public float* Packed;
        public float* Scratch;
        public int Rows;
        public int Lines;
        public int Strips;

        public readonly void Execute(int block, int worker)
        {
            ref readonly var g = ref Plan._g;
            int image = block / Strips, first = block % Strips * Rows, rows = Math.Min(Rows, Lines - first);
            var x = X.Values + ((nint)image * g.H * g.W * g.C);
            var scratch = Scratch + ((nint)worker * Plan.ScratchLength);
            if (Y.Reduce == null)
            {
                Plan.Strip(x, first, rows, Packed, Y, Y.Values + ((nint)image * g.ResultImage) + ((nint)first * g.ResultRow), null, scratch);
                return;
            }

            var y = Y.Values + ((((nint)image * Lines) + first) * (g.Q / 2) * g.K);
            Plan.Strip(x, (first * 2) - 1, (rows * 2) + 1, Packed, Y, y, scratch + Plan.ScratchLength - Plan.PooledLength, scratch);
        }
    }

    // With rows on their way into a pooling, five columns of each: the last of the tile before, and those of this one.
    void Strip(float* image, int p, int rows, float* packed, in ConvTarget target, float* y, float* pooled, float* columns)
    {
        var length = Length(rows);
        float* v = columns + ((nint)Columns * length), m = v + ((nint)Products * length);
        Transpose(image, (p * 2) - _g.Top, length, columns);
        nint line = PooledColumns * _g.K;
        for (var row = 0; pooled != null && row < rows; row++)
            new Span<float>(pooled + (row * line), _g.K).Fill(float.NegativeInfinity);
        for (var tile = 0; tile < _across; tile++, columns += 8 * length)
        {
            _transforms.Input(columns, length, v, 2 * length, v + (2 * Shared * length));
            if (pooled == null)
            {
                Results(v, length, rows, packed, target, m, y, _g.ResultRow, _g.ResultPixel, Math.Min(4, _g.Q - (tile * 4)));
                y += 4 * _g.ResultPixel;
                continue;
            }

            Results(v, length, rows, packed, target, m, pooled + _g.K, line, _g.K, 4);
            if (p < 0)
                new Span<float>(pooled, (int)line).Fill(float.NegativeInfinity);
            _transforms.Pool(pooled, line, _g.K, rows / 2, y, (nint)_g.Q / 2 * _g.K);
            y += 2 * _g.K;
        }
    }

    // The results of a column of tiles.
    void Results(float* v, int length, int rows, float* packed, in ConvTarget target, float* m, float* y, nint line, nint pixel, int columns)
    {
        var low = target.Relu ? 0 : float.NegativeInfinity;
        for (var panel = 0; panel < PanelPacking.Panels(_g.K, _tiles.Lanes); panel++)
        {
            int first = panel * _tiles.Panel, vectors = PanelPacking.Vectors(_g.K, _tiles.Lanes, panel), width = vectors * _tiles.Lanes;
            Multiply(v, length, rows, packed + ((nint)Products * Terms * first), vectors, m);
            for (var row = 0; row < rows; row++)
                _transforms.Output(m + (row * width), (nint)rows * width, target.Bias == null ? null : target.Bias + first, low, columns, width, y + (row * line) + first, pixel);
        }
    }

    // Column by column, so that the rows of a filter, and rows one under the other, lie side by side.
    void Transpose(float* image, int top, int length, float* columns)
    {
        int channels = _g.C, first = Math.Max(0, -top), end = Math.Clamp(_g.H - top, first, length / channels);
        var below = (nint)_g.W * channels;
        for (var column = 0; column < Columns; column++, columns += length)
        {
            var x = column - _g.Left;
            new Span<float>(columns, length).Clear();
            if (x < 0 || x >= _g.W)
                continue;
            float* source = image + (((top + first) * below) + (x * channels)), target = columns + (first * channels);
            for (var row = first; row < end; row++, source += below, target += channels)
                for (var c = 0; c < channels; c++)
                    target[c] = source[c];
        }
    }

    // A column of tiles, point by point: rows of the left factor overlap.
    void Multiply(float* v, int length, int rows, float* packed, int vectors, float* m)
    {
        var width = vectors * _tiles.Lanes;
        var args = new DotTileArgs { B = packed, RowStride = 2 * _g.C, SegmentLength = Terms, SegmentStride = length, ResultStride = width };
        var blocks = (rows + _tiles.MaxRows - 1) / _tiles.MaxRows;
        for (var point = 0; point < WinogradRowTransforms.Points; point++)
        {
            args.Segments = point < Shared ? 2 : 1;
            for (var block = 0; block < blocks; block++)
            {
                int done = rows * block / blocks, count = (rows * (block + 1) / blocks) - done;
                args.A = v + (done * args.RowStride);
                args.C = m + ((nint)done * width);
                _tiles.Dot(count, vectors, &args);
            }

            v += 2 * length;
            m += (nint)rows * width;
            args.B += args.Segments * Terms * width;
        }
    }
}
