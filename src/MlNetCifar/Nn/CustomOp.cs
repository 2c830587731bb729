using System.Runtime.ExceptionServices;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// A layer from outside. The batch is cut into blocks of images by its size alone; each block has gradients of its own, which are added in the order of the blocks.
/// </summary>
internal sealed class CustomOp : LayerOp
{
    /// <summary>Blocks of a large batch: more would only make the sums longer.</summary>
    public const int UsualBlocks = 64;

    /// <summary>Floats that the blocks' gradients may take.</summary>
    const int MostGradients = 1 << 22;

    readonly int _mostBlocks;
    readonly WeightTensor[] _tensors;
    readonly int[] _offsets;
    readonly bool[] _trained;
    readonly int _gradientLength;
    readonly int _savedLength;
    readonly int _scratchStart;
    readonly int _scratchLength;
    readonly WeightGradients? _gradients;
    readonly PlannedBuffer _saved;
    readonly PlannedBuffer _workspace;
    readonly Lock _failureLock = new();
    (int Block, ExceptionDispatchInfo Fault)? _failure;

    public CustomOp(CustomLayer layer, LayerNode node, NetworkCompiler compiler, Shape input)
    {
        Layer = layer;
        Stream = compiler.NextStream();
        _gradients = compiler.Gradients;
        _tensors = [.. node.Parameters.Select(p => compiler.Tensor(node, p.Name))];
        _trained = [.. _tensors.Select(compiler.IsTrained)];
        HasFrozenStatistics = _tensors.Any(t => t.Role == ParameterRole.Statistic && compiler.IsFrozen(t));
        _offsets = new int[_tensors.Length];
        for (var i = 0; i < _tensors.Length; i++)
        {
            _offsets[i] = _gradientLength;
            _gradientLength += _tensors[i].Spec.IsTrained ? (int)Arena.Align(_tensors[i].Length) : 0;
        }

        // The same blocks in both passes, so that what one saves the other finds.
        _mostBlocks = compiler.Training ? Math.Clamp(MostGradients / Slot, 1, compiler.MostBlocks) : compiler.MostBlocks;
        _savedLength = Length(layer.SavedLength(layer.IsPerImage ? input.WithBatch(1) : input), nameof(layer.SavedLength));
        _scratchLength = (int)Arena.Align(Length(layer.ScratchLength(input.WithBatch(PerBlock(input.N))), nameof(layer.ScratchLength)));
        _saved = compiler.Saved(node, layer.IsPerImage ? (long)_savedLength * input.N : _savedLength);

        // A smaller batch may have more blocks than the largest: 64 images one each, 65 images two each.
        _scratchStart = compiler.Training ? Math.Min(input.N, _mostBlocks) * Slot : 0;
        _workspace = compiler.Workspace(_scratchStart + ((long)compiler.Threads * _scratchLength));

        int Length(int length, string what) => length >= 0 ? length : throw NetworkErrors.Declaration(node.Position, $"{what} {length}", "at least 0");
    }

    public CustomLayer Layer { get; }

    /// <summary>Whether its running statistics are the same in every pass.</summary>
    public bool HasFrozenStatistics { get; }

    /// <summary>Number of its random numbers.</summary>
    public int Stream { get; }

    public override bool BackwardReadsInput => Layer.BackwardReadsInput;

    public override bool BackwardReadsOutput => Layer.BackwardReadsOutput;

    public override string Algorithm => Layer.IsPerImage ? "custom, image by image" : "custom, one thread";

    /// <summary>Floats of one block's gradients. At least one, so that a block of a layer without parameters has some.</summary>
    int Slot => Math.Max(_gradientLength, Arena.Alignment);

    public override void Forward(Pass pass) => Run(pass, backward: false);

    public override void Backward(Pass pass)
    {
        var blocks = Blocks(pass.Count);
        _workspace.Span(blocks * Slot).Clear();
        Run(pass, backward: true);
        for (var i = 0; i < _tensors.Length; i++)
        {
            if (!_trained[i])
                continue;
            var sum = _gradients!.Of(_tensors[i]);
            _workspace.Span().Slice(_offsets[i], sum.Length).CopyTo(sum);
            for (var block = 1; block < blocks; block++)
                Elementwise.Add(sum, _workspace.Span().Slice((block * Slot) + _offsets[i], sum.Length), sum, pass.Width, pass.Pool);
        }
    }

    public WeightTensor Tensor(string name) => _tensors[Index(name, _ => true, "parameter")];

    public Span<float> Statistic(string name) => _tensors[Index(name, t => t.Role == ParameterRole.Statistic, "statistic")].Values;

    public Span<float> Gradient(string name, Span<float> block)
    {
        var i = Index(name, t => t.Spec.IsTrained, "parameter that could be trained");
        return block.Slice(_offsets[i], _tensors[i].Length);
    }

    int Index(string name, Func<WeightTensor, bool> fits, string what)
    {
        for (var i = 0; i < _tensors.Length; i++)
        {
            if (_tensors[i].Spec.Name == name && fits(_tensors[i]))
                return i;
        }

        throw new ArgumentException($"Layer {Name} declares no {what} '{name}'.", nameof(name));
    }

    int Blocks(int count) => (count + PerBlock(count) - 1) / PerBlock(count);

    int PerBlock(int count) => Layer.IsPerImage ? (count + _mostBlocks - 1) / _mostBlocks : count;

    void Run(Pass pass, bool backward)
    {
        var job = new Job { Op = this, Pass = pass, Backward = backward };
        pass.Pool.Run(ref job, Blocks(pass.Count));
        if (_failure is not var (_, fault))
            return;
        _failure = null;
        fault.Throw();
    }

    void Run(Pass pass, bool backward, int block, int worker)
    {
        var per = PerBlock(pass.Count);
        var first = block * per;
        var count = Math.Min(per, pass.Count - first);
        var saved = Layer.IsPerImage ? _saved.Span().Slice(first * _savedLength, count * _savedLength) : _saved.Span();
        var scratch = _workspace.Span().Slice(_scratchStart + (worker * _scratchLength), _scratchLength);
        var call = new LayerPass(this, pass, first, count, saved, scratch, backward ? _workspace.Span().Slice(block * Slot, Slot) : []);
        if (backward)
            Layer.Backward(
                call, BackwardReadsInput ? Rows(Input, first, count) : [], BackwardReadsOutput ? Rows(Output, first, count) : [], GradientRows(Output, first, count),
                Input.Gradient is null ? [] : GradientRows(Input, first, count));
        else
            Layer.Forward(call, Rows(Input, first, count), Rows(Output, first, count));
    }

    void Fail(int block, Exception exception)
    {
        // Whichever thread is first, the fault of the first block is the one that is told.
        lock (_failureLock)
        {
            if (_failure is not var (other, _) || block < other)
                _failure = (block, ExceptionDispatchInfo.Capture(exception));
        }
    }

    static Span<float> Rows(Value value, int first, int count) => value.Rows(first + count)[(first * value.Shape.ImageLength)..];

    static Span<float> GradientRows(Value value, int first, int count) => value.GradientRows(first + count)[(first * value.Shape.ImageLength)..];

    struct Job : IParallelJob
    {
        public CustomOp Op;
        public Pass Pass;
        public bool Backward;

        public readonly void Execute(int block, int worker)
        {
            try
            {
                Op.Run(Pass, Backward, block, worker);
            }
            catch (Exception e)
            {
                Op.Fail(block, e);
            }
        }
    }
}
