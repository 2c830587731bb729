using MlNetCifar.Numerics.Simd;

namespace MlNetCifar.Numerics.Kernels;

/// <summary>
/// How one convolution (or dense layer, as a 1×1 convolution of 1×1 images) is computed: chosen at build time from shape and lane width alone,
/// so that runs repeat. The plan owns no memory: packed weights and workspace are the caller's, sized by the plan.
/// Results do not depend on the number of threads.
/// </summary>
internal sealed class ConvPlan
{
    readonly SimdWidth _width;

    /// <summary>Chooses the algorithms.</summary>
    /// <param name="shape">Geometry; N is the largest batch.</param>
    /// <param name="width">Lane width.</param>
    /// <param name="threads">Workers of the pool that will run it; sizes per-worker scratch and nothing else.</param>
    public ConvPlan(ConvShape shape, SimdWidth width, int threads)
    {
        Shape = shape;
        Threads = threads;
        _width = width;
    }

    /// <summary>Geometry; N is the largest batch.</summary>
    public ConvShape Shape { get; }

    /// <summary>Workers the workspace is sized for.</summary>
    public int Threads { get; }

    /// <summary>The algorithm of each pass in words, for <c>summary</c>: forward, backward-data, backward-weights.</summary>
    public string Algorithm => $"naive ({_width})";

    /// <summary>Floats of the packed weights; written by <see cref="PackWeights"/>, read by the passes.</summary>
    public int PackedLength => Shape.FilterLength;

    /// <summary>Floats of scratch; contents mean nothing between calls.</summary>
    public int WorkspaceLength => 0;

    /// <summary>Brings the weights into the passes' layouts; once after each change of the weights.</summary>
    /// <param name="weights">[R, S, C, K].</param>
    /// <param name="packed">Overwritten; <see cref="PackedLength"/> floats.</param>
    /// <param name="backward">Whether <see cref="BackwardData"/> will be called with these weights.</param>
    /// <param name="pool">Threads.</param>
    public void PackWeights(ReadOnlySpan<float> weights, Span<float> packed, bool backward, WorkerPool pool) => weights.CopyTo(packed);

    /// <summary>y = x * f + bias, then max(·, 0) where <paramref name="relu"/>.</summary>
    /// <param name="n">Images in this batch, 1 … N.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="packed">From <see cref="PackWeights"/>.</param>
    /// <param name="bias">[K], or empty for none.</param>
    /// <param name="relu">Whether to clamp at zero.</param>
    /// <param name="y">[n, P, Q, K]; overwritten.</param>
    /// <param name="workspace">Scratch.</param>
    /// <param name="pool">Threads.</param>
    public void Forward(
        int n, ReadOnlySpan<float> x, ReadOnlySpan<float> packed, ReadOnlySpan<float> bias, bool relu, Span<float> y, Span<float> workspace, WorkerPool pool)
    {
        var (_, h, w, c, k, r, s, stride, top, left, _, _) = Shape;
        for (var image = 0; image < n; image++)
            for (var p = 0; p < Shape.P; p++)
                for (var q = 0; q < Shape.Q; q++)
                {
                    var row = y.Slice(((((image * Shape.P) + p) * Shape.Q) + q) * k, k);
                    if (bias.IsEmpty)
                        row.Clear();
                    else
                        bias.CopyTo(row);
                    for (var i = 0; i < r; i++)
                        for (var j = 0; j < s; j++)
                        {
                            int yy = (p * stride) + i - top, xx = (q * stride) + j - left;
                            if ((uint)yy >= (uint)h || (uint)xx >= (uint)w)
                                continue;
                            var pixel = x.Slice(((((image * h) + yy) * w) + xx) * c, c);
                            for (var ci = 0; ci < c; ci++)
                            {
                                var f = packed.Slice(((((i * s) + j) * c) + ci) * k, k);
                                for (var ki = 0; ki < k; ki++)
                                    row[ki] += pixel[ci] * f[ki];
                            }
                        }

                    if (relu)
                        for (var ki = 0; ki < k; ki++)
                            row[ki] = MathF.Max(row[ki], 0);
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
        var (_, h, w, c, k, r, s, stride, top, left, _, _) = Shape;
        gradX[..(n * h * w * c)].Clear();
        for (var image = 0; image < n; image++)
            for (var p = 0; p < Shape.P; p++)
                for (var q = 0; q < Shape.Q; q++)
                    for (var i = 0; i < r; i++)
                        for (var j = 0; j < s; j++)
                        {
                            int yy = (p * stride) + i - top, xx = (q * stride) + j - left;
                            if ((uint)yy >= (uint)h || (uint)xx >= (uint)w)
                                continue;
                            var g = gradY.Slice(((((image * Shape.P) + p) * Shape.Q) + q) * k, k);
                            var pixel = gradX.Slice(((((image * h) + yy) * w) + xx) * c, c);
                            for (var ci = 0; ci < c; ci++)
                            {
                                var f = packed.Slice(((((i * s) + j) * c) + ci) * k, k);
                                var sum = 0f;
                                for (var ki = 0; ki < k; ki++)
                                    sum += g[ki] * f[ki];
                                pixel[ci] += sum;
                            }
                        }
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
        var (_, h, w, c, k, r, s, stride, top, left, _, _) = Shape;
        gradWeights.Clear();
        gradBias.Clear();
        for (var image = 0; image < n; image++)
            for (var p = 0; p < Shape.P; p++)
                for (var q = 0; q < Shape.Q; q++)
                {
                    var g = gradY.Slice(((((image * Shape.P) + p) * Shape.Q) + q) * k, k);
                    for (var ki = 0; ki < gradBias.Length; ki++)
                        gradBias[ki] += g[ki];
                    for (var i = 0; i < r; i++)
                        for (var j = 0; j < s; j++)
                        {
                            int yy = (p * stride) + i - top, xx = (q * stride) + j - left;
                            if ((uint)yy >= (uint)h || (uint)xx >= (uint)w)
                                continue;
                            var pixel = x.Slice(((((image * h) + yy) * w) + xx) * c, c);
                            for (var ci = 0; ci < c; ci++)
                            {
                                var f = gradWeights.Slice(((((i * s) + j) * c) + ci) * k, k);
                                for (var ki = 0; ki < k; ki++)
                                    f[ki] += pixel[ci] * g[ki];
                            }
                        }
                }
    }
}
