using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Convolution or dense layer, a following ReLU included.</summary>
internal sealed class ConvOp(ConvPlan plan, WeightTensor weights, WeightTensor? bias, bool relu, PlannedBuffer packed, PlannedBuffer workspace) : LayerOp
{
    long _packedVersion = -1;

    public override bool BackwardReadsInput => TrainsWeights;

    public override bool BackwardReadsOutput => relu && !Pooled;

    public override string Algorithm => Pooled ? $"{plan.Algorithm}; pooling fused" : plan.Algorithm;

    /// <summary>Whether a 2×2 max-pooling is computed along.</summary>
    public bool Pooled { get; init; }

    /// <summary>The winners of the pooling; for training.</summary>
    public PlannedBuffer? ArgMax { get; init; }

    /// <summary>Gradient of the weights; bound for training.</summary>
    public WeightGradients? Gradients { get; init; }

    /// <summary>Whether the filter is trained.</summary>
    public bool TrainsWeights { get; init; }

    /// <summary>Whether there is a bias and it is trained.</summary>
    public bool TrainsBias { get; init; }

    /// <summary>A batch normalisation whose running statistics are part of the weights; for inference only.</summary>
    public FoldedNorm? Folded { get; init; }

    Span<float> BiasGradient => TrainsBias ? Gradients!.Of(bias!) : [];

    /// <summary>Emits a convolution and what is fused with it.</summary>
    /// <param name="compiler">Gives memory; takes the op.</param>
    /// <param name="node">The convolution or dense layer.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="plan">How it is computed.</param>
    /// <param name="norm">A batch normalisation whose running statistics become part of the weights; for inference only.</param>
    /// <param name="relu">Whether a ReLU follows.</param>
    /// <param name="pool">A 2×2 max-pooling of the result; an op of its own where the plan cannot compute it along.</param>
    public static Value Emit(NetworkCompiler compiler, LayerNode node, Value input, ConvPlan plan, LayerNode? norm, bool relu, LayerNode? pool)
    {
        WeightTensor weights = compiler.Tensor(node, "weight"), bias = compiler.Find(node, "bias")!;
        var packed = compiler.Permanent($"{node.WeightName} packed", plan.PackedLength);
        var folded = norm is null ? null : new FoldedNorm((BatchNorm)norm.Layer, BatchNormWeights.Of(compiler, norm), compiler.Permanent($"{node.WeightName} folded", weights.Length + weights.Dimensions[^1]));
        var pooled = pool is not null && plan.CanPool && weights.Spec.IsTrained;
        var output = (pooled ? pool! : node).Output.WithBatch(compiler.BatchSize);
        var argMax = pooled && compiler.Training ? compiler.Saved(node, output.Length) : null;
        var result = compiler.Add(new ConvOp(plan, weights, bias, relu, packed, compiler.Workspace(ScratchLength(plan, output)))
        {
            Name = node.Position, Input = input, Output = compiler.Trained(node, input, output), Gradients = compiler.Gradients, Folded = folded, Pooled = pooled,
            ArgMax = argMax, TrainsWeights = compiler.IsTrained(weights), TrainsBias = compiler.IsTrained(bias), Flops = node.Layer.Flops(node.Input),
        });
        return pool is null || pooled ? result : pool.Layer.Emit(compiler, pool, result);
    }

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
        if (TrainsWeights)
            plan.BackwardWeights(pass.Count, Input.Rows(pass.Count), gradient, Gradients!.Of(weights), BiasGradient, workspace.Span(), pass.Pool);
        else if (TrainsBias)
            BatchNormalization.ChannelSums(gradient, BiasGradient, workspace.Span(), pass.Width, pass.Pool);
        if (Input.Gradient is not null)
            plan.BackwardData(pass.Count, gradient, packed.Span(), Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    void BackwardPooled(Pass pass, ReadOnlySpan<float> gradient)
    {
        var winners = Winners(gradient.Length);
        plan.BackwardWeightsPooled(pass.Count, Input.Rows(pass.Count), gradient, winners, Gradients!.Of(weights), BiasGradient, workspace.Span(), pass.Pool);
        if (Input.Gradient is not null)
            plan.BackwardDataPooled(pass.Count, gradient, winners, packed.Span(), Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    /// <summary>A bias trained alone needs scratch of its own kind.</summary>
    static int ScratchLength(ConvPlan plan, Shape output) =>
        Math.Max(plan.WorkspaceLength, BatchNormalization.WorkspaceLength(output.Length / output.C, output.C));

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
