using System.Runtime.CompilerServices;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>[N, H, W, C] → [N, 1, 1, H·W·C]; the elements stay where they are.</summary>
public sealed record Flatten : LayerSpec
{
    /// <inheritdoc/>
    public override string Kind => "flatten";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => new(input.N, 1, 1, input.ImageLength);

    /// <inheritdoc/>
    public override double Flops(Shape input) => 0;

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("flatten", _ => new Flatten());

    internal override Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => input is { H: 1, W: 1 } ? null : input;

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => graph.Flat(node, input);

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input) =>
        new(node.Output.WithBatch(compiler.BatchSize), input.Data) { Gradient = input.Gradient, ReadOnly = input.ReadOnly };
}
