using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What every op of one pass over the network shares.</summary>
internal sealed class Pass
{
    /// <summary>Threads.</summary>
    public required WorkerPool Pool { get; init; }

    /// <summary>Lane width of all kernels.</summary>
    public required SimdWidth Width { get; init; }

    /// <summary>Most blocks of images that a batch is cut into for layers from outside.</summary>
    public int MostBlocks { get; init; } = CustomOp.UsualBlocks;

    /// <summary>Images in this batch.</summary>
    public int Count { get; set; }

    /// <summary>Images of the whole batch, where this is a slice of it.</summary>
    public int Whole { get; set; }

    /// <summary>Whether this slice moves the running statistics for all of them.</summary>
    public bool IsFirst { get; set; }

    /// <summary>Whether batch statistics and dropout apply.</summary>
    public bool Training { get; set; }

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; set; }

    /// <summary>Optimizer step; dropout masks depend on it.</summary>
    public long Step { get; set; }
}

/// <summary>A tensor between two ops: its shape (N being the largest batch) and the planned memory of its data and its gradient.</summary>
internal sealed class Value(Shape shape, PlannedBuffer data)
{
    public Shape Shape { get; } = shape;

    public PlannedBuffer Data { get; } = data;

    /// <summary>∂loss/∂value; null where nothing before it is trained.</summary>
    public PlannedBuffer? Gradient { get; set; }

    /// <summary>Whether the buffer may not be overwritten by the op that reads it.</summary>
    public bool ReadOnly { get; init; }

    public Span<float> Rows(int count) => Data.Span(count * Shape.ImageLength);

    public Span<float> GradientRows(int count) => Gradient!.Span(count * Shape.ImageLength);
}

/// <summary>
/// A compiled layer, its memory planned. The backward pass reads <see cref="Output"/>'s gradient (and may destroy it), overwrites the gradients of
/// its trained parameters, and overwrites <see cref="Input"/>'s gradient where that exists. It is not called where the output has none.
/// </summary>
internal abstract class LayerOp
{
    /// <summary>Index and kind in words, for messages and profiles.</summary>
    public required string Name { get; init; }

    /// <summary>What it reads.</summary>
    public required Value Input { get; init; }

    /// <summary>What it writes.</summary>
    public required Value Output { get; init; }

    /// <summary>What it reads or writes besides: the other path where a residual block begins and ends. Null for none.</summary>
    public Value? Second { get; set; }

    /// <summary>What it reads besides, like <see cref="Input"/>: the other members where an ensemble ends.</summary>
    public Value[] Others { get; init; } = [];

    /// <summary>Whether the backward pass reads the input's data, and that of <see cref="Others"/>.</summary>
    public virtual bool BackwardReadsInput => false;

    /// <summary>Whether the backward pass reads the output's data.</summary>
    public virtual bool BackwardReadsOutput => false;

    /// <summary>How it is computed, for <c>summary</c>.</summary>
    public virtual string Algorithm => "";

    /// <summary>Direct-convolution flops of one image's forward pass that the op performs, for profiles.</summary>
    public double Flops { get; init; }

    /// <summary>Floats that <see cref="Attach"/> takes, unless another network of the same weights has them already.</summary>
    public virtual long SharedLength => 0;

    /// <summary>Takes what it shares with other networks of the same weights; before the first pass.</summary>
    public virtual void Attach()
    {
    }

    /// <summary>Gives it back.</summary>
    public virtual void Detach()
    {
    }

    public abstract void Forward(Pass pass);

    public abstract void Backward(Pass pass);
}

/// <summary>
/// An op that looks at a whole batch, of which its network has a slice: each of its passes sums up what is here first, and goes on when it has the sums over all slices. Without them it takes the slice for
/// the batch (<see cref="LayerOp.Forward"/>).
/// </summary>
internal interface IBatchWide
{
    /// <summary>Whether it does so in training.</summary>
    bool IsWide { get; }

    /// <summary>Doubles that are summed.</summary>
    int Sums { get; }

    /// <summary>Sums up for the forward pass.</summary>
    void ForwardSums(Pass pass, Span<double> sums);

    /// <summary>The forward pass.</summary>
    void Forward(Pass pass, ReadOnlySpan<double> sums);

    /// <summary>Sums up for the backward pass, and gives the gradients of parameters over the slice.</summary>
    void BackwardSums(Pass pass, Span<double> sums);

    /// <summary>The rest of the backward pass.</summary>
    void Backward(Pass pass, ReadOnlySpan<double> sums);
}
