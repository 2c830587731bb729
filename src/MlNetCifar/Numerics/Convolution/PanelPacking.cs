namespace MlNetCifar.Numerics;

/// <summary>
/// Brings filters into panels: columns in groups of two vectors (the last group one vector if that is enough), each group contiguous
/// over the whole reduction, missing columns zero.
/// </summary>
internal static unsafe class PanelPacking
{
    /// <summary>Columns with the padding of the last panel.</summary>
    public static int PaddedColumns(int columns, int lanes) => (columns + lanes - 1) / lanes * lanes;

    /// <summary>Number of panels.</summary>
    public static int Panels(int columns, int lanes) => (columns + (2 * lanes) - 1) / (2 * lanes);

    /// <summary>Vectors of a panel: 2, or 1 for a narrow last one.</summary>
    public static int Vectors(int columns, int lanes, int panel) => Math.Min(2, (columns - (panel * 2 * lanes) + lanes - 1) / lanes);

    /// <summary>Packs f for the forward pass: depth (r, s, c), columns k.</summary>
    public static void Forward(float* weights, int depth, int columns, int lanes, float* packed, WorkerPool pool)
    {
        var job = new ForwardJob { Weights = weights, Depth = depth, Columns = columns, Lanes = lanes, Packed = packed };
        pool.Run(ref job, Panels(columns, lanes));
    }

    /// <summary>Packs the taps of one phase of backward-data, flipped and transposed: depth (r, s, k), columns c.</summary>
    public static void Backward(float* weights, in ConvShape shape, int row, int column, int lanes, float* packed, WorkerPool pool)
    {
        var job = new BackwardJob { Weights = weights, Shape = shape, Row = row, Column = column, Lanes = lanes, Packed = packed };
        pool.Run(ref job, Panels(shape.C, lanes));
    }

    struct ForwardJob : IParallelJob
    {
        public float* Weights;
        public float* Packed;
        public int Depth;
        public int Columns;
        public int Lanes;

        public readonly void Execute(int block, int worker)
        {
            var first = block * 2 * Lanes;
            var width = Vectors(Columns, Lanes, block) * Lanes;
            var valid = Math.Min(width, Columns - first);
            var target = Packed + ((nint)first * Depth);
            for (var d = 0; d < Depth; d++, target += width)
            {
                new ReadOnlySpan<float>(Weights + ((nint)d * Columns) + first, valid).CopyTo(new Span<float>(target, width));
                new Span<float>(target + valid, width - valid).Clear();
            }
        }
    }

    struct BackwardJob : IParallelJob
    {
        public float* Weights;
        public float* Packed;
        public ConvShape Shape;
        public int Row;
        public int Column;
        public int Lanes;

        public readonly void Execute(int block, int worker)
        {
            var (firstR, taps) = Correlation.Taps(Shape.R, Shape.Stride, Shape.PadTop, Row);
            var (firstS, columnTaps) = Correlation.Taps(Shape.S, Shape.Stride, Shape.PadLeft, Column);
            var first = block * 2 * Lanes;
            var width = Vectors(Shape.C, Lanes, block) * Lanes;
            var valid = Math.Min(width, Shape.C - first);
            var k = Shape.K;
            var target = Packed + ((nint)first * taps * columnTaps * k);
            for (var i = taps - 1; i >= 0; i--)
                for (var j = columnTaps - 1; j >= 0; j--)
                {
                    var source = Weights + (((((nint)(firstR + (i * Shape.Stride)) * Shape.S) + firstS + (j * Shape.Stride)) * Shape.C) + first) * k;
                    Transpose(source, k, valid, width, target);
                    target += (nint)k * width;
                }
        }

        static void Transpose(float* source, int k, int valid, int width, float* target)
        {
            for (var c = 0; c < valid; c++)
                for (var i = 0; i < k; i++)
                    target[((nint)i * width) + c] = source[((nint)c * k) + i];
            for (var c = valid; c < width; c++)
                for (var i = 0; i < k; i++)
                    target[((nint)i * width) + c] = 0;
        }
    }
}
