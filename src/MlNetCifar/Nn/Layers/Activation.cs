using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Element-wise functions between layers.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x for x &gt; 0, else slope · x.</summary>
    LeakyRelu,

    /// <summary>x · Φ(x), Φ the normal distribution function (the exact form, not the tanh approximation).</summary>
    Gelu,

    /// <summary>x / (1 + e⁻ˣ), also called swish.</summary>
    Silu,

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,
}

/// <summary>An element-wise function.</summary>
/// <param name="Function">Which one.</param>
public sealed record Activation(ActivationKind Function) : LayerSpec
{
    /// <summary>Slope of <see cref="ActivationKind.LeakyRelu"/> below zero, 0 … 1. The default is 0.01.</summary>
    public float Slope { get; init; } = 0.01f;

    /// <inheritdoc/>
    public override string Kind => "activation";

    /// <inheritdoc/>
    public override string Details => Function switch
    {
        ActivationKind.LeakyRelu => $"leaky ReLU {Slope}",
        ActivationKind.Relu => "ReLU",
        ActivationKind.Gelu => "GELU",
        ActivationKind.Silu => "SiLU",
        _ => Function.ToString().ToLowerInvariant(),
    };

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) =>
        Slope is >= 0 and <= 1 ? input : throw NetworkErrors.Option(Kind, $"slope {Slope}", "0 … 1");

    /// <inheritdoc/>
    public override double Flops(Shape input) => input.ImageLength;

    internal Activations.Function Kernel => Function switch
    {
        ActivationKind.Relu => Activations.Relu,
        ActivationKind.LeakyRelu => Activations.LeakyRelu,
        ActivationKind.Gelu => Activations.Gelu,
        ActivationKind.Silu => Activations.Silu,
        ActivationKind.Sigmoid => Activations.Sigmoid,
        _ => Activations.Tanh,
    };
}

/// <summary>Element-wise function.</summary>
internal sealed class ActivationOp(Activations.Function function, float slope) : LayerOp
{
    public override bool BackwardReadsInput => function.BackwardNeedsInput;

    public override bool BackwardReadsOutput => !function.BackwardNeedsInput;

    public override void Forward(Pass pass) =>
        Activations.Forward(function, slope, Input.Rows(pass.Count), Output.Rows(pass.Count), pass.Width, pass.Pool);

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is null)
            return;
        var saved = BackwardReadsInput ? Input.Rows(pass.Count) : Output.Rows(pass.Count);
        Activations.Backward(function, slope, saved, Output.GradientRows(pass.Count), Input.GradientRows(pass.Count), pass.Width, pass.Pool);
    }
}

/// <summary>Multiplication by a constant, such as the scaled head of some recipes.</summary>
/// <param name="Factor">The constant; finite, not 0.</param>
public sealed record Scale(float Factor) : LayerSpec
{
    /// <inheritdoc/>
    public override string Kind => "scale";

    /// <inheritdoc/>
    public override string Details => FormattableString.Invariant($"× {Factor:G4}");

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) =>
        float.IsFinite(Factor) && Factor != 0 ? input : throw NetworkErrors.Option(Kind, $"factor {Factor}", "a finite number other than 0");

    /// <inheritdoc/>
    public override double Flops(Shape input) => input.ImageLength;
}

/// <summary>Multiplication by a constant.</summary>
internal sealed class ScaleOp(float factor) : LayerOp
{
    public override void Forward(Pass pass) =>
        Elementwise.Scale(factor, Input.Rows(pass.Count), Output.Rows(pass.Count), pass.Width, pass.Pool);

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is not null)
            Elementwise.Scale(factor, Output.GradientRows(pass.Count), Input.GradientRows(pass.Count), pass.Width, pass.Pool);
    }
}
