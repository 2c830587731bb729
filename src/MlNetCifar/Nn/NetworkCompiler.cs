using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What the compiler hands to the network.</summary>
internal sealed class CompiledNetwork
{
    public required ImmutableArray<LayerOp> Ops { get; init; }

    public required Value Input { get; init; }

    public required Value Logits { get; init; }

    public required PlannedBuffer Probabilities { get; init; }

    public required IReadOnlyList<PlannedBuffer> Buffers { get; init; }

    /// <summary>Ops whose results are asked for.</summary>
    public required ImmutableArray<int> Kept { get; init; }

    /// <summary>For every op the first float of the gradients that are final behind its backward pass.</summary>
    public required ImmutableArray<int> Floors { get; init; }

    /// <summary>
    /// The first ops of a network for inference whose maps are so large that those of a batch would pass through memory, and their result: they take that many images at a time, whose maps stay in the
    /// caches. Later ops, whose filters are large, take the whole batch. Without ops there is none.
    /// </summary>
    public required (int Ops, int Images, Value? Output) Front { get; init; }
}

/// <summary>
/// Turns a checked description into ops and the buffers they need: it walks the layers, each of which emits its own ops and may take along those behind it.
/// The step's timeline has one moment per op forward (its index), one for the loss, and one per op backward; each buffer notes when it is used,
/// and the planner does the rest.
/// </summary>
/// <param name="weights">The network's weights.</param>
/// <param name="batchSize">Largest batch.</param>
/// <param name="gradients">Where gradients go; null for inference.</param>
/// <param name="pass">Threads and lane width.</param>
/// <param name="keep">Positions of layers whose own result some op must give: no layer behind such a one is fused with it. Null for none.</param>
internal sealed class NetworkCompiler(NetworkWeights weights, int batchSize, WeightGradients? gradients, Pass pass, IReadOnlyList<string>? keep = null)
{
    // Floats of an image before and behind a layer that are many, and, for each thread, of the front's largest results that are held at once; most are a quarter of these. Both were measured.
    const int LargeMaps = 320 << 10;
    const int HeldFloats = 1 << 20;

    readonly List<LayerOp> _ops = [];
    readonly List<PlannedBuffer> _buffers = [];

    /// <summary>Buffers an op needs from its forward to its backward pass.</summary>
    readonly List<(PlannedBuffer Buffer, int Op)> _saved = [];

    /// <summary>Buffers alive throughout.</summary>
    readonly List<PlannedBuffer> _permanent = [];

    /// <summary>Between which layers of the outermost path the ops can be cut in two: how many lie in front, and the layer's input and result.</summary>
    readonly List<(int Ops, Shape Input, Value Output)> _cuts = [];

    /// <summary>Scratch of one op at a time, shared by all.</summary>
    readonly PlannedBuffer _workspace = new("workspace", 0);

    /// <summary>The layers behind the one that is emitted, as far as it may take them along.</summary>
    ImmutableArray<LayerNode> _path = [];
    int _next;
    int _streams;
    readonly List<int> _kept = [];

    /// <summary>The first op that may use a tensor.</summary>
    readonly Dictionary<WeightTensor, int> _users = [];

    /// <summary>Whether there will be backward passes.</summary>
    public bool Training => gradients is not null;

    /// <summary>Whether the last result is all that is asked for.</summary>
    public bool IsForInference => gradients is null && keep is null;

    /// <summary>The op that was emitted last.</summary>
    public LayerOp Last => _ops[^1];

    /// <summary>Largest batch.</summary>
    public int BatchSize => batchSize;

    /// <summary>Number of workers.</summary>
    public int Threads => pass.Pool.Threads;

    /// <summary>Most blocks of images that a batch is cut into for layers from outside.</summary>
    public int MostBlocks => pass.MostBlocks;

    /// <summary>Where gradients go; null for inference.</summary>
    public WeightGradients? Gradients => gradients;

    public CompiledNetwork Compile()
    {
        var spec = weights.Spec;
        var input = new Value(spec.InputShape(batchSize), Buffer("input", spec.InputShape(batchSize).Length)) { ReadOnly = true };
        var logits = Emit(weights.Nodes, input);
        var probabilities = Buffer("probabilities", logits.Shape.Length);
        _permanent.AddRange([probabilities, _workspace]);
        _buffers.Add(_workspace);
        Schedule(input, logits);
        return new() { Ops = [.. _ops], Input = input, Logits = logits, Probabilities = probabilities, Buffers = _buffers, Kept = [.. _kept], Floors = Floors(), Front = Front(input) };
    }

    /// <summary>Emits one path.</summary>
    /// <param name="nodes">First to last.</param>
    /// <param name="value">What the first reads.</param>
    /// <returns>The last one's result.</returns>
    public Value Emit(ImmutableArray<LayerNode> nodes, Value value)
    {
        var (path, next) = (_path, _next);
        for (var i = 0; i < nodes.Length; i = _next)
        {
            var kept = keep is null ? -1 : Enumerable.Range(i, nodes.Length - i).FirstOrDefault(k => keep.Contains(nodes[k].Position), -1);
            (_path, _next) = (kept >= 0 ? nodes[..(kept + 1)] : nodes, i + 1);
            var shape = value.Shape;
            value = nodes[i].Layer.Emit(this, nodes[i], value);
            if (nodes == weights.Nodes)
                _cuts.Add((_ops.Count, shape, value));
            if (_next == kept + 1)
                Keep(value);
        }

        (_path, _next) = (path, next);
        return value;
    }

    /// <summary>The next layer if it is of that kind and fits: the one being emitted then computes it too.</summary>
    public LayerNode? Take<TLayer>(Func<TLayer, bool>? fits = null)
        where TLayer : LayerSpec
        => Next?.Layer is TLayer layer && fits?.Invoke(layer) != false ? _path[_next++] : null;

    /// <summary>The layer behind the one that is emitted; null where it may take none along.</summary>
    public LayerNode? Next => _next < _path.Length ? _path[_next] : null;

    /// <summary>Whether a tensor is trained in this compilation.</summary>
    public bool IsTrained(WeightTensor? tensor) => tensor is not null && gradients?.Has(tensor) == true;

    /// <summary>Whether a tensor is the same in every pass: in inference all are.</summary>
    public bool IsFrozen(WeightTensor tensor) => gradients is null || gradients.Freezes(tensor) || tensor.Role == ParameterRole.Fixed;

    /// <summary>Whether all of a layer's tensors are.</summary>
    public bool IsFrozen(LayerNode node) => !Training || Tensors(node).All(IsFrozen);

    /// <summary>One of a layer's tensors; null where it has none of that name.</summary>
    public WeightTensor? Find(LayerNode node, string name)
    {
        var tensor = weights.Find($"{node.WeightName}.{name}");
        if (tensor is not null)
            _users.TryAdd(tensor, _ops.Count);
        return tensor;
    }

    /// <summary>One of a layer's tensors.</summary>
    public WeightTensor Tensor(LayerNode node, string name) => Find(node, name)!;

    /// <summary>How a convolution is computed in this network. One that is trained may choose by its batch; one that explains a layer's result gives what any batch gives.</summary>
    /// <param name="node">The layer. Where nothing up to it is trained, it is computed as for inference.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="shape">The convolution's.</param>
    public ConvPlan Plan(LayerNode node, Value input, ConvShape shape) =>
        new(shape, pass.Width, Threads, !HasBackward(node, input) ? ConvUse.Inference : keep is null ? ConvUse.Training : ConvUse.Explanation);

    /// <summary>Number of the random stream of a layer that draws numbers: of those before it.</summary>
    public int NextStream() => _streams++;

    public Value Add(LayerOp op)
    {
        _ops.Add(op);
        return op.Output;
    }

    /// <summary>The result of an op with parameters: fresh data, and a gradient where one of them or anything before it is trained.</summary>
    /// <param name="node">The layer.</param>
    /// <param name="input">What the op reads.</param>
    /// <param name="shape">The result's, N being the largest batch.</param>
    /// <param name="gradient">Memory for the gradient; null for fresh memory.</param>
    public Value Trained(LayerNode node, Value input, Shape shape, PlannedBuffer? gradient = null)
    {
        var data = Buffer(node.Position, shape.Length);
        return new Value(shape, data) { Gradient = HasBackward(node, input) ? gradient ?? Buffer($"{node.Position} gradient", shape.Length) : null };
    }

    /// <summary>The result of an op without parameters, in the input's place where that is allowed.</summary>
    /// <param name="node">The layer.</param>
    /// <param name="input">What the op reads.</param>
    /// <param name="shape">The result's, N being the largest batch.</param>
    /// <param name="forward">Whether the data may overwrite the input's.</param>
    /// <param name="backward">Whether the input's gradient may overwrite the result's.</param>
    public Value Result(LayerNode node, Value input, Shape shape, bool forward, bool backward)
    {
        var producer = _ops.LastOrDefault(op => op.Output.Data == input.Data);
        var inPlace = forward && !input.ReadOnly && producer is not { BackwardReadsOutput: true, Output.Gradient: not null };
        var data = inPlace ? input.Data : Buffer(node.Position, shape.Length);
        var gradient = input.Gradient is null ? null : backward ? input.Gradient : Buffer($"{node.Position} gradient", shape.Length);
        return new Value(shape, data) { Gradient = gradient };
    }

    /// <summary>Memory of the op that is emitted next, from its forward to its backward pass.</summary>
    public PlannedBuffer Saved(LayerNode node, long length)
    {
        var buffer = Buffer($"{node.Position} saved", length);
        _saved.Add((buffer, _ops.Count));
        return buffer;
    }

    /// <summary>Scratch of at least that many floats for the length of one pass of one op.</summary>
    public PlannedBuffer Workspace(long length)
    {
        _workspace.Grow(length);
        return _workspace;
    }

    /// <summary>Memory that lives as long as the network.</summary>
    public PlannedBuffer Permanent(string name, long length)
    {
        var buffer = Buffer(name, length);
        _permanent.Add(buffer);
        return buffer;
    }

    /// <summary>Memory of a value.</summary>
    public PlannedBuffer Buffer(string name, long length)
    {
        var buffer = new PlannedBuffer(name, length);
        _buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Notes the op whose result is asked for, and sees to it that the gradient gets that far.</summary>
    void Keep(Value value)
    {
        _kept.Add(_ops.Count - 1);
        if (Training)
            _ops[^1].Output.Gradient ??= value.Gradient ??= Buffer($"{_ops[^1].Name} gradient", value.Shape.Length);
    }

    void Schedule(Value input, Value logits)
    {
        var loss = _ops.Count;
        input.Data.Touch(0);
        for (var i = 0; i < loss; i++)
        {
            var op = _ops[i];
            var back = (2 * loss) - i;
            var runs = op.Output.Gradient is not null;
            foreach (var value in (ReadOnlySpan<Value>)[op.Input, .. op.Others])
                Use(value, runs && op.BackwardReadsInput, i, back);
            Use(op.Output, runs && op.BackwardReadsOutput, i, back);
            if (op.Second is not null)
                Use(op.Second, false, i, back);
        }

        Use(logits, false, loss, loss);
        foreach (var (buffer, op) in _saved)
        {
            buffer.Touch(op);
            buffer.Touch(_ops[op].Output.Gradient is not null ? (2 * loss) - op : op);
        }

        foreach (var buffer in _permanent)
        {
            buffer.Touch(0);
            buffer.Touch(2 * loss);
        }
    }

    /// <summary>Finds the front, and plans its memory for the images that it takes at a time.</summary>
    (int Ops, int Images, Value? Output) Front(Value input)
    {
        var (ops, _, output) = _cuts.TakeWhile(cut => cut.Input.ImageLength + cut.Output.Shape.ImageLength >= LargeMaps).LastOrDefault();
        if (Training || keep is not null || ops == 0)
            return default;
        var images = Math.Max(1, (int)(Threads * (long)HeldFloats / _ops.Take(ops).Max(op => op.Output.Shape.ImageLength)));
        if (images >= batchSize)
            return default;
        var within = _ops.Take(ops).SelectMany(op => op.Others.Concat(new[] { op.Input, op.Output, op.Second }.OfType<Value>())).Select(value => value.Data);
        foreach (var buffer in within.Distinct().Where(buffer => buffer != input.Data && buffer != output.Data))
            buffer.Shrink(buffer.Length / batchSize * images);
        input.Data.Touch(ops - 1);
        output.Data.Touch(0);
        return (ops, images, output);
    }

    /// <summary>For every op the float of the gradients from which on they are final when its backward pass is over: those in front belong to ops that come later.</summary>
    ImmutableArray<int> Floors()
    {
        var floors = new int[_ops.Count];
        foreach (var tensor in weights.Tensors.Where(IsTrained))
        {
            for (var op = _users.GetValueOrDefault(tensor) + 1; op < floors.Length; op++)
                floors[op] = Math.Max(floors[op], (int)(gradients!.Offset(tensor) + tensor.Length));
        }

        return [.. floors];
    }

    /// <summary>Whether one of a layer's tensors or anything before it is trained.</summary>
    bool HasBackward(LayerNode node, Value input) => input.Gradient is not null || Tensors(node).Any(IsTrained);

    IEnumerable<WeightTensor> Tensors(LayerNode node) => node.Parameters.Select(p => Tensor(node, p.Name));

    static void Use(Value value, bool backwardReadsData, int forward, int backward)
    {
        value.Data.Touch(forward);
        if (backwardReadsData)
            value.Data.Touch(backward);
        value.Gradient?.Touch(backward);
    }
}
