using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What surrounds the input of a convolution.</summary>
public enum Padding
{
    /// <summary>Zeros, so that stride 1 keeps the size: (kernel − 1) / 2 before, the rest after.</summary>
    Same,

    /// <summary>Nothing.</summary>
    Valid,
}

/// <summary>
/// 2-D convolution (cross-correlation, as everywhere in this field): y[n,p,q,k] = b[k] + Σ x[n, p·stride + r − pad, q·stride + s − pad, c] · f[r,s,c,k].
/// </summary>
/// <param name="Filters">Channels out, ≥ 1.</param>
/// <param name="Kernel">Rows of the filter (and columns, unless <see cref="KernelWidth"/> says otherwise), ≥ 1.</param>
public sealed record Conv2d(int Filters, int Kernel) : LayerSpec
{
    /// <summary>Columns of the filter; 0 (the default) for as many as rows.</summary>
    public int KernelWidth { get; init; }

    /// <summary>Step in both directions, ≥ 1. The default is 1.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>What surrounds the input. The default is <see cref="Padding.Same"/>.</summary>
    public Padding Padding { get; init; } = Padding.Same;

    /// <summary>Whether a bias is added. The default is true; false before a batch normalisation.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>First values of the filter. The default is <see cref="Initializer.HeNormal"/>.</summary>
    public Initializer Initializer { get; init; } = Initializer.HeNormal;

    /// <summary>First values of the bias. The default is <see cref="Initializer.Zeros"/>.</summary>
    public Initializer BiasInitializer { get; init; } = Initializer.Zeros;

    /// <inheritdoc/>
    public override string Kind => "conv2d";

    internal override string? WeightPrefix => "conv";

    /// <inheritdoc/>
    public override string Details =>
        $"{Kernel}×{Columns}, {Filters} filters{(Stride == 1 ? "" : $", stride {Stride}")}, {Padding.ToString().ToLowerInvariant()}{(Bias ? "" : ", no bias")}{(Frozen ? ", frozen" : "")}";

    /// <summary>Whether the filter keeps its first values; the bias is trained all the same. The default is false.</summary>
    public bool Frozen { get; init; }

    int Columns => KernelWidth == 0 ? Kernel : KernelWidth;

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Filters < 1 || Kernel < 1 || Columns < 1 || Stride < 1)
            throw NetworkErrors.Option(Kind, $"filters {Filters}, kernel {Kernel}×{Columns}, stride {Stride}", "all at least 1");
        var g = Geometry(input);
        return g.H + g.PadTop + g.PadBottom >= g.R && g.W + g.PadLeft + g.PadRight >= g.S
            ? new Shape(input.N, g.P, g.Q, Filters)
            : throw NetworkErrors.Shape(Kind, $"input {input}", $"at least [N, {Kernel}, {Columns}, C] for a {Kernel}×{Columns} filter with valid padding");
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => Geometry(input.WithBatch(1)).Flops;

    internal ConvShape Geometry(Shape input)
    {
        var same = Padding == Padding.Same;
        int rows = same ? Kernel - 1 : 0, columns = same ? Columns - 1 : 0;
        return new ConvShape(
            input.N, input.H, input.W, input.C, Filters, Kernel, Columns, Stride, rows / 2, columns / 2, rows - (rows / 2), columns - (columns / 2));
    }

    internal override IReadOnlyList<ParameterSpec> Parameters(Shape input)
    {
        var filter = new ParameterSpec("weight", [Kernel, Columns, input.C, Filters], Frozen ? ParameterRole.Frozen : ParameterRole.Weight, Initializer);
        return Bias ? [filter, new("bias", [Filters], ParameterRole.Bias, BiasInitializer)] : [filter];
    }
}

/// <summary>Convolution or dense layer, a following ReLU included.</summary>
internal sealed class ConvOp(ConvPlan plan, WeightTensor weights, WeightTensor? bias, bool relu, PlannedBuffer packed, PlannedBuffer workspace) : LayerOp
{
    long _packedVersion = -1;

    public override bool BackwardReadsInput => weights.Spec.IsTrained;

    public override bool BackwardReadsOutput => relu && !Pooled;

    public override string Algorithm => Pooled ? $"{plan.Algorithm}; pooling fused" : plan.Algorithm;

    /// <summary>Whether a 2×2 max-pooling is computed along.</summary>
    public bool Pooled { get; init; }

    /// <summary>The winners of the pooling; for training.</summary>
    public PlannedBuffer? ArgMax { get; init; }

    /// <summary>Gradient of the weights; bound for training.</summary>
    public WeightGradients? Gradients { get; init; }

    /// <summary>A batch normalisation whose running statistics are part of the weights; for inference only.</summary>
    public FoldedNorm? Folded { get; init; }

    public override void Forward(Pass pass)
    {
        if (_packedVersion != weights.Owner.Version)
        {
            Folded?.Fold(weights, bias);
            plan.PackWeights(Folded is null ? weights.Values : Folded.Filter, packed.Span(), Input.Gradient is not null, pass.Pool);
            _packedVersion = weights.Owner.Version;
        }

        var shift = Folded is not null ? Folded.Bias : bias is null ? [] : bias.Values;
        var y = Output.Rows(pass.Count);
        if (Pooled)
            plan.ForwardPooled(pass.Count, Input.Rows(pass.Count), packed.Span(), shift, relu, y, Winners(y.Length), workspace.Span(), pass.Pool);
        else
            plan.Forward(pass.Count, Input.Rows(pass.Count), packed.Span(), shift, relu, y, workspace.Span(), pass.Pool);
    }

    public override void Backward(Pass pass)
    {
        var gradient = Output.GradientRows(pass.Count);
        if (Pooled)
        {
            BackwardPooled(pass, gradient);
            return;
        }

        if (relu)
            Activations.Backward(Activations.Relu, 0, Output.Rows(pass.Count), gradient, gradient, pass.Width, pass.Pool);
        if (weights.Spec.IsTrained)
            plan.BackwardWeights(
                pass.Count, Input.Rows(pass.Count), gradient, Gradients!.Of(weights), bias is null ? [] : Gradients.Of(bias), workspace.Span(), pass.Pool);
        else if (bias is not null)
            BatchNormalization.ChannelSums(gradient, Gradients!.Of(bias), workspace.Span(), pass.Width, pass.Pool);
        if (Input.Gradient is not null)
            plan.BackwardData(pass.Count, gradient, packed.Span(), Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    void BackwardPooled(Pass pass, ReadOnlySpan<float> gradient)
    {
        var winners = Winners(gradient.Length);
        plan.BackwardWeightsPooled(
            pass.Count, Input.Rows(pass.Count), gradient, winners, Gradients!.Of(weights), bias is null ? [] : Gradients.Of(bias), workspace.Span(), pass.Pool);
        if (Input.Gradient is not null)
            plan.BackwardDataPooled(pass.Count, gradient, winners, packed.Span(), Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    Span<float> Winners(int length) => ArgMax is null ? [] : ArgMax.Span(length);
}

/// <summary>A batch normalisation as part of the convolution before it: filter · s and (bias − μ) · s + β with s = γ/√(σ² + ε).</summary>
internal sealed class FoldedNorm(BatchNorm spec, BatchNormWeights norm, PlannedBuffer memory)
{
    /// <summary>[R, S, C, K], scaled.</summary>
    public ReadOnlySpan<float> Filter => memory.Span()[..^Channels];

    /// <summary>[K].</summary>
    public ReadOnlySpan<float> Bias => memory.Span()[^Channels..];

    int Channels => norm.Gamma.Length;

    public void Fold(WeightTensor weights, WeightTensor? bias)
    {
        Span<float> filter = memory.Span()[..^Channels], shift = memory.Span()[^Channels..];
        weights.Values.CopyTo(filter);
        for (var k = 0; k < Channels; k++)
        {
            var scale = norm.Gamma.Values[k] / MathF.Sqrt(norm.Variance.Values[k] + spec.Epsilon);
            shift[k] = norm.Beta.Values[k] + (((bias is null ? 0 : bias.Values[k]) - norm.Mean.Values[k]) * scale);
            for (var i = k; i < filter.Length; i += Channels)
                filter[i] *= scale;
        }
    }
}
