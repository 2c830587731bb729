using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>y = body(x) + shortcut(x); an empty shortcut is the identity. Both must give the same shape.</summary>
/// <param name="Body">Layers of the main path, at least one.</param>
/// <param name="Shortcut">Layers of the other path, for example a 1×1 convolution that changes the channels.</param>
public sealed record Residual(ImmutableArray<LayerSpec> Body, ImmutableArray<LayerSpec> Shortcut) : LayerSpec
{
    /// <summary>A residual block with the identity as its shortcut.</summary>
    /// <param name="body">Layers of the main path.</param>
    public Residual(params ReadOnlySpan<LayerSpec> body)
        : this([.. body], [])
    {
    }

    /// <inheritdoc/>
    public override string Kind => "residual";

    /// <inheritdoc/>
    public override string Details => Shortcut.IsEmpty ? "identity shortcut" : "projected shortcut";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Body.IsEmpty)
            throw NetworkErrors.Option(Kind, "an empty body", "at least one layer");
        var body = Body.Aggregate(input, (shape, layer) => layer.OutputShape(shape));
        var shortcut = Shortcut.Aggregate(input, (shape, layer) => layer.OutputShape(shape));
        return body == shortcut
            ? body
            : throw NetworkErrors.Shape(Kind, $"body {body} and shortcut {shortcut}", "equal shapes; project the shortcut with a 1×1 convolution");
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => Sum(Body, input) + Sum(Shortcut, input) + OutputShape(input).ImageLength;

    /// <inheritdoc/>
    public bool Equals(Residual? other) =>
        other is not null && Body.SequenceEqual(other.Body) && Shortcut.SequenceEqual(other.Shortcut);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Body.Length, Shortcut.Length, Kind);

    static double Sum(ImmutableArray<LayerSpec> layers, Shape input)
    {
        var flops = 0.0;
        foreach (var layer in layers)
        {
            flops += layer.Flops(input);
            input = layer.OutputShape(input);
        }

        return flops;
    }
}

/// <summary>Where a residual block begins: both paths read the same data; backward, their gradients are added.</summary>
internal sealed class ForkOp : LayerOp
{
    /// <summary>What the shortcut reads.</summary>
    public required Value Second { get; init; }

    public override void Forward(Pass pass)
    {
    }

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is not null)
            Elementwise.Add(
                Output.GradientRows(pass.Count), Second.GradientRows(pass.Count), Input.GradientRows(pass.Count), pass.Width, pass.Pool);
    }
}

/// <summary>Where a residual block ends: the sum, and backward a copy of the gradient for the second path.</summary>
internal sealed class AddOp : LayerOp
{
    /// <summary>The shortcut's result.</summary>
    public required Value Second { get; init; }

    public override void Forward(Pass pass) =>
        Elementwise.Add(Input.Rows(pass.Count), Second.Rows(pass.Count), Output.Rows(pass.Count), pass.Width, pass.Pool);

    public override void Backward(Pass pass)
    {
        if (Second.Gradient is not null)
            Output.GradientRows(pass.Count).CopyTo(Second.GradientRows(pass.Count));
    }
}
