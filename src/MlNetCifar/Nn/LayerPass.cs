using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>One call of a <see cref="CustomLayer"/>: some images of a batch, and what belongs to them.</summary>
public readonly ref struct LayerPass
{
    readonly CustomOp _op;
    readonly Pass _pass;
    readonly int _first;
    readonly Span<float> _gradients;

    internal LayerPass(CustomOp op, Pass pass, int first, int count, Span<float> saved, Span<float> scratch, Span<float> gradients)
    {
        (_op, _pass, _first) = (op, pass, first);
        (Input, Output) = (op.Input.Shape.WithBatch(count), op.Output.Shape.WithBatch(count));
        Saved = saved;
        Scratch = scratch;
        _gradients = gradients;
    }

    /// <summary>Shape of the input, N being the images of this call.</summary>
    public Shape Input { get; }

    /// <summary>Shape of the result, N being the images of this call.</summary>
    public Shape Output { get; }

    /// <summary>Whether this is a step of training; false where the network is used or explained, which may call the backward pass too.</summary>
    public bool Training => _pass.Training;

    /// <summary>What the forward pass leaves to the backward pass, as long as <see cref="CustomLayer.SavedLength"/> says.</summary>
    public Span<float> Saved { get; }

    /// <summary>Memory for this call, at least as long as <see cref="CustomLayer.ScratchLength"/> says; it holds anything at first.</summary>
    public Span<float> Scratch { get; }

    /// <summary>A parameter's values, in the order of its dimensions, the last fastest.</summary>
    /// <param name="name">Its <see cref="ParameterSpec.Name"/>.</param>
    /// <exception cref="ArgumentException">The layer declares none of that name.</exception>
    public ReadOnlySpan<float> Parameter(string name) => _op.Tensor(name).Values;

    /// <summary>A trained parameter's gradient over the images of this call, in the backward pass; 0 at first, to be added to.</summary>
    /// <param name="name">Its <see cref="ParameterSpec.Name"/>.</param>
    /// <exception cref="ArgumentException">The layer declares none of that name that could be trained.</exception>
    /// <exception cref="InvalidOperationException">This is a forward pass.</exception>
    public Span<float> Gradient(string name) =>
        _gradients.IsEmpty ? throw new InvalidOperationException("There are no gradients in a forward pass.") : _op.Gradient(name, _gradients);

    /// <summary>A running statistic, to be changed by the forward pass in training.</summary>
    /// <param name="name">Its <see cref="ParameterSpec.Name"/>.</param>
    /// <exception cref="ArgumentException">The layer declares no statistic of that name.</exception>
    /// <exception cref="InvalidOperationException">This is no step of training, or the layer is <see cref="CustomLayer.IsPerImage"/>: several threads would write at once.</exception>
    public Span<float> Statistic(string name) =>
        Training && !_op.Layer.IsPerImage ? _op.Statistic(name) : throw new InvalidOperationException("Statistics change in training only, and only where IsPerImage is false.");

    /// <summary>Random numbers of one image: the same ones in both passes, others in every step, image and layer. The number of threads does not matter.</summary>
    /// <param name="image">Index of the image in this call, from 0.</param>
    public LayerRandom Random(int image) =>
        new(new SplitRandom(_pass.Seed, RandomPurpose.Layer, (ulong)_pass.Step, ((ulong)_op.Stream << 32) | (uint)(_first + image)));
}

/// <summary>A stream of random numbers; each call gives the next.</summary>
public struct LayerRandom
{
    SplitRandom _random;

    internal LayerRandom(SplitRandom random) => _random = random;

    /// <summary>Uniform in [0, 1).</summary>
    public float NextSingle() => _random.NextSingle();

    /// <summary>Standard normal.</summary>
    public float NextGaussian() => (float)_random.NextGaussian();

    /// <summary>Uniform in 0 … <paramref name="exclusiveMax"/> − 1.</summary>
    /// <param name="exclusiveMax">≥ 1.</param>
    public int Next(int exclusiveMax) => _random.Next(exclusiveMax);
}
