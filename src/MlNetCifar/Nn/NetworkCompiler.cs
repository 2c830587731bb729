using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What the compiler hands to the network.</summary>
internal sealed record CompiledNetwork(
    ImmutableArray<LayerOp> Ops, Value Input, Value Logits, PlannedBuffer Probabilities, IReadOnlyList<PlannedBuffer> Buffers, int Kept);

/// <summary>
/// Turns a checked description into ops and the buffers they need. The step's timeline has one moment per op forward (its index), one for the loss,
/// and one per op backward; each buffer notes when it is used, and the planner does the rest.
/// </summary>
/// <param name="weights">The network's weights.</param>
/// <param name="batchSize">Largest batch.</param>
/// <param name="gradients">Where gradients go; null for inference.</param>
/// <param name="pass">Threads and lane width.</param>
/// <param name="keep">Position of a layer whose own result some op must give: no layer behind it is fused with it. Null for none.</param>
internal sealed class NetworkCompiler(NetworkWeights weights, int batchSize, WeightGradients? gradients, Pass pass, string? keep = null)
{
    readonly List<LayerOp> _ops = [];
    readonly List<PlannedBuffer> _buffers = [];


    /// <summary>Buffers an op needs from its forward to its backward pass.</summary>
    readonly List<(PlannedBuffer Buffer, int Op)> _saved = [];

    /// <summary>Buffers alive throughout.</summary>
    readonly List<PlannedBuffer> _permanent = [];

    /// <summary>Scratch of one op at a time, shared by all.</summary>
    readonly PlannedBuffer _workspace = new("workspace", 0);
    int _dropouts;
    int _kept = -1;

    bool Training => gradients is not null;

    public CompiledNetwork Compile()
    {
        var spec = weights.Spec;
        var input = new Value(spec.InputShape(batchSize), NewBuffer("input", spec.InputShape(batchSize).Length)) { ReadOnly = true };
        var logits = Emit(weights.Nodes, input);
        var probabilities = NewBuffer("probabilities", logits.Shape.Length);
        _permanent.AddRange([probabilities, _workspace]);
        _buffers.Add(_workspace);
        Schedule(input, logits);
        return new CompiledNetwork([.. _ops], input, logits, probabilities, _buffers, _kept);
    }

    Value Emit(ImmutableArray<LayerNode> nodes, Value value)
    {
        var last = keep is null ? -1 : Enumerable.Range(0, nodes.Length).FirstOrDefault(i => nodes[i].Position == keep, -1);
        for (var i = 0; i < nodes.Length;)
        {
            var fusion = LayerFusion.Find(i <= last ? nodes[..(last + 1)] : nodes, i, Training);
            value = Emit(fusion, value);
            i += fusion.Length;
            if (i == last + 1 && last >= 0)
                _kept = _ops.Count - 1;
        }

        return value;
    }

    Value Emit(LayerFusion fusion, Value input)
    {
        var node = fusion.Node;
        var output = node.Output.WithBatch(batchSize);
        switch (node.Layer)
        {
            case Conv2d layer:
                return Convolution(fusion, layer.Geometry(input.Shape), input);
            case Linear layer:
                return Convolution(fusion, ConvShape.Dense(batchSize, input.Shape.C, layer.Units), input);
            case BatchNorm layer:
                return Normalization(node, layer, input, fusion.Relu);
            case Activation layer:
                var keepsInput = Training && layer.Kernel.BackwardNeedsInput;
                return Add(new ActivationOp(layer.Kernel, layer.Slope)
                {
                    Name = node.Position, Input = input, Output = Result(node, input, output, forward: !keepsInput, backward: true), Flops = layer.Flops(node.Input),
                });
            case Scale layer:
                return Add(new ScaleOp(layer.Factor) { Name = node.Position, Input = input, Output = Result(node, input, output, true, true) });
            case Dropout layer:
                return layer.Rate == 0
                    ? input
                    : Add(new DropoutOp(layer.Rate, _dropouts++) { Name = node.Position, Input = input, Output = Result(node, input, output, true, true) });
            case Flatten:
                return new Value(output, input.Data) { Gradient = input.Gradient, ReadOnly = input.ReadOnly };
            case Pool2d layer:
                return Pool(node, layer.Geometry(input.Shape), layer.Pool, input, output);
            case GlobalPool layer:
                return Pool(node, GlobalPool.Geometry(input.Shape), layer.Pool, input, output);
            case Residual:
                return Block(node, input, output);
            default:
                throw new InvalidOperationException($"Layer kind {node.Layer.Kind} has no op.");
        }
    }

    Value Convolution(LayerFusion fusion, ConvShape shape, Value input)
    {
        var node = fusion.Node;
        var plan = new ConvPlan(shape, pass.Width, pass.Pool.Threads);
        var packed = Permanent($"{node.WeightName} packed", plan.PackedLength);
        var folded = fusion.Norm is not { Layer: BatchNorm layer } norm
            ? null
            : new FoldedNorm(layer, NormWeights(norm), Permanent($"{node.WeightName} folded", shape.FilterLength + shape.K));
        var pooled = fusion.Pool is not null && plan.CanPool && Tensor(node, "weight")!.Spec.IsTrained;
        var output = (pooled ? fusion.Pool! : node).Output.WithBatch(batchSize);
        var argMax = pooled && Training ? Saved(node, output.Length) : null;
        var result = Add(new ConvOp(plan, Tensor(node, "weight")!, Tensor(node, "bias"), fusion.Relu, packed, Workspace(ConvolutionScratch(plan, output)))
        {
            Name = node.Position, Input = input, Output = Trained(node, output), Gradients = gradients, Folded = folded, Pooled = pooled, ArgMax = argMax,
            Flops = node.Layer.Flops(node.Input),
        });
        return fusion.Pool is not { Layer: Pool2d pool } || pooled
            ? result
            : Pool(fusion.Pool, pool.Geometry(result.Shape), pool.Pool, result, fusion.Pool.Output.WithBatch(batchSize));
    }

    Value Normalization(LayerNode node, BatchNorm layer, Value input, bool relu)
    {
        var channels = input.Shape.C;
        var saved = Saved(node, 5 * channels);
        var workspace = Workspace(BatchNormalization.WorkspaceLength(input.Shape.Length / channels, channels));
        var tensors = NormWeights(node);

        // In training the input is read again backward; the gradient may be rewritten where it stands.
        var result = Training ? Trained(node, input.Shape, input.Gradient) : Result(node, input, input.Shape, true, true);
        return Add(new BatchNormOp(layer, tensors, relu, saved, workspace)
        {
            Name = node.Position, Input = input, Output = result, Gradients = gradients, Flops = layer.Flops(node.Input),
        });
    }

    Value Pool(LayerNode node, PoolShape shape, PoolKind kind, Value input, Shape output)
    {
        var argMax = Training && kind == PoolKind.Max && input.Gradient is not null ? Saved(node, output.Length) : null;
        return Add(new PoolOp(shape, kind, argMax)
        {
            Name = node.Position, Input = input, Output = Result(node, input, output, false, false), Flops = node.Layer.Flops(node.Input),
        });
    }

    Value Block(LayerNode node, Value input, Shape output)
    {
        // The first path may add its gradient in place; the second has one of its own.
        var first = new Value(input.Shape, input.Data) { Gradient = input.Gradient, ReadOnly = true };
        var second = new Value(input.Shape, input.Data) { Gradient = input.Gradient is null ? null : NewBuffer($"{node.Position} gradient 2", input.Shape.Length), ReadOnly = true };
        Add(new ForkOp { Name = node.Position, Input = input, Output = first, Second = second });
        var body = Emit(node.Body, first);
        var shortcut = Emit(node.Shortcut, second);
        if (shortcut.Gradient is not null)
            body.Gradient ??= NewBuffer($"{node.Position} gradient", output.Length);
        return Add(new AddOp { Name = node.Position, Input = body, Second = shortcut, Output = Result(node, body, output, true, true), Flops = output.ImageLength });
    }

    BatchNormWeights NormWeights(LayerNode node) =>
        new(Tensor(node, "weight")!, Tensor(node, "bias")!, Tensor(node, "running_mean")!, Tensor(node, "running_var")!);

    /// <summary>A frozen filter's bias gradient needs scratch of its own kind.</summary>
    static int ConvolutionScratch(ConvPlan plan, Shape output) =>
        Math.Max(plan.WorkspaceLength, BatchNormalization.WorkspaceLength(output.Length / output.C, output.C));

    WeightTensor? Tensor(LayerNode node, string name) => weights.Find($"{node.WeightName}.{name}");

    Value Add(LayerOp op)
    {
        _ops.Add(op);
        return op.Output;
    }

    /// <summary>The result of an op with trained parameters: fresh data, and a gradient even where the input has none.</summary>
    Value Trained(LayerNode node, Shape shape, PlannedBuffer? gradient = null)
    {
        var data = NewBuffer(node.Position, shape.Length);
        return new Value(shape, data) { Gradient = Training ? gradient ?? NewBuffer($"{node.Position} gradient", shape.Length) : null };
    }

    /// <summary>The result of an op without parameters, in the input's place where that is allowed.</summary>
    Value Result(LayerNode node, Value input, Shape shape, bool forward, bool backward)
    {
        var producer = _ops.LastOrDefault(op => op.Output.Data == input.Data);
        var inPlace = forward && !input.ReadOnly && (!Training || producer is not { BackwardReadsOutput: true });
        var data = inPlace ? input.Data : NewBuffer(node.Position, shape.Length);
        var gradient = input.Gradient is null ? null : backward ? input.Gradient : NewBuffer($"{node.Position} gradient", shape.Length);
        return new Value(shape, data) { Gradient = gradient };
    }

    /// <summary>Memory of the op that is emitted next, from its forward to its backward pass.</summary>
    PlannedBuffer Saved(LayerNode node, long length)
    {
        var buffer = NewBuffer($"{node.Position} saved", length);
        _saved.Add((buffer, _ops.Count));
        return buffer;
    }

    PlannedBuffer Workspace(long length)
    {
        _workspace.Grow(length);
        return _workspace;
    }

    PlannedBuffer Permanent(string name, long length)
    {
        var buffer = NewBuffer(name, length);
        _permanent.Add(buffer);
        return buffer;
    }

    PlannedBuffer NewBuffer(string name, long length)
    {
        var buffer = new PlannedBuffer(name, length);
        _buffers.Add(buffer);
        return buffer;
    }

    void Schedule(Value input, Value logits)
    {
        var loss = _ops.Count;
        input.Data.Touch(0);
        for (var i = 0; i < loss; i++)
        {
            var op = _ops[i];
            var back = (2 * loss) - i;
            Use(op.Input, op.BackwardReadsInput, i, back);
            Use(op.Output, op.BackwardReadsOutput, i, back);
            if (op is ForkOp fork)
                Use(fork.Second, false, i, back);
            if (op is AddOp add)
                Use(add.Second, false, i, back);
        }

        Use(logits, false, loss, loss);
        foreach (var (buffer, op) in _saved)
        {
            buffer.Touch(op);
            buffer.Touch(Training ? (2 * loss) - op : op);
        }

        foreach (var buffer in _permanent)
        {
            buffer.Touch(0);
            buffer.Touch(2 * loss);
        }
    }

    void Use(Value value, bool backwardReadsData, int forward, int backward)
    {
        value.Data.Touch(forward);
        if (!Training)
            return;
        if (backwardReadsData)
            value.Data.Touch(backward);
        value.Gradient?.Touch(backward);
    }
}
