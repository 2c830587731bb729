using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Convolution or dense layer, a following ReLU included.</summary>
internal sealed class ConvOp(ConvPlan plan, WeightTensor weights, WeightTensor? bias, bool relu, PlannedBuffer workspace) : LayerOp
{
    PackedWeights? _packed;

    public override bool BackwardReadsInput => TrainsWeights;

    public override bool BackwardReadsOutput => relu && !Pooled;

    public override string Algorithm => Pooled ? $"{plan.Algorithm}; pooling fused" : Second is not null ? $"{plan.Algorithm}; sum fused" : plan.Algorithm;

    /// <summary>Whether a max-pooling is computed along.</summary>
    public bool Pooled { get; init; }

    /// <summary>The winners of the pooling; for training.</summary>
    public PlannedBuffer? ArgMax { get; init; }

    /// <summary>Gradient of the weights; bound for training.</summary>
    public WeightGradients? Gradients { get; init; }

    /// <summary>Whether the filter is trained.</summary>
    public bool TrainsWeights { get; init; }

    /// <summary>Whether there is a bias and it is trained.</summary>
    public bool TrainsBias { get; init; }

    /// <summary>A batch normalisation whose running statistics are part of the weights.</summary>
    public FoldedNorm? Folded { get; init; }

    public override long SharedLength => PackedWeights.Length(plan, NeedsBackward) + (Folded is null ? 0 : Folded.Channels);

    bool NeedsBackward => Input.Gradient is not null;

    Span<float> BiasGradient => TrainsBias ? Gradients!.Of(bias!) : [];

    /// <summary>Emits a convolution and what is fused with it.</summary>
    /// <param name="compiler">Gives memory; takes the op.</param>
    /// <param name="node">The convolution or dense layer.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="plan">How it is computed.</param>
    /// <param name="norm">A batch normalisation whose running statistics become part of the weights; where nothing of both is trained.</param>
    /// <param name="relu">Whether a ReLU follows.</param>
    /// <param name="pool">A max-pooling of the result; an op of its own where the plan cannot compute it along.</param>
    public static Value Emit(NetworkCompiler compiler, LayerNode node, Value input, ConvPlan plan, LayerNode? norm, bool relu, LayerNode? pool)
    {
        WeightTensor weights = compiler.Tensor(node, "weight"), bias = compiler.Find(node, "bias")!;
        var folded = norm is null ? null : new FoldedNorm((BatchNorm)norm.Layer, BatchNormWeights.Of(compiler, norm));
        bool trainsWeights = compiler.IsTrained(weights), trainsBias = compiler.IsTrained(bias);

        // There is no pass for the gradient of a bias alone behind a fused pooling.
        var pooled = pool?.Layer is Pool2d { Size: var size } && plan.PoolSize == size && (trainsWeights || (compiler.Training ? !trainsBias : weights.Spec.IsTrained));
        var shape = (pooled ? pool! : node).Output.WithBatch(compiler.BatchSize);
        var output = compiler.Trained(node, input, shape);
        var argMax = pooled && output.Gradient is not null ? compiler.Saved(node, shape.Length) : null;
        var result = compiler.Add(new ConvOp(plan, weights, bias, relu, compiler.Workspace(ScratchLength(plan, shape)))
        {
            Name = node.Position, Input = input, Output = output, Gradients = compiler.Gradients, Folded = folded, Pooled = pooled,
            ArgMax = argMax, TrainsWeights = trainsWeights, TrainsBias = trainsBias, Flops = node.Layer.Flops(node.Input),
        });
        return pool is null || pooled ? result : pool.Layer.Emit(compiler, pool, result);
    }

    /// <summary>Computes the sum with <paramref name="addend"/> along, and a ReLU behind it, where the plan can; for inference.</summary>
    public bool TryAdd(NetworkCompiler compiler, Value addend)
    {
        if (relu || Pooled || !plan.CanAdd)
            return false;
        Second = addend;
        relu = Activation.TakeRelu(compiler);
        return true;
    }

    public override void Attach() => _packed = weights.Owner.Packed.Rent(
        new PackedKey(weights, Folded?.Gamma, plan.Packing, NeedsBackward), key => new PackedWeights(key, plan, bias, Folded));

    public override void Detach()
    {
        if (Interlocked.Exchange(ref _packed, null) is { } packed)
            weights.Owner.Packed.Return(packed);
    }

    public override void Forward(Pass pass)
    {
        _packed!.Refresh(pass.Pool);
        var y = Output.Rows(pass.Count);
        if (Pooled)
            plan.ForwardPooled(pass.Count, Input.Rows(pass.Count), _packed.Filter, _packed.Bias, relu, y, Winners(y.Length), workspace.Span(), pass.Pool);
        else
            plan.Forward(pass.Count, Input.Rows(pass.Count), _packed.Filter, _packed.Bias, relu, y, workspace.Span(), pass.Pool, Second is null ? [] : Second.Rows(pass.Count));
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
            plan.BackwardData(pass.Count, gradient, _packed!.Filter, Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    void BackwardPooled(Pass pass, ReadOnlySpan<float> gradient)
    {
        var winners = Winners(gradient.Length);
        if (TrainsWeights)
            plan.BackwardWeightsPooled(pass.Count, Input.Rows(pass.Count), gradient, winners, Gradients!.Of(weights), BiasGradient, workspace.Span(), pass.Pool);
        if (Input.Gradient is not null)
            plan.BackwardDataPooled(pass.Count, gradient, winners, _packed!.Filter, Input.GradientRows(pass.Count), workspace.Span(), pass.Pool);
    }

    /// <summary>A bias trained alone needs scratch of its own kind.</summary>
    static int ScratchLength(ConvPlan plan, Shape output) =>
        Math.Max(plan.WorkspaceLength, BatchNormalization.WorkspaceLength(output.Length / output.C, output.C));

    Span<float> Winners(int length) => ArgMax is null ? [] : ArgMax.Span(length);
}
