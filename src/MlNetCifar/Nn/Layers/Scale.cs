using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

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

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json) => json.WriteNumber("factor", Factor);

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("scale", json => new Scale(json.Real("factor")));

    internal override Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => flattenedFrom;

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => graph.Add(node, "Mul", [input, graph.Number(Factor)]);

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input) => compiler.Add(
        new ScaleOp(Factor) { Name = node.Position, Input = input, Output = compiler.Result(node, input, input.Shape, forward: true, backward: true) });
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
