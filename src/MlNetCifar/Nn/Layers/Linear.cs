using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Dense layer: y[n,k] = b[k] + Σ x[n,c] · w[c,k]. The input must be flat: [N, 1, 1, C].</summary>
/// <param name="Units">Outputs, ≥ 1.</param>
public sealed record Linear(int Units) : LayerSpec
{
    static readonly Linear s_default = new(1);

    /// <summary>Whether a bias is added. The default is true.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>First values of the matrix. The default is <see cref="Initializer.HeNormal"/>.</summary>
    public Initializer Initializer { get; init; } = Initializer.HeNormal;

    /// <inheritdoc/>
    public override string Kind => "linear";

    /// <inheritdoc/>
    public override string? WeightPrefix => "fc";

    /// <inheritdoc/>
    public override string Details => $"{Units} units{(Bias ? "" : ", no bias")}";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Units < 1)
            throw NetworkErrors.Option(Kind, $"{Units} units", "at least 1");
        return input is { H: 1, W: 1 }
            ? input with { C = Units }
            : throw NetworkErrors.Shape(Kind, $"input {input}", "a flat input [N, 1, 1, C]; put Flatten or a global pooling before it");
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => ConvShape.Dense(1, input.C, Units).Flops;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters(Shape input)
    {
        var matrix = new ParameterSpec("weight", [input.C, Units], ParameterRole.Weight, Initializer) { FollowsInput = true };
        return Bias ? [matrix, new("bias", [Units], ParameterRole.Bias, Initializer.Zeros)] : [matrix];
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("units", Units);
        json.WriteBoolean("bias", Bias);
        json.WriteString("initializer", Initializer.ToString());
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("linear", json => new Linear(json.Int("units"))
    {
        Bias = json.Flag("bias", s_default.Bias), Initializer = json.Name("initializer", s_default.Initializer),
    });

    internal override string Export(IOperatorGraph graph, LayerNode node, string input)
    {
        string[] inputs = [graph.Flat(node, input), graph.Weight(node, "weight")];
        return graph.Add(node, "Gemm", Bias ? [.. inputs, graph.Weight(node, "bias")] : inputs, ("transB", 1L));
    }

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var norm = BatchNorm.TakeFolded(compiler, node);
        var relu = Activation.TakeRelu(compiler);
        return ConvOp.Emit(compiler, node, input, compiler.Plan(node, input, ConvShape.Dense(compiler.BatchSize, input.Shape.C, Units)), norm, relu, null);
    }
}
