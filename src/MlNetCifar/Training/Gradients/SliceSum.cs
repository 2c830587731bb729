using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>What some neighbouring slices of a batch give together: their gradients, how they move the running statistics, and their figures.</summary>
/// <param name="gradients">Floats of the gradients.</param>
/// <param name="statistics">Floats of the running statistics.</param>
/// <param name="borrowed">Whose gradients these are, without a copy, until others are computed there; null for floats of its own.</param>
internal sealed class SliceSum(int gradients, int statistics, WeightGradients? borrowed = null) : IDisposable
{
    readonly Arena _values = borrowed?.Memory ?? new((long)gradients + statistics);

    /// <summary>Whether the gradients are those of a network, without a copy.</summary>
    public bool IsBorrowed => borrowed is not null;

    /// <summary>The first slice.</summary>
    public int First { get; set; }

    /// <summary>Slices.</summary>
    public int Count { get; set; }

    /// <summary>Σ wᵢ·lossᵢ / (pictures of the batch).</summary>
    public double Loss { get; set; }

    /// <summary>Σ wᵢ.</summary>
    public double Weight { get; set; }

    /// <summary>Pictures whose most probable class was the label.</summary>
    public int Correct { get; set; }

    /// <summary>Gradients of <see cref="Loss"/>, then Σ (pictures of the slice)·(statistics after it − before).</summary>
    public Span<float> Values => _values.Span(0, gradients + statistics);

    /// <summary>The gradients.</summary>
    public Span<float> Gradients => _values.Span(0, gradients);

    /// <summary>How the running statistics move.</summary>
    public Span<float> Statistics => _values.Span(gradients, statistics);

    /// <summary>Adds some floats of what the slices behind these give, and rounds what comes of the gradients.</summary>
    public void Add(SliceSum next, int first, int end, WorkerPool pool, GradientFormat format)
    {
        var sum = Values[first..end];
        Elementwise.Add(sum, next.Values[first..end], sum, SimdLevel.Active, pool);
        Round(first, end, format);
    }

    /// <summary>Rounds the gradients among some floats.</summary>
    public void Round(int first, int end, GradientFormat format) => GradientCodec.Round(Gradients[Math.Min(first, gradients)..Math.Min(end, gradients)], format);

    /// <summary>Takes the figures of the slices behind these.</summary>
    public void Include(SliceSum next)
    {
        Count += next.Count;
        Loss += next.Loss;
        Weight += next.Weight;
        Correct += next.Correct;
    }

    public void Dispose()
    {
        if (!IsBorrowed)
            _values.Dispose();
    }
}

/// <summary>
/// Sums slices in one order, whoever computes how many of them: a binary tree over the slices' numbers, whose left half is the largest power of two that leaves something to the right.
/// Neighbours are added as soon as they are two halves of one node, so that whoever has some slices in a row holds, sends and receives a few nodes and no more. After the first batch nothing is allocated.
/// </summary>
/// <param name="gradients">Floats of the gradients.</param>
/// <param name="statistics">Floats of the running statistics.</param>
/// <param name="pool">Threads that add.</param>
/// <param name="format">How the gradients of every node are rounded.</param>
internal sealed class SliceTree(int gradients, int statistics, WorkerPool pool, GradientFormat format = GradientFormat.F32) : IDisposable
{
    readonly List<SliceSum> _nodes = [];
    readonly Stack<SliceSum> _free = [];
    readonly List<SliceSum> _all = [];

    /// <summary>What was opened last, and the nodes in front that it is added to, the next one first.</summary>
    readonly List<SliceSum> _open = [];

    /// <summary>What has been pushed: whole nodes of the tree, in order.</summary>
    public IReadOnlyList<SliceSum> Nodes => _nodes;

    /// <summary>Floats of a node.</summary>
    public int Length => gradients + statistics;

    /// <summary>How the gradients of every node are rounded.</summary>
    public GradientFormat Format => format;

    /// <summary>Bytes of the nodes that summing up so many slices takes in one process.</summary>
    /// <param name="gradients">Floats of the gradients.</param>
    /// <param name="statistics">Floats of the running statistics.</param>
    /// <param name="slices">Their number.</param>
    /// <param name="borrows">Whether every other slice is added from where it was computed.</param>
    public static long Bytes(int gradients, int statistics, int slices, bool borrows) =>
        slices <= 1 ? 0 : ((borrows ? 1L : 2L) + System.Numerics.BitOperations.Log2((uint)slices - 1)) * (gradients + statistics) * sizeof(float);

    /// <summary>Whether a slice that comes next is added to the one in front at once, so that it needs no floats of its own.</summary>
    public bool AddsAtOnce(int slice) => slice % 2 == 1 && _nodes is [.., { Count: 1 } left] && left.First == slice - 1;

    /// <summary>A node to fill. May be called from any thread.</summary>
    public SliceSum Rent()
    {
        lock (_free)
        {
            if (_free.TryPop(out var sum))
                return sum;
            sum = new SliceSum(gradients, statistics);
            _all.Add(sum);
            return sum;
        }
    }

    /// <summary>Gives a node back. May be called from any thread.</summary>
    public void Return(SliceSum sum)
    {
        if (sum.IsBorrowed)
            return;
        lock (_free)
            _free.Push(sum);
    }

    /// <summary>Takes the next node.</summary>
    /// <param name="next">Begins where the last one ends.</param>
    public void Push(SliceSum next)
    {
        Open(next);
        Complete(0, Length);
        Close();
    }

    /// <summary>Takes the next node, whose figures are there, and whose floats will be: those of <see cref="Nodes"/> are what they should be when all have been named by <see cref="Complete"/>, and <see cref="Close"/> called.</summary>
    /// <param name="next">Begins where the last one ends.</param>
    public void Open(SliceSum next)
    {
        System.Diagnostics.Debug.Assert(_nodes.Count == 0 || _nodes[^1].First + _nodes[^1].Count == next.First, "Nodes come in order.");
        _nodes.Add(next);
        _open.Add(next);
        while (_nodes is [.., var left, var right] && left.Count == right.Count && left.First % (2 * left.Count) == 0)
        {
            left.Include(right);
            _nodes.RemoveAt(_nodes.Count - 1);
            _open.Add(left);
        }
    }

    /// <summary>Some floats of what was opened are there.</summary>
    public void Complete(int first, int end)
    {
        _open[0].Round(first, end, format);
        for (var i = 1; i < _open.Count; i++)
            _open[i].Add(_open[i - 1], first, end, pool, format);
    }

    /// <summary>All of them are.</summary>
    public void Close()
    {
        for (var i = 0; i < _open.Count - 1; i++)
            Return(_open[i]);
        _open.Clear();
    }

    /// <summary>The sum of all that was pushed; valid until <see cref="Clear"/>.</summary>
    public SliceSum Root()
    {
        while (_nodes is [.., var left, var right])
            Join(left, right);
        return _nodes[0];
    }

    /// <summary>Begins another batch.</summary>
    public void Clear()
    {
        Close();
        foreach (var node in _nodes)
            Return(node);
        _nodes.Clear();
    }

    public void Dispose()
    {
        lock (_free)
            _all.ForEach(sum => sum.Dispose());
    }

    void Join(SliceSum left, SliceSum right)
    {
        left.Include(right);
        left.Add(right, 0, Length, pool, format);
        _nodes.RemoveAt(_nodes.Count - 1);
        Return(right);
    }
}
