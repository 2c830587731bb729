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

/// <summary>[N, H, W, C] → [N, 1, 1, H·W·C]; the elements stay where they are.</summary>
public sealed record Flatten : LayerSpec
{
    /// <inheritdoc/>
    public override string Kind => "flatten";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => new(input.N, 1, 1, input.ImageLength);

    /// <inheritdoc/>
    public override double Flops(Shape input) => 0;
}
