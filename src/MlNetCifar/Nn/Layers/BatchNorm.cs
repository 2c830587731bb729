using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// Batch normalisation over N, H and W: y = γ · (x − μ)/√(σ² + ε) + β; in training with the batch's mean and (biased) variance, in use with running ones.
/// </summary>
public sealed record BatchNorm : LayerSpec
{
    static readonly BatchNorm s_default = new();

    /// <summary>ε, added to the variance, &gt; 0. The default is 1e-5.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <summary>Share of the batch's statistics in the running ones after each step, 0 … 1. The default is 0.1.</summary>
    public float Momentum { get; init; } = 0.1f;

    /// <summary>Whether γ is trained; else it stays 1. The default is true.</summary>
    public bool Scale { get; init; } = true;

    /// <inheritdoc/>
    public override string Kind => "batch_norm";

    /// <inheritdoc/>
    public override string? WeightPrefix => "bn";

    /// <inheritdoc/>
    public override string Details => Scale ? "" : "no scale";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) =>
        Epsilon > 0 && float.IsFinite(Epsilon) && Momentum is >= 0 and <= 1
            ? input
            : throw NetworkErrors.Option(Kind, $"epsilon {Epsilon}, momentum {Momentum}", "epsilon above 0, momentum in 0 … 1");

    /// <inheritdoc/>
    public override double Flops(Shape input) => 2.0 * input.ImageLength;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters(Shape input)
    {
        return
        [
            Vector("weight", Scale ? ParameterRole.Gain : ParameterRole.Statistic, Initializer.Ones),
            Vector("bias", ParameterRole.Bias, Initializer.Zeros),
            Vector("running_mean", ParameterRole.Statistic, Initializer.Zeros),
            Vector("running_var", ParameterRole.Statistic, Initializer.Ones),
        ];

        ParameterSpec Vector(string name, ParameterRole role, Initializer initializer) => new(name, [input.C], role, initializer) { FollowsInput = true };
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("epsilon", Epsilon);
        json.WriteNumber("momentum", Momentum);
        json.WriteBoolean("scale", Scale);
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("batch_norm", json => new BatchNorm
    {
        Epsilon = json.Real("epsilon", s_default.Epsilon), Momentum = json.Real("momentum", s_default.Momentum), Scale = json.Flag("scale", s_default.Scale),
    });

    internal override Shape? FlattenedFrom(Shape input, Shape? flattenedFrom) => flattenedFrom;

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => graph.Add(
        node, "BatchNormalization",
        [input, graph.Weight(node, "weight"), graph.Weight(node, "bias"), graph.Weight(node, "running_mean"), graph.Weight(node, "running_var")],
        ("epsilon", Epsilon), ("momentum", 1 - Momentum));

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var relu = Activation.TakeRelu(compiler);
        var channels = input.Shape.C;
        var tensors = BatchNormWeights.Of(compiler, node);
        var gamma = compiler.IsTrained(tensors.Gamma);
        var beta = compiler.IsTrained(tensors.Beta);
        var trained = gamma || beta || input.Gradient is not null;

        // What is not trained still needs a place for its gradient, which nobody reads.
        var saved = compiler.Saved(node, (beta ? 5 : 6) * channels);
        var workspace = compiler.Workspace(BatchNormalization.WorkspaceLength(input.Shape.Length / channels, channels));

        // The input is read again backward; the gradient may be rewritten where it stands.
        var output = trained
            ? compiler.Trained(node, input, input.Shape, input.Gradient)
            : compiler.Result(node, input, input.Shape, forward: true, backward: true);
        return compiler.Add(new BatchNormOp(this, tensors, relu, saved, workspace)
        {
            Name = node.Position, Input = input, Output = output, Gradients = compiler.Gradients, TrainsGamma = gamma, TrainsBeta = beta,
            IsFrozen = compiler.IsFrozen(tensors.Mean), Flops = Flops(node.Input),
        });
    }

    /// <summary>Takes along a batch normalisation that follows a layer whose weights can absorb its running statistics: where nothing of both is trained.</summary>
    /// <param name="compiler">Stands at it.</param>
    /// <param name="node">The layer before it.</param>
    /// <param name="positive">Whether its scale must be surely positive.</param>
    internal static LayerNode? TakeFolded(NetworkCompiler compiler, LayerNode node, bool positive = false) =>
        compiler.IsFrozen(node) && compiler.Next is { } next && compiler.IsFrozen(next) ? compiler.Take<BatchNorm>(norm => !positive || !norm.Scale) : null;
}

/// <summary>The tensors of one batch normalisation.</summary>
internal sealed record BatchNormWeights(WeightTensor Gamma, WeightTensor Beta, WeightTensor Mean, WeightTensor Variance)
{
    public static BatchNormWeights Of(NetworkCompiler compiler, LayerNode node) => new(
        compiler.Tensor(node, "weight"), compiler.Tensor(node, "bias"), compiler.Tensor(node, "running_mean"), compiler.Tensor(node, "running_var"));
}

/// <summary>Batch normalisation, a following ReLU included.</summary>
internal sealed class BatchNormOp(BatchNorm spec, BatchNormWeights weights, bool relu, PlannedBuffer saved, PlannedBuffer workspace) : LayerOp, IBatchWide
{
    public override bool BackwardReadsInput => true;

    public WeightGradients? Gradients { get; init; }

    public bool TrainsGamma { get; init; }

    public bool TrainsBeta { get; init; }

    /// <summary>Whether the running statistics are used in training too, and left alone.</summary>
    public bool IsFrozen { get; init; }

    public bool IsWide => !IsFrozen;

    public int Sums => 2 * Channels;

    int Channels => Input.Shape.C;

    /// <summary>Rows of a picture.</summary>
    int Area => Input.Shape.H * Input.Shape.W;

    Span<float> BatchMean => saved.Span()[..Channels];

    Span<float> InverseDeviation => saved.Span().Slice(Channels, Channels);

    public override void Forward(Pass pass)
    {
        if (pass.Training && !IsFrozen)
        {
            BatchNormalization.Statistics(Input.Rows(pass.Count), BatchMean, InverseDeviation, workspace.Span(), pass.Width, pass.Pool);
            UpdateRunning((long)pass.Count * Area);
        }
        else
        {
            weights.Mean.Values.CopyTo(BatchMean);
            weights.Variance.Values.CopyTo(InverseDeviation);
        }

        Normalise(pass);
    }

    public void ForwardSums(Pass pass, Span<double> sums) => BatchNormalization.Sums(Input.Rows(pass.Count), sums, workspace.Span(), pass.Width, pass.Pool);

    public void Forward(Pass pass, ReadOnlySpan<double> sums)
    {
        var rows = (long)pass.Whole * Area;
        BatchNormalization.Moments(sums, rows, BatchMean, InverseDeviation);
        if (pass.IsFirst)
            UpdateRunning(rows);
        Normalise(pass);
    }

    public override void Backward(Pass pass)
    {
        var gradY = Output.GradientRows(pass.Count);
        BatchNormalization.Backward(
            Input.Rows(pass.Count), gradY, BatchMean, InverseDeviation, weights.Gamma.Values, Clamp, InputGradient(pass), GammaGradient, BetaGradient, workspace.Span(), pass.Width, pass.Pool,
            constant: IsFrozen || !pass.Training);
    }

    public void BackwardSums(Pass pass, Span<double> sums)
    {
        BatchNormalization.GradientSums(Input.Rows(pass.Count), Output.GradientRows(pass.Count), BatchMean, Clamp, sums, workspace.Span(), pass.Width, pass.Pool);
        BatchNormalization.Gradients(sums, InverseDeviation, GammaGradient, BetaGradient);
    }

    public void Backward(Pass pass, ReadOnlySpan<double> sums) => BatchNormalization.Gradient(
        Input.Rows(pass.Count), Output.GradientRows(pass.Count), BatchMean, InverseDeviation, weights.Gamma.Values, Clamp, sums, (long)pass.Whole * Area, InputGradient(pass), workspace.Span(),
        pass.Width, pass.Pool);

    Span<float> Clamp => relu ? saved.Span().Slice(2 * Channels, 2 * Channels) : [];

    Span<float> GammaGradient => TrainsGamma ? Gradients!.Of(weights.Gamma) : saved.Span().Slice(4 * Channels, Channels);

    Span<float> BetaGradient => TrainsBeta ? Gradients!.Of(weights.Beta) : saved.Span().Slice(5 * Channels, Channels);

    Span<float> InputGradient(Pass pass) => Input.Gradient is null ? Output.GradientRows(pass.Count) : Input.GradientRows(pass.Count);

    /// <summary>Normalises by mean and variance.</summary>
    void Normalise(Pass pass)
    {
        Span<float> mean = BatchMean, inverse = InverseDeviation;
        var scale = saved.Span().Slice(2 * Channels, Channels);
        var shift = saved.Span().Slice(3 * Channels, Channels);
        Span<float> gamma = weights.Gamma.Values, beta = weights.Beta.Values;
        for (var c = 0; c < Channels; c++)
        {
            inverse[c] = 1 / MathF.Sqrt(inverse[c] + spec.Epsilon);
            scale[c] = gamma[c] * inverse[c];
            shift[c] = beta[c] - (mean[c] * scale[c]);
        }

        BatchNormalization.ScaleShift(Input.Rows(pass.Count), scale, shift, relu, Output.Rows(pass.Count), pass.Width, pass.Pool);
    }

    void UpdateRunning(long rows)
    {
        ReadOnlySpan<float> mean = BatchMean, variance = InverseDeviation;
        // The running variance is the unbiased estimate, as in PyTorch.
        var unbiased = rows > 1 ? (float)rows / (rows - 1) : 1;
        Span<float> runningMean = weights.Mean.Values, runningVariance = weights.Variance.Values;
        for (var c = 0; c < Channels; c++)
        {
            runningMean[c] += spec.Momentum * (mean[c] - runningMean[c]);
            runningVariance[c] += spec.Momentum * ((variance[c] * unbiased) - runningVariance[c]);
        }

        weights.Mean.Changed();
        weights.Variance.Changed();
    }
}
