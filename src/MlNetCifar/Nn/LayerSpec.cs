using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// One layer of a network description: hyper-parameters, shape inference and the shapes of its parameters. Immutable; holds no weights.
/// What <c>summary</c>, the model file and the exporters read.
/// </summary>
public abstract record LayerSpec
{
    private protected LayerSpec()
    {
    }

    /// <summary>The kind in the JSON description, for example <c>conv2d</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>Prefix of the layer's name in weight files, for example <c>conv</c>; null for layers without parameters.</summary>
    internal virtual string? WeightPrefix => null;

    /// <summary>The hyper-parameters in words, for <c>summary</c>.</summary>
    public virtual string Details => "";

    /// <summary>Shape of the result.</summary>
    /// <param name="input">Shape of the input.</param>
    /// <exception cref="MlNetCifarException">The input does not fit (MNC2001) or an option is out of range (MNC2002).</exception>
    public abstract Shape OutputShape(Shape input);

    /// <summary>Parameters and running statistics, in the order of the weight file.</summary>
    /// <param name="input">Shape of the input.</param>
    internal virtual IReadOnlyList<ParameterSpec> Parameters(Shape input) => [];

    /// <summary>Floating-point operations of the forward pass for one image: two per multiply-add by the direct method, one per comparison or addition.</summary>
    /// <param name="input">Shape of the input.</param>
    public abstract double Flops(Shape input);
}

/// <summary>What a tensor of the weights is for; decides decay and training.</summary>
public enum ParameterRole
{
    /// <summary>Filter or matrix: trained, decayed.</summary>
    Weight,

    /// <summary>Added: trained, not decayed.</summary>
    Bias,

    /// <summary>Multiplied channel by channel: trained, not decayed.</summary>
    Gain,

    /// <summary>A running statistic: saved, not trained.</summary>
    Statistic,

    /// <summary>A filter that keeps its first values: saved, not trained.</summary>
    Frozen,
}

/// <summary>One tensor of a layer, before it has memory.</summary>
/// <param name="Name">Last part of its name in weight files: <c>weight</c>, <c>bias</c>, <c>running_mean</c>, <c>running_var</c>.</param>
/// <param name="Dimensions">[R, S, C, K] of a filter, [C, K] of a matrix, [C] of a vector.</param>
/// <param name="Role">What it is for.</param>
/// <param name="Initializer">Its first values.</param>
internal sealed record ParameterSpec(string Name, int[] Dimensions, ParameterRole Role, Initializer Initializer)
{
    /// <summary>Whether it has a gradient.</summary>
    public bool IsTrained => Role is not (ParameterRole.Statistic or ParameterRole.Frozen);

    /// <summary>Number of elements.</summary>
    public int Length => Dimensions.Aggregate(1, (a, b) => checked(a * b));
}
