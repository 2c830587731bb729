using System.Text.Json;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.CustomLayers;

/// <summary>
/// Stochastic depth (Huang et al. 2016): at the end of a residual block's main path; in training an image's whole path is left out with probability
/// <paramref name="Rate"/>, else divided by 1 − rate; in use nothing happens.
/// </summary>
/// <param name="Rate">0 ≤ rate &lt; 1.</param>
public sealed record StochasticDepth(float Rate) : CustomLayer
{
    /// <inheritdoc/>
    public override string Kind => "stochastic_depth";

    /// <inheritdoc/>
    public override string Details => FormattableString.Invariant($"{Rate:0.##}");

    /// <inheritdoc/>
    protected override bool BackwardReadsInput => false;

    /// <summary>To be called once before a file is read that holds the layer.</summary>
    public static void Register() => LayerRegistry.Register("stochastic_depth", json => new StochasticDepth(json.Real("rate")));

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json) => json.WriteNumber("rate", Rate);

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input) => Rate is >= 0 and < 1 ? input : throw WrongOption($"rate {Rate}", "0 ≤ rate < 1");

    /// <inheritdoc/>
    protected override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y) => Apply(pass, x, y);

    /// <inheritdoc/>
    protected override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
    {
        if (!gradX.IsEmpty)
            Apply(pass, gradY, gradX);
    }

    void Apply(LayerPass pass, ReadOnlySpan<float> from, Span<float> to)
    {
        var length = pass.Input.ImageLength;
        for (var n = 0; n < pass.Input.N; n++)
        {
            // The random numbers of an image are the same in both passes.
            var factor = !pass.Training ? 1 : pass.Random(n).NextSingle() < Rate ? 0 : 1 / (1 - Rate);
            for (var i = n * length; i < (n + 1) * length; i++)
                to[i] = factor * from[i];
        }
    }
}
