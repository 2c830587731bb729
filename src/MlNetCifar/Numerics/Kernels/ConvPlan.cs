namespace MlNetCifar.Numerics;

/// <summary>What a <see cref="ConvPlan"/> is for.</summary>
internal enum ConvUse
{
    /// <summary>All passes; the largest batch counts when the algorithm is chosen, so that a step is as fast as it can be.</summary>
    Training,

    /// <summary>The forward pass alone, and the same bits for an image whatever the batch it is in: the algorithm is chosen by the image's shape alone.</summary>
    Inference,

    /// <summary>All passes, chosen as for inference.</summary>
    Explanation,
}

/// <summary>How a plan wants its weights.</summary>
/// <param name="Lanes">Floats of a vector.</param>
/// <param name="Forward">Whether the forward pass reads them in Winograd's domain.</param>
/// <param name="Backward">Whether backward-data does; null where there is none.</param>
internal readonly record struct ConvPacking(int Lanes, bool Forward, bool? Backward);

/// <summary>
/// How one convolution (or dense layer, as a 1×1 convolution of 1×1 images) is computed: chosen at build time from use, shape and lane width alone,
/// so that runs repeat. The plan owns no memory: packed weights and workspace are the caller's, sized by the plan.
/// Results do not depend on the number of threads.
/// </summary>
internal sealed unsafe class ConvPlan
{
    readonly ICorrelation _forward;
    readonly ICorrelation[] _backward;
    readonly IFilterGradient? _gradient;
    readonly PoolSet _pooling;
    readonly bool? _winograd;
    readonly ConvUse _use;
    readonly TileSet _tiles;

    // For comparing results and speed of whole runs; the tests of the kernels pass it to the constructor.
    static readonly bool? s_winograd = Environment.GetEnvironmentVariable("MLNETCIFAR_WINOGRAD") is "off" ? false : null;

    /// <summary>Chooses the algorithms.</summary>
    /// <param name="shape">Geometry; N is the largest batch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="threads">Workers of the pool that will run it; sizes per-worker scratch and nothing else.</param>
    /// <param name="use">What it is for.</param>
    /// <param name="winograd">Winograd's algorithm wherever it fits, or nowhere; by default where it is the faster one; <c>MLNETCIFAR_WINOGRAD=off</c> leaves it out.</param>
    public ConvPlan(ConvShape shape, SimdWidth width, int threads, ConvUse use = ConvUse.Training, bool? winograd = null)
    {
        (Shape, Threads, _use, _winograd) = (shape, threads, use, winograd ?? s_winograd);
        _tiles = TileSet.For(width);
        _pooling = PoolSet.For(_tiles.Lanes);
        _forward = Choose(Correlation.Forward(shape), null);

        // A picture smaller than the stride has no pixel of the last remainders.
        _backward = use == ConvUse.Inference ? [] : [.. Enumerable.Range(0, shape.Stride * shape.Stride).Where(p => p / shape.Stride < shape.H && p % shape.Stride < shape.W).Select(BackwardPhase)];
        if (use != ConvUse.Inference)
            _gradient = (_winograd ?? WinogradFilterGradient.Wins(shape, _tiles.Lanes)) && WinogradFilterGradient.Fits(shape, _tiles.Lanes)
                ? new WinogradFilterGradient(shape, _tiles)
                : new DirectFilterGradient(shape, _tiles);

        PoolSize = shape is { P: >= 2, Q: >= 2 } && Array.TrueForAll(_backward, b => b.PoolSize == _forward.PoolSize) ? _forward.PoolSize : 0;
        PackedLength = (int)Arena.Align(_forward.PackedLength) + _backward.Sum(b => (int)Arena.Align(b.PackedLength));
        ForwardPackedLength = _forward.PackedLength;
        WorkspaceLength = _backward.Append(_forward).Max(c => c.SharedLength + (threads * c.ScratchLength));
        if (_gradient is not null)
            WorkspaceLength = Math.Max(WorkspaceLength, Math.Max(_gradient.WorkspaceLength(threads), FixedSum.ColumnsWorkspace(shape.K)));
    }

    /// <summary>Geometry; N is the largest batch.</summary>
    public ConvShape Shape { get; }

    /// <summary>Workers the workspace is sized for.</summary>
    public int Threads { get; }

    /// <summary>The algorithm of each pass in words, for <c>summary</c>: forward; then, unless for inference, backward-data and backward-weights.</summary>
    public string Algorithm => _gradient is null ? _forward.Name : $"{_forward.Name}; {_backward[0].Name}; {_gradient.Name}";

    /// <summary>
    /// Side of the windows of the max-pooling of stride 2 that the passes can have fused: 2 without padding, 3 with one element of padding and for the forward pass alone, or 0 for none.
    /// </summary>
    public int PoolSize { get; }

    /// <summary>Whether <see cref="Forward"/> can add something to the result.</summary>
    public bool CanAdd => _forward.CanAdd;

    /// <summary>Floats of the packed weights of all passes; written by <see cref="PackWeights"/>, read by the passes.</summary>
    public int PackedLength { get; }

    /// <summary>Floats of the packed weights where only the forward pass is wanted.</summary>
    public int ForwardPackedLength { get; }

    /// <summary>The layout of the packed weights: plans of one layer that have the same may share them.</summary>
    public ConvPacking Packing => new(_tiles.Lanes, _forward.PacksTransformed, _backward.Length > 0 ? _backward[0].PacksTransformed : null);

    /// <summary>Floats of scratch; contents mean nothing between calls.</summary>
    public int WorkspaceLength { get; }

    /// <summary>Brings the weights into the passes' layouts; once after each change of the weights.</summary>
    /// <param name="weights">[R, S, C, K].</param>
    /// <param name="packed">Overwritten; <see cref="PackedLength"/> floats, or <see cref="ForwardPackedLength"/>.</param>
    /// <param name="backward">Whether <see cref="BackwardData"/> will be called with these weights.</param>
    /// <param name="pool">Threads.</param>
    public void PackWeights(ReadOnlySpan<float> weights, Span<float> packed, bool backward, WorkerPool pool)
    {
        Check(weights.Length, Shape.FilterLength, nameof(weights));
        Check(packed.Length, backward ? PackedLength : ForwardPackedLength, nameof(packed));
        fixed (float* w = weights, target = packed)
        {
            _forward.Pack(w, target, pool);
            var next = target + Arena.Align(_forward.PackedLength);
            for (var phase = 0; backward && phase < _backward.Length; phase++)
            {
                _backward[phase].Pack(w, next, pool);
                next += Arena.Align(_backward[phase].PackedLength);
            }
        }
    }

    /// <summary>y = x * f + bias + addend, then max(·, 0) where <paramref name="relu"/>.</summary>
    /// <param name="n">Images in this batch, 1 … N.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="packed">From <see cref="PackWeights"/>.</param>
    /// <param name="bias">[K], or empty for none.</param>
    /// <param name="relu">Whether to clamp at zero.</param>
    /// <param name="y">[n, P, Q, K]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    /// <param name="addend">[n, P, Q, K], or empty for none; only where <see cref="CanAdd"/>.</param>
    public void Forward(
        int n, ReadOnlySpan<float> x, ReadOnlySpan<float> packed, ReadOnlySpan<float> bias, bool relu, Span<float> y, Span<float> workspace, WorkerPool pool,
        ReadOnlySpan<float> addend = default)
    {
        CheckCall(n, x.Length, y.Length, workspace.Length, pool);
        Check(packed.Length, ForwardPackedLength, nameof(packed));
        if (!bias.IsEmpty)
            Check(bias.Length, Shape.K, nameof(bias));
        if (!addend.IsEmpty)
            Check(CanAdd ? addend.Length : -1, n * Shape.P * Shape.Q * Shape.K, nameof(addend));
        fixed (float* source = x, filter = packed, start = bias, target = y, more = addend, scratch = workspace)
            _forward.Run(n, new ConvSource { Values = source }, filter, new ConvTarget { Values = target, Bias = start, Addend = more, Relu = relu }, scratch, pool);
    }

    /// <summary><see cref="Forward"/> and the max-pooling of <see cref="PoolSize"/> in one; of windows of two, a last odd row or column is dropped.</summary>
    /// <param name="n">Images in this batch, 1 … N.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="packed">From <see cref="PackWeights"/>.</param>
    /// <param name="bias">[K], or empty for none.</param>
    /// <param name="relu">Whether to clamp at zero.</param>
    /// <param name="pooled">[n, P/2, Q/2, K]; overwritten.</param>
    /// <param name="argMax">
    /// [n, P/2, Q/2, K]: the position of the maximum in its window (row · 2 + column, the first of equals), or 4 where the ReLU lets no gradient through;
    /// overwritten. Empty where not wanted.
    /// </param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void ForwardPooled(
        int n, ReadOnlySpan<float> x, ReadOnlySpan<float> packed, ReadOnlySpan<float> bias, bool relu, Span<float> pooled, Span<float> argMax,
        Span<float> workspace, WorkerPool pool)
    {
        CheckPooled(n, x.Length, pooled.Length, argMax.IsEmpty ? pooled.Length : argMax.Length, workspace.Length, pool);
        Check(packed.Length, ForwardPackedLength, nameof(packed));
        if (!bias.IsEmpty)
            Check(bias.Length, Shape.K, nameof(bias));
        fixed (float* source = x, filter = packed, start = bias, target = pooled, positions = argMax, scratch = workspace)
        {
            var y = new ConvTarget { Values = target, Bias = start, Relu = relu, ArgMax = positions, Reduce = _pooling.Reduce };
            _forward.Run(n, new ConvSource { Values = source }, filter, y, scratch, pool);
        }
    }

    /// <summary>∂loss/∂x from ∂loss/∂y.</summary>
    /// <param name="n">Images in this batch.</param>
    /// <param name="gradY">[n, P, Q, K].</param>
    /// <param name="packed">From <see cref="PackWeights"/> with <c>backward</c>.</param>
    /// <param name="gradX">[n, H, W, C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void BackwardData(int n, ReadOnlySpan<float> gradY, ReadOnlySpan<float> packed, Span<float> gradX, Span<float> workspace, WorkerPool pool)
    {
        CheckCall(n, gradX.Length, gradY.Length, workspace.Length, pool);
        fixed (float* source = gradY)
            RunBackwardData(n, new ConvSource { Values = source }, packed, gradX, workspace, pool);
    }

    /// <summary>∂loss/∂x from the gradient behind <see cref="ForwardPooled"/>.</summary>
    /// <param name="n">Images in this batch.</param>
    /// <param name="gradPooled">[n, P/2, Q/2, K].</param>
    /// <param name="argMax">From <see cref="ForwardPooled"/>.</param>
    /// <param name="packed">From <see cref="PackWeights"/> with <c>backward</c>.</param>
    /// <param name="gradX">[n, H, W, C]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void BackwardDataPooled(
        int n, ReadOnlySpan<float> gradPooled, ReadOnlySpan<float> argMax, ReadOnlySpan<float> packed, Span<float> gradX, Span<float> workspace, WorkerPool pool)
    {
        CheckPooled(n, gradX.Length, gradPooled.Length, argMax.Length, workspace.Length, pool);
        fixed (float* source = gradPooled, positions = argMax)
            RunBackwardData(n, new ConvSource { Values = source, ArgMax = positions, Expand = _pooling.Expand }, packed, gradX, workspace, pool);
    }

    /// <summary>∂loss/∂f and ∂loss/∂bias from x and ∂loss/∂y.</summary>
    /// <param name="n">Images in this batch.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="gradY">[n, P, Q, K].</param>
    /// <param name="gradWeights">[R, S, C, K]; overwritten.</param>
    /// <param name="gradBias">[K], overwritten; or empty for none.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void BackwardWeights(
        int n, ReadOnlySpan<float> x, ReadOnlySpan<float> gradY, Span<float> gradWeights, Span<float> gradBias, Span<float> workspace, WorkerPool pool)
    {
        CheckCall(n, x.Length, gradY.Length, workspace.Length, pool);
        fixed (float* gradient = gradY)
            RunBackwardWeights(n, x, new ConvSource { Values = gradient }, n * Shape.P * Shape.Q, gradWeights, gradBias, workspace, pool);
    }

    /// <summary>∂loss/∂f and ∂loss/∂bias from x and the gradient behind <see cref="ForwardPooled"/>.</summary>
    /// <param name="n">Images in this batch.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="gradPooled">[n, P/2, Q/2, K].</param>
    /// <param name="argMax">From <see cref="ForwardPooled"/>.</param>
    /// <param name="gradWeights">[R, S, C, K]; overwritten.</param>
    /// <param name="gradBias">[K], overwritten; or empty for none.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void BackwardWeightsPooled(
        int n, ReadOnlySpan<float> x, ReadOnlySpan<float> gradPooled, ReadOnlySpan<float> argMax, Span<float> gradWeights, Span<float> gradBias,
        Span<float> workspace, WorkerPool pool)
    {
        CheckPooled(n, x.Length, gradPooled.Length, argMax.Length, workspace.Length, pool);
        fixed (float* gradient = gradPooled, positions = argMax)
        {
            var source = new ConvSource { Values = gradient, ArgMax = positions, Expand = _pooling.Expand };
            RunBackwardWeights(n, x, source, n * (Shape.P / 2) * (Shape.Q / 2), gradWeights, gradBias, workspace, pool);
        }
    }

    ICorrelation BackwardPhase(int phase)
    {
        int row = phase / Shape.Stride, column = phase % Shape.Stride;
        return Choose(Correlation.BackwardData(Shape, row, column), (row, column));
    }

    ICorrelation Choose(in Correlation g, (int Row, int Column)? phase)
    {
        if (phase is null && WinogradRows.Fits(g, _tiles.Lanes) && (_winograd ?? (_use != ConvUse.Training && WinogradRows.Wins(g))))
            return new WinogradRows(g, _tiles);
        if (_winograd == false || Shape.Stride != 1 || !WinogradCorrelation.Fits(g, _tiles.Lanes))
            return new DirectCorrelation(Shape, phase, _tiles);
        var training = _use == ConvUse.Training;
        var transformed = _winograd ?? (training ? WinogradCorrelation.Wins(g) : WinogradCorrelation.Suits(g));
        var onTheFly = transformed ? _use == ConvUse.Inference && WinogradOnTheFly.Wins(g) : training && WinogradOnTheFly.BeatsDirect(g);
        return onTheFly ? new WinogradOnTheFly(g, phase is null ? null : Shape, _tiles)
            : transformed ? new WinogradCorrelation(g, phase is not null, _tiles)
            : new DirectCorrelation(Shape, phase, _tiles);
    }

    void RunBackwardData(int n, in ConvSource gradY, ReadOnlySpan<float> packed, Span<float> gradX, Span<float> workspace, WorkerPool pool)
    {
        Check(packed.Length, PackedLength, nameof(packed));
        fixed (float* filter = packed, target = gradX, scratch = workspace)
        {
            var panels = filter + Arena.Align(_forward.PackedLength);
            foreach (var phase in _backward)
            {
                phase.Run(n, gradY, panels, new ConvTarget { Values = target }, scratch, pool);
                panels += Arena.Align(phase.PackedLength);
            }
        }
    }

    void RunBackwardWeights(
        int n, ReadOnlySpan<float> x, in ConvSource gradY, int pixels, Span<float> gradWeights, Span<float> gradBias, Span<float> workspace, WorkerPool pool)
    {
        Check(gradWeights.Length, Shape.FilterLength, nameof(gradWeights));
        if (!gradBias.IsEmpty)
            Check(gradBias.Length, Shape.K, nameof(gradBias));
        fixed (float* source = x, target = gradWeights, bias = gradBias, scratch = workspace)
        {
            if (bias != null)
                FixedSum.Columns(gradY.Values, gradY.ArgMax, pixels, Shape.K, bias, scratch, pool);
            _gradient!.Run(n, source, gradY, target, scratch, pool);
        }
    }

    static void Check(int length, int needed, string name)
    {
        if (length < needed)
            throw new ArgumentException($"Length {length}, needed {needed}.", name);
    }

    void CheckCall(int n, int x, int y, int workspace, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, Shape.N);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pool.Threads, Threads, nameof(pool));
        Check(x, n * Shape.H * Shape.W * Shape.C, nameof(x));
        Check(y, n * Shape.P * Shape.Q * Shape.K, nameof(y));
        Check(workspace, WorkspaceLength, nameof(workspace));
    }

    void CheckPooled(int n, int x, int pooled, int argMax, int workspace, WorkerPool pool)
    {
        if (PoolSize == 0)
            throw new InvalidOperationException($"{Shape} is not computed in a way that can pool.");
        CheckCall(n, x, int.MaxValue, workspace, pool);
        Check(pooled, n * (Shape.P / 2) * (Shape.Q / 2) * Shape.K, nameof(pooled));
        Check(argMax, n * (Shape.P / 2) * (Shape.Q / 2) * Shape.K, nameof(argMax));
    }
}
