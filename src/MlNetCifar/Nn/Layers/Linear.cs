using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Dense layer: y[n,k] = b[k] + Σ x[n,c] · w[c,k]. The input must be flat: [N, 1, 1, C].</summary>
/// <param name="Units">Outputs, ≥ 1.</param>
public sealed record Linear(int Units) : LayerSpec
{
    /// <summary>Whether a bias is added. The default is true.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>First values of the matrix. The default is <see cref="Initializer.HeNormal"/>.</summary>
    public Initializer Initializer { get; init; } = Initializer.HeNormal;

    /// <inheritdoc/>
    public override string Kind => "linear";

    internal override string? WeightPrefix => "fc";

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

    internal override IReadOnlyList<ParameterSpec> Parameters(Shape input)
    {
        var matrix = new ParameterSpec("weight", [input.C, Units], ParameterRole.Weight, Initializer);
        return Bias ? [matrix, new("bias", [Units], ParameterRole.Bias, Initializer.Zeros)] : [matrix];
    }
}
