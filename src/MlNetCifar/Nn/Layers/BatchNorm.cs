using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// Batch normalisation over N, H and W: y = γ · (x − μ)/√(σ² + ε) + β; in training with the batch's mean and (biased) variance, in use with running ones.
/// </summary>
public sealed record BatchNorm : LayerSpec
{
    /// <summary>ε, added to the variance, &gt; 0. The default is 1e-5.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <summary>Share of the batch's statistics in the running ones after each step, 0 … 1. The default is 0.1.</summary>
    public float Momentum { get; init; } = 0.1f;

    /// <summary>Whether γ is trained; else it stays 1. The default is true.</summary>
    public bool Scale { get; init; } = true;

    /// <inheritdoc/>
    public override string Kind => "batch_norm";

    internal override string? WeightPrefix => "bn";

    /// <inheritdoc/>
    public override string Details => Scale ? "" : "no scale";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) =>
        Epsilon > 0 && Momentum is >= 0 and <= 1
            ? input
            : throw NetworkErrors.Option(Kind, $"epsilon {Epsilon}, momentum {Momentum}", "epsilon above 0, momentum in 0 … 1");

    /// <inheritdoc/>
    public override double Flops(Shape input) => 2.0 * input.ImageLength;

    internal override IReadOnlyList<ParameterSpec> Parameters(Shape input) =>
    [
        new("weight", [input.C], Scale ? ParameterRole.Gain : ParameterRole.Statistic, Initializer.Ones),
        new("bias", [input.C], ParameterRole.Bias, Initializer.Zeros),
        new("running_mean", [input.C], ParameterRole.Statistic, Initializer.Zeros),
        new("running_var", [input.C], ParameterRole.Statistic, Initializer.Ones),
    ];
}

/// <summary>The tensors of one batch normalisation.</summary>
internal sealed record BatchNormWeights(WeightTensor Gamma, WeightTensor Beta, WeightTensor Mean, WeightTensor Variance);

/// <summary>Batch normalisation, a following ReLU included.</summary>
internal sealed class BatchNormOp(BatchNorm spec, BatchNormWeights weights, bool relu, PlannedBuffer saved, PlannedBuffer workspace) : LayerOp
{
    public override bool BackwardReadsInput => true;

    public WeightGradients? Gradients { get; init; }

    int Channels => Input.Shape.C;

    Span<float> BatchMean => saved.Span()[..Channels];

    Span<float> InverseDeviation => saved.Span().Slice(Channels, Channels);

    public override void Forward(Pass pass)
    {
        var x = Input.Rows(pass.Count);
        Span<float> mean = BatchMean, inverse = InverseDeviation;
        if (pass.Training)
        {
            BatchNormalization.Statistics(x, mean, inverse, workspace.Span(), pass.Width, pass.Pool);
            UpdateRunning(mean, inverse, x.Length / Channels);
        }
        else
        {
            weights.Mean.Values.CopyTo(mean);
            weights.Variance.Values.CopyTo(inverse);
        }

        var scale = saved.Span().Slice(2 * Channels, Channels);
        var shift = saved.Span().Slice(3 * Channels, Channels);
        Span<float> gamma = weights.Gamma.Values, beta = weights.Beta.Values;
        for (var c = 0; c < Channels; c++)
        {
            inverse[c] = 1 / MathF.Sqrt(inverse[c] + spec.Epsilon);
            scale[c] = gamma[c] * inverse[c];
            shift[c] = beta[c] - (mean[c] * scale[c]);
        }

        BatchNormalization.ScaleShift(x, scale, shift, relu, Output.Rows(pass.Count), pass.Width, pass.Pool);
    }

    public override void Backward(Pass pass)
    {
        var gradY = Output.GradientRows(pass.Count);
        var clamp = relu ? saved.Span().Slice(2 * Channels, 2 * Channels) : [];

        // γ without training still needs a place for its gradient, which nobody reads.
        var gradGamma = spec.Scale ? Gradients!.Of(weights.Gamma) : saved.Span().Slice(4 * Channels, Channels);
        BatchNormalization.Backward(
            Input.Rows(pass.Count), gradY, BatchMean, InverseDeviation, weights.Gamma.Values, clamp,
            Input.Gradient is null ? gradY : Input.GradientRows(pass.Count), gradGamma, Gradients!.Of(weights.Beta), workspace.Span(), pass.Width, pass.Pool,
            constant: !pass.Training);
    }

    void UpdateRunning(ReadOnlySpan<float> mean, ReadOnlySpan<float> variance, int rows)
    {
        // The running variance is the unbiased estimate, as in PyTorch.
        var unbiased = rows > 1 ? (float)rows / (rows - 1) : 1;
        Span<float> runningMean = weights.Mean.Values, runningVariance = weights.Variance.Values;
        for (var c = 0; c < Channels; c++)
        {
            runningMean[c] += spec.Momentum * (mean[c] - runningMean[c]);
            runningVariance[c] += spec.Momentum * ((variance[c] * unbiased) - runningVariance[c]);
        }
    }
}
