using System.Text.Json;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.CustomLayers;

/// <summary>
/// Group normalisation (Wu and He 2018): within each image, the elements of each group of neighbouring channels get mean 0 and variance 1; then y = γ · x̂ + β.
/// </summary>
/// <param name="Groups">Number of groups, a divisor of the channels.</param>
public sealed record GroupNorm(int Groups) : CustomLayer
{
    /// <summary>ε, added to the variance, &gt; 0. The default is 1e-5.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override string Kind => "group_norm";

    /// <inheritdoc/>
    public override string WeightPrefix => "gn";

    /// <inheritdoc/>
    public override string Details => $"{Groups} groups";

    /// <summary>To be called once before a file is read that holds the layer.</summary>
    public static void Register() =>
        LayerRegistry.Register("group_norm", json => new GroupNorm(json.Int("groups")) { Epsilon = json.Real("epsilon", 1e-5f) });

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("groups", Groups);
        json.WriteNumber("epsilon", Epsilon);
    }

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Groups < 1 || !(Epsilon > 0))
            throw WrongOption($"groups {Groups}, epsilon {Epsilon}", "groups at least 1, epsilon above 0");
        return input.C % Groups == 0 ? input : throw WrongInput(input, $"a multiple of {Groups} channels");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters(Shape input) =>
    [
        new("weight", [input.C], ParameterRole.Gain, Initializer.Ones),
        new("bias", [input.C], ParameterRole.Bias, Initializer.Zeros),
    ];

    /// <summary>Mean and 1/√(σ² + ε) of each group.</summary>
    protected override int SavedLength(Shape input) => input.N * Groups * 2;

    /// <inheritdoc/>
    protected override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
    {
        ReadOnlySpan<float> gain = pass.Parameter("weight"), bias = pass.Parameter("bias");
        var (image, channels, size) = (pass.Input.ImageLength, pass.Input.C, pass.Input.C / Groups);
        for (var part = 0; part < pass.Input.N * Groups; part++)
        {
            var (n, group) = Math.DivRem(part, Groups);
            var (first, end) = ((n * image) + (group * size), (n + 1) * image);
            double sum = 0, squares = 0;
            for (var pixel = first; pixel < end; pixel += channels)
            {
                foreach (double value in x.Slice(pixel, size))
                    (sum, squares) = (sum + value, squares + (value * value));
            }

            var mean = sum * Groups / image;
            var inverse = 1 / Math.Sqrt((squares * Groups / image) - (mean * mean) + Epsilon);
            (pass.Saved[2 * part], pass.Saved[(2 * part) + 1]) = ((float)mean, (float)inverse);
            for (var pixel = first; pixel < end; pixel += channels)
                for (var c = 0; c < size; c++)
                    y[pixel + c] = (gain[(group * size) + c] * (float)((x[pixel + c] - mean) * inverse)) + bias[(group * size) + c];
        }
    }

    /// <inheritdoc/>
    protected override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
    {
        var gain = pass.Parameter("weight");
        Span<float> gradGain = pass.Gradient("weight"), gradBias = pass.Gradient("bias");
        var (image, channels, size) = (pass.Input.ImageLength, pass.Input.C, pass.Input.C / Groups);
        for (var part = 0; part < pass.Input.N * Groups; part++)
        {
            var (n, group) = Math.DivRem(part, Groups);
            var (first, end) = ((n * image) + (group * size), (n + 1) * image);
            var (mean, inverse) = (pass.Saved[2 * part], pass.Saved[(2 * part) + 1]);
            double sum = 0, product = 0;
            for (var pixel = first; pixel < end; pixel += channels)
                for (var c = 0; c < size; c++)
                {
                    var (channel, normal, gradient) = ((group * size) + c, (x[pixel + c] - mean) * inverse, gradY[pixel + c]);
                    gradGain[channel] += gradient * normal;
                    gradBias[channel] += gradient;
                    sum += gradient * gain[channel];
                    product += gradient * gain[channel] * normal;
                }

            // Nobody asks for the input's gradient where nothing before the layer is trained.
            for (var pixel = first; pixel < end && !gradX.IsEmpty; pixel += channels)
                for (var c = 0; c < size; c++)
                {
                    var normal = (x[pixel + c] - mean) * inverse;
                    gradX[pixel + c] = inverse * (float)((gradY[pixel + c] * gain[(group * size) + c]) - ((sum + (normal * product)) * Groups / image));
                }
        }
    }
}
