using System.Runtime.CompilerServices;
using System.Text.Json;
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
    static readonly Activation s_default = new(ActivationKind.Relu);

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

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteString("function", Function.ToString());
        json.WriteNumber("slope", Slope);
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register(
        "activation", json => new Activation(json.Name<ActivationKind>("function")) { Slope = json.Real("slope", s_default.Slope) });

    internal override Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => flattenedFrom;

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => Function switch
    {
        ActivationKind.LeakyRelu => graph.Add(node, "LeakyRelu", [input], ("alpha", Slope)),
        ActivationKind.Silu => graph.Add(node, "Mul", [input, graph.Add(node, "Sigmoid", [input])]),
        ActivationKind.Gelu when graph.Opset >= 20 => graph.Add(node, "Gelu", [input]),
        ActivationKind.Gelu => ExportGelu(graph, node, input),
        _ => graph.Add(node, Function.ToString(), [input]),
    };

    /// <summary>x · (1 + erf(x ÷ √2)) ÷ 2.</summary>
    static string ExportGelu(IOperatorGraph graph, LayerNode node, string input)
    {
        var erf = graph.Add(node, "Erf", [graph.Add(node, "Div", [input, graph.Number(MathF.Sqrt(2))])]);
        return graph.Add(node, "Mul", [graph.Add(node, "Mul", [input, graph.Add(node, "Add", [erf, graph.Number(1)])]), graph.Number(0.5f)]);
    }

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var keepsInput = input.Gradient is not null && Kernel.BackwardNeedsInput;
        var output = compiler.Result(node, input, input.Shape, forward: !keepsInput, backward: true);
        return compiler.Add(new ActivationOp(Kernel, Slope) { Name = node.Position, Input = input, Output = output, Flops = Flops(node.Input) });
    }

    /// <summary>Takes a ReLU that follows along.</summary>
    internal static bool TakeRelu(NetworkCompiler compiler) => compiler.Take<Activation>(a => a.Function == ActivationKind.Relu) is not null;

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
