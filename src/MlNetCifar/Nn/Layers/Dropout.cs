using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Inverted dropout: in training each element is zeroed with probability <paramref name="Rate"/>, else divided by 1 − rate; in use nothing happens.</summary>
/// <param name="Rate">0 ≤ rate &lt; 1.</param>
public sealed record Dropout(float Rate) : LayerSpec
{
    /// <inheritdoc/>
    public override string Kind => "dropout";

    /// <inheritdoc/>
    public override string Details => FormattableString.Invariant($"{Rate:0.##}");

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) =>
        Rate is >= 0 and < 1 ? input : throw NetworkErrors.Option(Kind, $"rate {Rate}", "0 ≤ rate < 1");

    /// <inheritdoc/>
    public override double Flops(Shape input) => 0;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json) => json.WriteNumber("rate", Rate);

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("dropout", json => new Dropout(json.Real("rate")));

    internal override Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => flattenedFrom;

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => input;

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        if (Rate == 0)
            return input;
        var output = compiler.Result(node, input, input.Shape, forward: true, backward: true);
        return compiler.Add(new DropoutOp(Rate, compiler.NextStream()) { Name = node.Position, Input = input, Output = output });
    }
}

/// <summary>Inverted dropout.</summary>
internal sealed class DropoutOp(float rate, int index) : LayerOp
{
    public override void Forward(Pass pass)
    {
        var x = Input.Rows(pass.Count);
        var y = Output.Rows(pass.Count);
        if (pass.Training)
            Numerics.Dropout.Apply(rate, pass.Seed, index, pass.Step, x, y, pass.Pool);
        else if (Input.Data != Output.Data)
            x.CopyTo(y);
    }

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is null)
            return;
        var gradY = Output.GradientRows(pass.Count);
        if (pass.Training)
            Numerics.Dropout.Apply(rate, pass.Seed, index, pass.Step, gradY, Input.GradientRows(pass.Count), pass.Pool);
        else if (Input.Gradient != Output.Gradient)
            gradY.CopyTo(Input.GradientRows(pass.Count));
    }
}
