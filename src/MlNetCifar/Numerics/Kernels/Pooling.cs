namespace MlNetCifar.Numerics;

/// <summary>The geometry of a pooling layer: windows of Size × Size, Stride apart, over x [N, H, W, C] with Pad rows and columns around it.</summary>
internal readonly record struct PoolShape(int N, int H, int W, int C, int SizeH, int SizeW, int Stride, int Pad)
{
    /// <summary>Output rows.</summary>
    public int P => ((H + (2 * Pad) - SizeH) / Stride) + 1;

    /// <summary>Output columns.</summary>
    public int Q => ((W + (2 * Pad) - SizeW) / Stride) + 1;

    /// <summary>Floats of one input image.</summary>
    public int InputImage => H * W * C;

    /// <summary>Floats of one output image.</summary>
    public int OutputImage => P * Q * C;
}

/// <summary>
/// Max and average pooling. Padding never wins a maximum and never counts in an average. Forward, a few rows of one image are a block; backward, where windows
/// may overlap, an image is.
/// </summary>
internal static unsafe class Pooling
{
    /// <summary>y = the largest element of each window; NaN where the window holds one, at any place.</summary>
    /// <param name="shape">Geometry.</param>
    /// <param name="n">Images in this batch.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="y">[n, P, Q, C]; overwritten.</param>
    /// <param name="argMax">[n, P, Q, C]: the position inside the window (row · Size + column), the first of equals, any where y is NaN; overwritten. Empty where not wanted.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void MaxForward(
        PoolShape shape, int n, ReadOnlySpan<float> x, Span<float> y, Span<float> argMax, SimdWidth width, WorkerPool pool)
    {
        Check(shape, n, x.Length, y.Length);
        if (!argMax.IsEmpty)
            Throw.IfShorter(argMax.Length, n * shape.OutputImage);
        fixed (float* px = x, py = y, pa = argMax)
            ForwardKernel.Run(new() { Shape = shape, X = px, Y = py, ArgMax = pa, Max = true }, n, width, pool);
    }

    /// <summary>y = the mean of each window.</summary>
    /// <param name="shape">Geometry.</param>
    /// <param name="n">Images in this batch.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="y">[n, P, Q, C]; overwritten.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void AverageForward(PoolShape shape, int n, ReadOnlySpan<float> x, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        Check(shape, n, x.Length, y.Length);
        fixed (float* px = x, py = y)
            ForwardKernel.Run(new() { Shape = shape, X = px, Y = py }, n, width, pool);
    }

    /// <summary>∂loss/∂x of <see cref="MaxForward"/>: each gradient goes to the element that won.</summary>
    /// <param name="shape">Geometry.</param>
    /// <param name="n">Images in this batch.</param>
    /// <param name="gradY">[n, P, Q, C].</param>
    /// <param name="argMax">From the forward pass.</param>
    /// <param name="gradX">[n, H, W, C]; overwritten.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void MaxBackward(
        PoolShape shape, int n, ReadOnlySpan<float> gradY, ReadOnlySpan<float> argMax, Span<float> gradX, SimdWidth width, WorkerPool pool)
    {
        Check(shape, n, gradX.Length, gradY.Length);
        Throw.IfShorter(argMax.Length, n * shape.OutputImage);
        fixed (float* pg = gradY, pa = argMax, pd = gradX)
            LaneKernel.Run(new BackwardKernel { Shape = shape, GradY = pg, ArgMax = pa, GradX = pd }, n, width, pool);
    }

    /// <summary>∂loss/∂x of <see cref="AverageForward"/>: each gradient is shared evenly by its window.</summary>
    /// <param name="shape">Geometry.</param>
    /// <param name="n">Images in this batch.</param>
    /// <param name="gradY">[n, P, Q, C].</param>
    /// <param name="gradX">[n, H, W, C]; overwritten.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void AverageBackward(PoolShape shape, int n, ReadOnlySpan<float> gradY, Span<float> gradX, SimdWidth width, WorkerPool pool)
    {
        Check(shape, n, gradX.Length, gradY.Length);
        fixed (float* pg = gradY, pd = gradX)
            LaneKernel.Run(new BackwardKernel { Shape = shape, GradY = pg, GradX = pd }, n, width, pool);
    }

    static void Check(PoolShape shape, int n, int input, int output)
    {
        Throw.IfShorter(input, n * shape.InputImage);
        Throw.IfShorter(output, n * shape.OutputImage);
    }

    /// <summary>The part of a window that lies inside the picture.</summary>
    static void Clip(int start, int size, int limit, out int first, out int end)
    {
        first = Math.Max(start, 0);
        end = Math.Min(start + size, limit);
    }

    struct ForwardKernel : ILaneKernel
    {
        public PoolShape Shape;
        public float* X;
        public float* Y;
        public float* ArgMax;
        public bool Max;
        int _rows;

        public static void Run(ForwardKernel kernel, int n, SimdWidth width, WorkerPool pool)
        {
            kernel._rows = Math.Clamp(LaneKernel.BlockLength / (kernel.Shape.Q * kernel.Shape.C), 1, kernel.Shape.P);
            LaneKernel.Run(kernel, n * kernel.Bands, width, pool);
        }

        readonly int Bands => (Shape.P + _rows - 1) / _rows;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            int image = block / Bands, row = block % Bands * _rows;
            var x = X + ((long)image * Shape.InputImage);
            var o = ((long)image * Shape.OutputImage) + ((long)row * Shape.Q * Shape.C);
            for (var p = row; p < Math.Min(row + _rows, Shape.P); p++)
            {
                Clip((p * Shape.Stride) - Shape.Pad, Shape.SizeH, Shape.H, out var top, out var bottom);
                for (var q = 0; q < Shape.Q; q++, o += Shape.C)
                {
                    Clip((q * Shape.Stride) - Shape.Pad, Shape.SizeW, Shape.W, out var left, out var right);
                    var origin = (((p * Shape.Stride) - Shape.Pad) * Shape.SizeW) + (q * Shape.Stride) - Shape.Pad;
                    var c = 0;
                    for (; c <= Shape.C - TLanes.Count; c += TLanes.Count)
                        Window<TLanes, V>(x + c, o + c, top, bottom, left, right, origin);
                    for (; c < Shape.C; c++)
                        Window<Lanes1, float>(x + c, o + c, top, bottom, left, right, origin);
                }
            }
        }

        readonly void Window<TLanes, V>(float* x, long o, int top, int bottom, int left, int right, int origin)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            if (Max && ArgMax == null)
                Largest<TLanes, V>(x, o, top, bottom, left, right);
            else if (Max)
                First<TLanes, V>(x, o, top, bottom, left, right, origin);
            else
                Mean<TLanes, V>(x, o, top, bottom, left, right);
        }

        readonly void Largest<TLanes, V>(float* x, long o, int top, int bottom, int left, int right)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var best = TLanes.Broadcast(float.NegativeInfinity);
            nint pixel = Shape.C, line = pixel * Shape.W;
            var first = x + (top * line) + (left * pixel);
            for (var rows = bottom - top; rows > 0; rows--, first += line)
            {
                var source = first;
                for (var columns = right - left; columns > 0; columns--, source += pixel)
                {
                    var v = TLanes.Load(source);
                    best = TLanes.OrNaN(TLanes.Max(best, v), v, v);
                }
            }

            TLanes.Store(best, Y + o);
        }

        readonly void First<TLanes, V>(float* x, long o, int top, int bottom, int left, int right, int origin)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            V one = TLanes.Broadcast(1f), best = TLanes.Broadcast(float.NegativeInfinity);
            var index = TLanes.Broadcast((top * Shape.SizeW) + left - origin);
            for (var i = top; i < bottom; i++)
            {
                var position = TLanes.Broadcast((i * Shape.SizeW) + left - origin);
                var source = x + ((((long)i * Shape.W) + left) * Shape.C);
                for (var j = left; j < right; j++, source += Shape.C)
                {
                    var v = TLanes.Load(source);
                    index = TLanes.SelectGreater(v, best, position, index);
                    best = TLanes.OrNaN(TLanes.Max(best, v), v, v);
                    position = TLanes.Add(position, one);
                }
            }

            TLanes.Store(best, Y + o);
            TLanes.Store(index, ArgMax + o);
        }

        readonly void Mean<TLanes, V>(float* x, long o, int top, int bottom, int left, int right)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var sum = TLanes.Broadcast(0f);
            for (var i = top; i < bottom; i++)
                for (var j = left; j < right; j++)
                    sum = TLanes.Add(sum, TLanes.Load(x + ((((long)i * Shape.W) + j) * Shape.C)));
            TLanes.Store(TLanes.Multiply(sum, TLanes.Broadcast(1f / ((bottom - top) * (right - left)))), Y + o);
        }
    }

    struct BackwardKernel : ILaneKernel
    {
        public PoolShape Shape;
        public float* GradY;
        public float* ArgMax;
        public float* GradX;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var d = GradX + ((long)block * Shape.InputImage);
            var o = (long)block * Shape.OutputImage;
            new Span<float>(d, Shape.InputImage).Clear();
            for (var p = 0; p < Shape.P; p++)
            {
                Clip((p * Shape.Stride) - Shape.Pad, Shape.SizeH, Shape.H, out var top, out var bottom);
                for (var q = 0; q < Shape.Q; q++, o += Shape.C)
                {
                    Clip((q * Shape.Stride) - Shape.Pad, Shape.SizeW, Shape.W, out var left, out var right);
                    var origin = (((p * Shape.Stride) - Shape.Pad) * Shape.SizeW) + (q * Shape.Stride) - Shape.Pad;
                    var c = 0;
                    for (; c <= Shape.C - TLanes.Count; c += TLanes.Count)
                        Window<TLanes, V>(d, o + c, c, top, bottom, left, right, origin);
                    for (; c < Shape.C; c++)
                        Window<Lanes1, float>(d, o + c, c, top, bottom, left, right, origin);
                }
            }
        }

        readonly void Window<TLanes, V>(float* d, long o, int c, int top, int bottom, int left, int right, int origin)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var zero = TLanes.Broadcast(0f);
            var g = TLanes.Load(GradY + o);
            var winner = ArgMax != null ? TLanes.Load(ArgMax + o) : zero;
            if (ArgMax == null)
                g = TLanes.Multiply(g, TLanes.Broadcast(1f / ((bottom - top) * (right - left))));
            for (var i = top; i < bottom; i++)
                for (var j = left; j < right; j++)
                {
                    var target = d + ((((long)i * Shape.W) + j) * Shape.C) + c;
                    var share = g;
                    if (ArgMax != null)
                    {
                        var distance = TLanes.Subtract(winner, TLanes.Broadcast((i * Shape.SizeW) + j - origin));
                        share = TLanes.SelectGreater(TLanes.Broadcast(0.25f), TLanes.Multiply(distance, distance), g, zero);
                    }

                    TLanes.Store(TLanes.Add(TLanes.Load(target), share), target);
                }
        }
    }
}
