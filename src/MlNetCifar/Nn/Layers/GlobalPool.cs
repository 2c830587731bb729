using System.Runtime.CompilerServices;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Pooling over the whole picture: [N, H, W, C] → [N, 1, 1, C].</summary>
/// <param name="Pool">What is taken of each channel.</param>
public sealed record GlobalPool(PoolKind Pool) : LayerSpec
{
    /// <inheritdoc/>
    public override string Kind => Pool == PoolKind.Max ? "global_max_pool" : "global_average_pool";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => input with { H = 1, W = 1 };

    /// <inheritdoc/>
    public override double Flops(Shape input) => input.ImageLength;

    [ModuleInitializer]
    internal static void Register()
    {
        LayerRegistry.Register("global_max_pool", _ => new GlobalPool(PoolKind.Max));
        LayerRegistry.Register("global_average_pool", _ => new GlobalPool(PoolKind.Average));
    }

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) =>
        graph.Add(node, Pool == PoolKind.Max ? "GlobalMaxPool" : "GlobalAveragePool", [graph.Picture(node, input)]);

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input) => PoolOp.Emit(compiler, node, input, Geometry(input.Shape), Pool);

    internal static PoolShape Geometry(Shape input) => new(input.N, input.H, input.W, input.C, input.H, input.W, 1, 0);
}
