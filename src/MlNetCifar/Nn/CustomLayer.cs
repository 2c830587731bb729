using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// A layer that is written outside of this library: a record of its hyper-parameters that says its shapes, its parameters, and how both passes compute.
/// It holds no state: parameters, gradients and memory come with each call. <see cref="GradientCheck"/> tells whether the two passes agree;
/// <see cref="LayerRegistry.Register"/> makes files that hold it readable.
/// </summary>
/// <remarks>
/// Layout is [N, H, W, C], channels fastest. Calls must not allocate where a training step is to allocate nothing. The methods of one instance are called by several
/// threads at once, each with images of its own.
/// </remarks>
public abstract record CustomLayer : LayerSpec
{
    /// <summary>Beginning of its tensors' names in weight files. The default is the kind.</summary>
    public override string? WeightPrefix => Kind;

    /// <summary>Operations of one image's forward pass. The default is one for each element of the result.</summary>
    /// <param name="input">Shape of the input.</param>
    public override double Flops(Shape input) => OutputShape(input).ImageLength;

    /// <summary>
    /// Whether an image's result depends on that image alone. The default is true: a batch is cut into blocks of images, which are computed in parallel, and the
    /// blocks' gradients are added in their order, so that the number of threads does not show. False for layers such as batch normalisation: one call has the
    /// whole batch, on one thread.
    /// </summary>
    protected internal virtual bool IsPerImage => true;

    /// <summary>Whether the backward pass reads the input. The default is true. What it does not read, it gets as an empty span.</summary>
    protected internal virtual bool BackwardReadsInput => true;

    /// <summary>Whether the backward pass reads the result. The default is false.</summary>
    protected internal virtual bool BackwardReadsOutput => false;

    /// <summary>Floats of <see cref="LayerPass.Saved"/>, which the forward pass leaves to the backward pass. The default is none.</summary>
    /// <param name="input">Shape of a call's input. Per-image layers are asked with N = 1 and get that much for each image.</param>
    protected internal virtual int SavedLength(Shape input) => 0;

    /// <summary>Floats of <see cref="LayerPass.Scratch"/>, memory for the length of one call. The default is none.</summary>
    /// <param name="input">Shape of a call's input.</param>
    protected internal virtual int ScratchLength(Shape input) => 0;

    /// <summary>Computes the result.</summary>
    /// <param name="pass">The call: shapes, parameters, memory, random numbers.</param>
    /// <param name="x">Input, <see cref="LayerPass.Input"/>.</param>
    /// <param name="y">Result, <see cref="LayerPass.Output"/>; every element must be overwritten.</param>
    protected internal abstract void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y);

    /// <summary>Computes gradients from the result's. Those of parameters are added to <see cref="LayerPass.Gradient"/>.</summary>
    /// <param name="pass">The call, for the same images as in the forward pass.</param>
    /// <param name="x">Input as in the forward pass; empty unless <see cref="BackwardReadsInput"/>.</param>
    /// <param name="y">Result of the forward pass; empty unless <see cref="BackwardReadsOutput"/>.</param>
    /// <param name="gradY">∂loss/∂y.</param>
    /// <param name="gradX">∂loss/∂x; every element must be overwritten. Empty where nothing before the layer is trained.</param>
    protected internal abstract void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX);

    /// <summary>The error of an input that does not fit (MNC2001), for <see cref="LayerSpec.OutputShape"/> to throw.</summary>
    /// <param name="input">The input.</param>
    /// <param name="expected">What it should be, to be read after "expected".</param>
    protected MlNetCifarException WrongInput(Shape input, string expected) => NetworkErrors.Shape(Kind, $"input {input}", expected);

    /// <summary>The error of a hyper-parameter that is out of range (MNC2002), for <see cref="LayerSpec.OutputShape"/> to throw.</summary>
    /// <param name="found">Its name and value.</param>
    /// <param name="expected">Its range.</param>
    protected MlNetCifarException WrongOption(string found, string expected) => NetworkErrors.Option(Kind, found, expected);

    internal sealed override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var output = compiler.Trained(node, input, node.Output.WithBatch(compiler.BatchSize));
        return compiler.Add(new CustomOp(this, node, compiler, input.Shape) { Name = node.Position, Input = input, Output = output, Flops = Flops(node.Input) });
    }
}
