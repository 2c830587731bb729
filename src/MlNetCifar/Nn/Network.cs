using System.Collections.Immutable;
using System.Diagnostics;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// A network compiled for one largest batch: ops in order with their memory planned once. A pass allocates nothing on the managed heap.
/// Not thread-safe; several networks may share one <see cref="NetworkWeights"/> for inference.
/// </summary>
internal sealed class Network : IDisposable
{
    readonly Arena _arena;
    readonly Pass _pass;
    readonly Value _input;
    readonly Value _logits;
    readonly PlannedBuffer _probabilities;
    readonly ImmutableArray<int> _kept;
    readonly ImmutableArray<int> _floors;
    readonly (int Ops, int Images, Value? Output) _front;

    /// <summary>Compiles.</summary>
    /// <param name="weights">Borrowed; must outlive the network.</param>
    /// <param name="batchSize">Largest batch, ≥ 1.</param>
    /// <param name="training">Whether <see cref="Backward(CancellationToken, Action{int}?)"/> will be called.</param>
    /// <param name="pool">Borrowed threads.</param>
    /// <param name="width">Lane width; null for the machine's.</param>
    /// <param name="keep">Positions of the layers that <see cref="Probe"/> looks at; null for none.</param>
    /// <param name="frozen">Tensors that are not trained, running statistics among them; null for none.</param>
    /// <param name="blocks">Most blocks of images that a batch is cut into for layers from outside; null for the usual number.</param>
    /// <param name="apart">Whether every value has memory of its own, so that all of them can be looked at after a pass.</param>
    public Network(
        NetworkWeights weights, int batchSize, bool training, WorkerPool pool, SimdWidth? width = null, IReadOnlyList<string>? keep = null,
        IReadOnlySet<WeightTensor>? frozen = null, int? blocks = null, bool apart = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        Weights = weights;
        BatchSize = batchSize;
        _pass = new Pass { Pool = pool, Width = width ?? SimdLevel.Active, MostBlocks = blocks ?? CustomOp.UsualBlocks };
        Gradients = training ? new WeightGradients(weights, frozen) : null;
        var compiled = new NetworkCompiler(weights, batchSize, Gradients, _pass, keep).Compile();
        (Ops, Buffers, _kept, _floors, _front) = (compiled.Ops, compiled.Buffers, compiled.Kept, compiled.Floors, compiled.Front);
        (_input, _logits, _probabilities) = (compiled.Input, compiled.Logits, compiled.Probabilities);
        _arena = new Arena(apart ? MemoryPlanner.PlaceApart(Buffers) : MemoryPlanner.Place(Buffers));
        foreach (var buffer in Buffers)
            buffer.Bind(_arena);
        foreach (var op in Ops)
            op.Attach();

#if DEBUG
        apart = true;
#endif
        // Whatever reads memory before writing it shows.
        if (apart)
            _arena.Span(0, (int)_arena.Length).Fill(float.NaN);
    }

    /// <summary>The weights it reads and, in training, whose gradients it writes.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>Largest batch.</summary>
    public int BatchSize { get; }

    /// <summary>Gradients of the last <see cref="Backward(CancellationToken, Action{int}?)"/>; null where compiled for inference.</summary>
    public WeightGradients? Gradients { get; }

    /// <summary>The compiled layers in order.</summary>
    public ImmutableArray<LayerOp> Ops { get; }

    /// <summary>The plan's buffers, for <c>summary</c> and tests.</summary>
    public IReadOnlyList<PlannedBuffer> Buffers { get; }

    /// <summary>Bytes of activations, gradients of activations and scratch.</summary>
    public long OwnBytes => _arena.Length * sizeof(float);

    /// <summary>Bytes of packed weights, which networks over the same weights share where they compute alike.</summary>
    public long SharedBytes => Shared(Ops);

    /// <summary>Bytes of both.</summary>
    public long PlannedBytes => OwnBytes + SharedBytes;

    /// <summary>Bytes a network would plan, without taking them.</summary>
    public static long Plan(NetworkWeights weights, int batchSize, WeightGradients? gradients, WorkerPool pool)
    {
        var compiled = new NetworkCompiler(weights, batchSize, gradients, new Pass { Pool = pool, Width = SimdLevel.Active }).Compile();
        return (MemoryPlanner.Place(compiled.Buffers) * sizeof(float)) + Shared(compiled.Ops);
    }

    /// <summary>Where the caller puts a batch: [count, H, W, C].</summary>
    public Span<float> Input(int count) => _input.Rows(count);

    /// <summary>Outputs of the last pass: [count, outputs].</summary>
    public Span<float> Logits(int count) => _logits.Rows(count);

    /// <summary>Gradient by the outputs that <see cref="Loss"/> left: [count, outputs]; empty where nothing is trained.</summary>
    public Span<float> LogitGradients(int count) => _logits.Gradient is null ? [] : _logits.GradientRows(count);

    /// <summary>Probabilities of the last <see cref="Loss"/>: [count, outputs].</summary>
    public Span<float> Probabilities(int count) => _probabilities.Span(count * _logits.Shape.C);

    /// <summary>Computes the logits of the batch in <see cref="Input"/>.</summary>
    /// <param name="count">Images, 1 … <see cref="BatchSize"/>.</param>
    /// <param name="training">Whether batch statistics and dropout apply.</param>
    /// <param name="seed">Of dropout.</param>
    /// <param name="step">Of dropout.</param>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    public void Forward(int count, bool training = false, ulong seed = 0, long step = 0, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BatchSize);
        (_pass.Count, _pass.Training, _pass.Seed, _pass.Step) = (count, training, seed, step);
        Run(null, cancellation);
    }

    /// <summary>All ops, those of the front for a few images at a time.</summary>
    void Run(long[]? ticks, CancellationToken cancellation)
    {
        var count = _pass.Count;
        if (_front.Output is { } output)
        {
            try
            {
                for (var first = 0; first < count; first += _front.Images)
                {
                    _pass.Count = Math.Min(_front.Images, count - first);
                    _input.Data.Skipped = (long)first * _input.Shape.ImageLength;
                    output.Data.Skipped = (long)first * output.Shape.ImageLength;
                    Run(0, _front.Ops, ticks, cancellation);
                }
            }
            finally
            {
                _input.Data.Skipped = output.Data.Skipped = 0;
                _pass.Count = count;
            }
        }

        Run(_front.Ops, Ops.Length, ticks, cancellation);
    }

    void Run(int first, int end, long[]? ticks, CancellationToken cancellation)
    {
        for (var i = first; i < end; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = ticks is null ? 0 : Stopwatch.GetTimestamp();
            Ops[i].Forward(_pass);
            if (ticks is not null)
                ticks[i] += Stopwatch.GetTimestamp() - start;
        }
    }

    /// <summary>Doubles that the ops sum up at most over the slices of a batch; 0 where none of them looks at the whole of it.</summary>
    public int MostSums => Ops.Max(op => op is IBatchWide { IsWide: true } wide ? wide.Sums : 0);

    /// <summary>Begins a step of training on the slice of a batch in <see cref="Input"/>, which stops wherever a layer looks at the whole batch.</summary>
    /// <param name="count">Images, 1 … <see cref="BatchSize"/>.</param>
    /// <param name="whole">Images of the batch.</param>
    /// <param name="first">Whether this slice moves the running statistics for all.</param>
    /// <param name="seed">Of dropout.</param>
    /// <param name="step">Of dropout.</param>
    public void Begin(int count, int whole, bool first, ulong seed, long step)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BatchSize);
        (_pass.Count, _pass.Whole, _pass.IsFirst, _pass.Training, _pass.Seed, _pass.Step) = (count, whole, first, true, seed, step);
    }

    /// <summary>Goes on with the forward pass.</summary>
    /// <param name="op">Where it has stopped; −1 at first.</param>
    /// <param name="total">The sums over all slices that it has stopped for.</param>
    /// <param name="sums">Overwritten by those of this slice that it stops for.</param>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    /// <returns>Where it stops; the number of ops at the end.</returns>
    public int Forward(int op, ReadOnlySpan<double> total, Span<double> sums, CancellationToken cancellation)
    {
        if (op >= 0)
            ((IBatchWide)Ops[op]).Forward(_pass, total);
        for (op++; op < Ops.Length; op++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Ops[op] is IBatchWide { IsWide: true } wide)
            {
                wide.ForwardSums(_pass, sums[..wide.Sums]);
                break;
            }

            Ops[op].Forward(_pass);
        }

        return op;
    }

    /// <summary>Goes on with the backward pass.</summary>
    /// <param name="op">Where it has stopped; the number of ops at first.</param>
    /// <param name="total">As forward.</param>
    /// <param name="sums">As forward.</param>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    /// <returns>Where it stops; −1 at the end.</returns>
    public int Backward(int op, ReadOnlySpan<double> total, Span<double> sums, CancellationToken cancellation)
    {
        if (op < Ops.Length)
            ((IBatchWide)Ops[op]).Backward(_pass, total);
        for (op--; op >= 0; op--)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Ops[op] is IBatchWide { IsWide: true } wide && Ops[op].Output.Gradient is not null)
            {
                wide.BackwardSums(_pass, sums[..wide.Sums]);
                break;
            }

            Backward(op);
        }

        return op;
    }

    /// <summary>Doubles that are summed where a pass has stopped.</summary>
    public int SumsOf(int op) => ((IBatchWide)Ops[op]).Sums;

    /// <summary>Mean loss of the last pass, and in training networks its gradient for <see cref="Backward(CancellationToken, Action{int}?)"/>.</summary>
    /// <param name="labels">One per image.</param>
    /// <param name="smoothing">Label smoothing, 0 … 1.</param>
    /// <param name="classWeights">One per class, or empty.</param>
    /// <param name="correct">Images whose most probable class is the label.</param>
    /// <param name="mix">Second labels of mixed images; none by default.</param>
    /// <param name="total">What all images weigh that these are part of; null where they are all.</param>
    public double Loss(ReadOnlySpan<int> labels, float smoothing, ReadOnlySpan<float> classWeights, out int correct, LabelMix mix = default, double? total = null)
    {
        var logits = Logits(labels.Length);
        var probabilities = Probabilities(labels.Length);
        var gradient = LogitGradients(labels.Length);
        return Weights.Spec.Loss == LossKind.SigmoidCrossEntropy
            ? Losses.SigmoidCrossEntropy(logits, labels, smoothing, classWeights, probabilities, gradient, out correct, mix, total)
            : Losses.SoftmaxCrossEntropy(logits, labels, smoothing, classWeights, probabilities, gradient, out correct, mix, total);
    }

    /// <summary>Computes all gradients of the last training pass from the gradient that <see cref="Loss"/> left.</summary>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    /// <param name="passed">Told after every op from which float on <see cref="Gradients"/> are final; null for nobody.</param>
    public void Backward(CancellationToken cancellation = default, Action<int>? passed = null)
    {
        for (var i = Ops.Length - 1; i >= 0; i--)
        {
            cancellation.ThrowIfCancellationRequested();
            Backward(i);
            passed?.Invoke(_floors[i]);
        }
    }

    /// <summary>Shapes of what <see cref="Probe"/> gives, in the order of computation, N being the largest batch.</summary>
    public ImmutableArray<Shape> ProbedShapes => [.. _kept.Select(op => Ops[op].Output.Shape)];

    /// <summary>The kept layers' results for the batch in <see cref="Input"/>, without dropout and with running statistics. The logits are computed as well.</summary>
    /// <param name="count">Images, 1 … <see cref="BatchSize"/>.</param>
    /// <param name="features">[count, H, W, C] of each kept layer, one behind the other; overwritten.</param>
    /// <param name="cancellation">Ends the pass between two ops.</param>
    public void Probe(int count, Span<float> features, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, BatchSize);
        (_pass.Count, _pass.Training) = (count, false);
        for (var i = 0; i < Ops.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Ops[i].Forward(_pass);

            // Now, before a layer that works in place overwrites it.
            if (!_kept.Contains(i))
                continue;
            var rows = Ops[i].Output.Rows(count);
            rows.CopyTo(features);
            features = features[rows.Length..];
        }
    }

    /// <summary>∂(logits · <paramref name="seeds"/>)/∂features after <see cref="Probe"/>, for a network compiled for training.</summary>
    /// <param name="count">As before.</param>
    /// <param name="seeds">[count, outputs].</param>
    /// <param name="gradient">[count, H, W, C] of each kept layer, one behind the other; overwritten.</param>
    public void ProbeGradient(int count, ReadOnlySpan<float> seeds, Span<float> gradient)
    {
        seeds.CopyTo(_logits.GradientRows(count));
        for (var i = Ops.Length - 1; i >= _kept[0]; i--)
        {
            if (_kept.Contains(i))
            {
                var rows = Ops[i].Output.GradientRows(count);
                rows.CopyTo(gradient[^rows.Length..]);
                gradient = gradient[..^rows.Length];
            }

            if (i > _kept[0])
                Backward(i);
        }
    }

    /// <summary>Forward pass that adds each op's ticks to <paramref name="ticks"/>.</summary>
    public void Forward(int count, bool training, long[] ticks)
    {
        (_pass.Count, _pass.Training) = (count, training);
        Run(ticks, CancellationToken.None);
    }

    /// <summary>Backward pass that adds each op's ticks to <paramref name="ticks"/>.</summary>
    public void Backward(long[] ticks)
    {
        for (var i = Ops.Length - 1; i >= 0; i--)
        {
            var start = Stopwatch.GetTimestamp();
            Backward(i);
            ticks[i] += Stopwatch.GetTimestamp() - start;
        }
    }

    /// <summary>One op's backward pass, unless nothing up to it is trained.</summary>
    void Backward(int op)
    {
        if (Ops[op].Output.Gradient is not null)
            Ops[op].Backward(_pass);
    }

    /// <summary>Repeats the last forward pass op by op and names the first layer whose output is not finite; null where all are.</summary>
    public string? FirstNotFinite(int count)
    {
        foreach (var op in Ops)
        {
            op.Forward(_pass);
            if (!AllFinite(op.Output.Rows(count)))
                return $"the output of layer {op.Name}";
        }

        return null;
    }

    static long Shared(ImmutableArray<LayerOp> ops) => ops.Sum(op => op.SharedLength) * sizeof(float);

    public static bool AllFinite(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var op in Ops)
            op.Detach();
        _arena.Dispose();
        Gradients?.Dispose();
    }
}
