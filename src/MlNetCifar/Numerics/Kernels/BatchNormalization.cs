using System.Runtime.InteropServices;

namespace MlNetCifar.Numerics;

/// <summary>
/// Batch normalisation over rows of C channels (a row is one pixel of one image): y = γ · (x − μ) / √(σ² + ε) + β
/// (Ioffe and Szegedy 2015). Sums run over blocks of a fixed number of rows, combined in double precision in a fixed order.
/// </summary>
internal static unsafe class BatchNormalization
{
    const int RowsPerBlock = 512;

    /// <summary>Floats of scratch both passes need.</summary>
    /// <param name="rows">Rows of the largest batch.</param>
    /// <param name="channels">C.</param>
    public static int WorkspaceLength(int rows, int channels) => (2 * channels * Blocks(rows)) + (4 * channels);

    /// <summary>Mean and variance (biased) of each channel.</summary>
    /// <param name="x">[rows, C].</param>
    /// <param name="mean">[C]; overwritten.</param>
    /// <param name="variance">[C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Statistics(ReadOnlySpan<float> x, Span<float> mean, Span<float> variance, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var channels = mean.Length;
        var rows = x.Length / channels;
        var blocks = AboutFirst(x, channels, workspace, width, pool);
        for (var c = 0; c < channels; c++)
        {
            Total(workspace, channels, blocks, c, out var sum, out var squares);
            var m = sum / rows;
            mean[c] = (float)(x[c] + m);
            variance[c] = (float)Math.Max((squares / rows) - (m * m), 0);
        }
    }

    /// <summary>Σ x and Σ x² of each channel, which add up over the slices of a batch.</summary>
    /// <param name="x">[rows, C].</param>
    /// <param name="sums">[2, C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Sums(ReadOnlySpan<float> x, Span<double> sums, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var channels = sums.Length / 2;
        var rows = x.Length / channels;
        var blocks = AboutFirst(x, channels, workspace, width, pool);
        for (var c = 0; c < channels; c++)
        {
            Total(workspace, channels, blocks, c, out var sum, out var squares);
            double first = x[c];
            sums[c] = sum + (rows * first);
            sums[channels + c] = squares + (2 * first * sum) + (rows * first * first);
        }
    }

    /// <summary>Mean and variance (biased) of each channel, from the <see cref="Sums"/> of all slices.</summary>
    /// <param name="sums">[2, C].</param>
    /// <param name="rows">Rows of all slices.</param>
    /// <param name="mean">[C]; overwritten.</param>
    /// <param name="variance">[C]; overwritten.</param>
    public static void Moments(ReadOnlySpan<double> sums, long rows, Span<float> mean, Span<float> variance)
    {
        for (var c = 0; c < mean.Length; c++)
        {
            var m = sums[c] / rows;
            mean[c] = (float)m;
            variance[c] = (float)Math.Max((sums[mean.Length + c] / rows) - (m * m), 0);
        }
    }

    /// <summary>y = scale · x + shift, channel by channel; then max(·, 0) where <paramref name="relu"/>.</summary>
    /// <param name="x">[rows, C].</param>
    /// <param name="scale">[C].</param>
    /// <param name="shift">[C].</param>
    /// <param name="relu">Whether to clamp at zero.</param>
    /// <param name="y">[rows, C]; overwritten; may be <paramref name="x"/>.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void ScaleShift(
        ReadOnlySpan<float> x, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, bool relu, Span<float> y, SimdWidth width, WorkerPool pool)
    {
        var channels = scale.Length;
        var rows = x.Length / channels;
        Throw.IfLengthsDiffer(x.Length, y.Length);
        fixed (float* px = x, ps = scale, pt = shift, py = y)
        {
            var kernel = new AffineKernel { X = px, Z = null, Scale = ps, Scale2 = null, Shift = pt, Y = py, Rows = rows, Channels = channels, Relu = relu };
            LaneKernel.Run(kernel, Blocks(rows), width, pool);
        }
    }

    /// <summary>Backward pass: ∂loss/∂x, ∂loss/∂γ and ∂loss/∂β. In training the batch's own statistics are functions of x.</summary>
    /// <param name="x">[rows, C], the layer's input.</param>
    /// <param name="gradY">[rows, C].</param>
    /// <param name="mean">[C], of the batch.</param>
    /// <param name="inverseDeviation">[C], 1/√(σ² + ε).</param>
    /// <param name="gamma">[C].</param>
    /// <param name="relu">The scale and shift of the forward pass, [C] each in turn, where its result was clamped at zero: the gradient passes only where
    /// scale · x + shift &gt; 0. Empty where it was not clamped.</param>
    /// <param name="gradX">[rows, C]; overwritten; may be <paramref name="gradY"/>.</param>
    /// <param name="gradGamma">[C]; overwritten.</param>
    /// <param name="gradBeta">[C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    /// <param name="constant">Whether mean and deviation are constants, as in a pass that is not for training.</param>
    public static void Backward(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gradY, ReadOnlySpan<float> mean, ReadOnlySpan<float> inverseDeviation, ReadOnlySpan<float> gamma, ReadOnlySpan<float> relu,
        Span<float> gradX, Span<float> gradGamma, Span<float> gradBeta, Span<float> workspace, SimdWidth width, WorkerPool pool,
        bool constant = false)
    {
        var channels = mean.Length;
        var rows = x.Length / channels;
        Throw.IfShorter(workspace.Length, WorkspaceLength(rows, channels));
        var sums = MemoryMarshal.Cast<float, double>(workspace.Slice(2 * channels * Blocks(rows), 4 * channels));
        GradientSums(x, gradY, mean, relu, sums, workspace, width, pool);
        Gradients(sums, inverseDeviation, gradGamma, gradBeta);
        Gradient(x, gradY, mean, inverseDeviation, gamma, relu, constant ? [] : sums, rows, gradX, workspace, width, pool);
    }

    /// <summary>Σ g and Σ g·(x − μ) of each channel, which add up over the slices of a batch.</summary>
    /// <param name="x">[rows, C], the layer's input.</param>
    /// <param name="gradY">[rows, C], g.</param>
    /// <param name="mean">[C], μ.</param>
    /// <param name="relu">As for <see cref="Backward"/>.</param>
    /// <param name="sums">[2, C]; overwritten.</param>
    /// <param name="workspace">Scratch; of it the first <see cref="WorkspaceLength"/> − 4·C floats are used.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void GradientSums(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gradY, ReadOnlySpan<float> mean, ReadOnlySpan<float> relu, Span<double> sums, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var channels = mean.Length;
        var rows = x.Length / channels;
        var blocks = Blocks(rows);
        Throw.IfLengthsDiffer(x.Length, gradY.Length);
        Throw.IfShorter(workspace.Length, WorkspaceLength(rows, channels));
        fixed (float* px = x, pg = gradY, pm = mean, pw = workspace, mask = relu)
        {
            var kernel = new SumsKernel { A = pg, B = px, Shift = pm, Mask = mask, Partial = pw, Rows = rows, Channels = channels, Products = true };
            LaneKernel.Run(kernel, blocks, width, pool);
        }

        for (var c = 0; c < channels; c++)
            Total(workspace, channels, blocks, c, out sums[c], out sums[channels + c]);
    }

    /// <summary>∂loss/∂γ and ∂loss/∂β of the rows that were summed up.</summary>
    /// <param name="sums">Of <see cref="GradientSums"/>.</param>
    /// <param name="inverseDeviation">[C].</param>
    /// <param name="gradGamma">[C]; overwritten.</param>
    /// <param name="gradBeta">[C]; overwritten.</param>
    public static void Gradients(ReadOnlySpan<double> sums, ReadOnlySpan<float> inverseDeviation, Span<float> gradGamma, Span<float> gradBeta)
    {
        var channels = inverseDeviation.Length;
        for (var c = 0; c < channels; c++)
        {
            gradBeta[c] = (float)sums[c];
            gradGamma[c] = (float)(sums[channels + c] * inverseDeviation[c]);
        }
    }

    /// <summary>∂loss/∂x.</summary>
    /// <param name="x">[rows, C], the layer's input.</param>
    /// <param name="gradY">[rows, C].</param>
    /// <param name="mean">[C], of the batch.</param>
    /// <param name="inverseDeviation">[C], 1/√(σ² + ε).</param>
    /// <param name="gamma">[C].</param>
    /// <param name="relu">As for <see cref="Backward"/>.</param>
    /// <param name="sums">Of <see cref="GradientSums"/>, over all slices; empty where mean and deviation are constants.</param>
    /// <param name="wholeRows">Rows of all slices.</param>
    /// <param name="gradX">[rows, C]; overwritten; may be <paramref name="gradY"/>.</param>
    /// <param name="workspace">Scratch; of it the first 3·C floats are used.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void Gradient(
        ReadOnlySpan<float> x, ReadOnlySpan<float> gradY, ReadOnlySpan<float> mean, ReadOnlySpan<float> inverseDeviation, ReadOnlySpan<float> gamma, ReadOnlySpan<float> relu,
        ReadOnlySpan<double> sums, long wholeRows, Span<float> gradX, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var channels = mean.Length;
        var rows = x.Length / channels;
        Throw.IfLengthsDiffer(x.Length, gradY.Length);
        Throw.IfShorter(workspace.Length, WorkspaceLength(rows, channels));

        // gradX = γ·s·(g − mean(g) − x̂·mean(g·x̂)) with x̂ = (x − μ)·s, as one multiply-add of g and one of x per element.
        Span<float> scaleG = workspace[..channels], scaleX = workspace.Slice(channels, channels), shift = workspace.Slice(2 * channels, channels);
        for (var c = 0; c < channels; c++)
        {
            var s = (double)inverseDeviation[c];
            var factor = gamma[c] * s;
            var slope = sums.IsEmpty ? 0 : sums[channels + c] * s * s / wholeRows;
            scaleX[c] = (float)(-factor * slope);
            shift[c] = sums.IsEmpty ? 0 : (float)(-factor * ((sums[c] / wholeRows) - (slope * mean[c])));
            scaleG[c] = gamma[c] * inverseDeviation[c];
        }

        fixed (float* px = x, pg = gradY, pd = gradX, mask = relu, sx = scaleX, sg = scaleG, st = shift)
        {
            var kernel = new AffineKernel { X = pg, Z = px, Scale = sg, Scale2 = sx, Shift = st, Mask = mask, Y = pd, Rows = rows, Channels = channels };
            LaneKernel.Run(kernel, Blocks(rows), width, pool);
        }
    }

    /// <summary>Sum of each channel.</summary>
    /// <param name="x">[rows, C].</param>
    /// <param name="sums">[C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public static void ChannelSums(ReadOnlySpan<float> x, Span<float> sums, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var channels = sums.Length;
        var rows = x.Length / channels;
        Throw.IfShorter(workspace.Length, WorkspaceLength(rows, channels));
        sums.Clear();
        fixed (float* px = x, pw = workspace, zero = sums)
            LaneKernel.Run(new SumsKernel { A = px, B = px, Shift = zero, Partial = pw, Rows = rows, Channels = channels }, Blocks(rows), width, pool);
        for (var c = 0; c < channels; c++)
        {
            Total(workspace, channels, Blocks(rows), c, out var sum, out _);
            sums[c] = (float)sum;
        }
    }

    /// <summary>Sums of values and squares, taken about the first row, so that a large common offset costs no precision.</summary>
    /// <returns>Blocks of rows that have sums of their own.</returns>
    static int AboutFirst(ReadOnlySpan<float> x, int channels, Span<float> workspace, SimdWidth width, WorkerPool pool)
    {
        var rows = x.Length / channels;
        Throw.IfShorter(workspace.Length, WorkspaceLength(rows, channels));
        fixed (float* px = x, pw = workspace)
            LaneKernel.Run(new SumsKernel { A = px, B = px, Shift = px, Partial = pw, Rows = rows, Channels = channels }, Blocks(rows), width, pool);
        return Blocks(rows);
    }

    static int Blocks(int rows) => (rows + RowsPerBlock - 1) / RowsPerBlock;

    static void Total(ReadOnlySpan<float> partial, int channels, int blocks, int c, out double first, out double second)
    {
        first = second = 0;
        for (var b = 0; b < blocks; b++)
        {
            first += partial[(2 * b * channels) + c];
            second += partial[(((2 * b) + 1) * channels) + c];
        }
    }

    /// <summary>The gradient where the forward pass, repeated to the bit, was not clamped; else 0.</summary>
    static V Masked<TLanes, V>(float* mask, int channels, V x, V gradient)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var zero = TLanes.Broadcast(0f);
        return TLanes.SelectGreater(TLanes.MultiplyAdd(x, TLanes.Load(mask), TLanes.Load(mask + channels)), zero, gradient, zero);
    }

    /// <summary>Per channel: Σ a and Σ a·(b − shift) if Products, else Σ (a − shift) and Σ (a − shift)².</summary>
    struct SumsKernel : ILaneKernel
    {
        public float* A;
        public float* B;
        public float* Shift;
        public float* Mask;
        public float* Partial;
        public int Rows;
        public int Channels;
        public bool Products;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var first = block * RowsPerBlock;
            var end = Math.Min(first + RowsPerBlock, Rows);
            var c = 0;
            for (; c <= Channels - TLanes.Count; c += TLanes.Count)
                Columns<TLanes, V>(block, first, end, c);
            for (; c < Channels; c++)
                Columns<Lanes1, float>(block, first, end, c);
        }

        readonly void Columns<TLanes, V>(int block, int first, int end, int c)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var shift = TLanes.Load(Shift + c);
            V sum0 = TLanes.Broadcast(0f), sum1 = sum0, square0 = sum0, square1 = sum0;
            var row = first;
            for (; row < end - 1; row += 2)
            {
                Step<TLanes, V>(row, c, shift, ref sum0, ref square0);
                Step<TLanes, V>(row + 1, c, shift, ref sum1, ref square1);
            }

            if (row < end)
                Step<TLanes, V>(row, c, shift, ref sum0, ref square0);
            TLanes.Store(TLanes.Add(sum0, sum1), Partial + (2L * block * Channels) + c);
            TLanes.Store(TLanes.Add(square0, square1), Partial + (((2L * block) + 1) * Channels) + c);
        }

        readonly void Step<TLanes, V>(int row, int c, V shift, ref V sum, ref V square)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var x = TLanes.Load(B + ((long)row * Channels) + c);
            var b = TLanes.Subtract(x, shift);
            var a = Products ? TLanes.Load(A + ((long)row * Channels) + c) : b;
            if (Mask != null)
                a = Masked<TLanes, V>(Mask + c, Channels, x, a);
            sum = TLanes.Add(sum, a);
            square = TLanes.MultiplyAdd(a, b, square);
        }
    }

    /// <summary>y = scale·x (+ scale2·z) + shift.</summary>
    struct AffineKernel : ILaneKernel
    {
        public float* X;
        public float* Z;
        public float* Scale;
        public float* Scale2;
        public float* Shift;
        public float* Mask;
        public float* Y;
        public int Rows;
        public int Channels;
        public bool Relu;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var first = block * RowsPerBlock;
            var end = Math.Min(first + RowsPerBlock, Rows);
            for (var row = first; row < end; row++)
            {
                var offset = (long)row * Channels;
                var c = 0;
                for (; c <= Channels - TLanes.Count; c += TLanes.Count)
                    Step<TLanes, V>(offset + c, c);
                for (; c < Channels; c++)
                    Step<Lanes1, float>(offset + c, c);
            }
        }

        readonly void Step<TLanes, V>(long i, int c)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var x = TLanes.Load(X + i);
            var z = Z != null ? TLanes.Load(Z + i) : x;
            if (Mask != null)
                x = Masked<TLanes, V>(Mask + c, Channels, z, x);
            var y = TLanes.MultiplyAdd(x, TLanes.Load(Scale + c), TLanes.Load(Shift + c));
            if (Z != null)
                y = TLanes.MultiplyAdd(z, TLanes.Load(Scale2 + c), y);
            if (Relu)
                y = TLanes.Max(y, TLanes.Broadcast(0f));
            TLanes.Store(y, Y + i);
        }
    }
}
