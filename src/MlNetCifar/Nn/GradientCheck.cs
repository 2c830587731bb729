using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Where a layer's two passes agree least.</summary>
/// <param name="LargestError">
/// |computed − expected| over the largest of both and the mean size of that tensor's gradient. A right backward pass gives less than 0.01, mostly much less;
/// infinity where the layer breaks another rule, which <paramref name="Where"/> tells.
/// </param>
/// <param name="Where">The element, for example <c>weight[3, 1], in training</c>, or the rule.</param>
/// <param name="Computed">The backward pass's answer there.</param>
/// <param name="Expected">The forward pass's difference quotient there.</param>
public sealed record GradientCheckResult(double LargestError, string Where, double Computed, double Expected)
{
    /// <summary>All of it in one line.</summary>
    public override string ToString() => FormattableString.Invariant($"largest error {LargestError:G3} at {Where}: computed {Computed:G6}, expected {Expected:G6}");
}

/// <summary>
/// Compares a layer's backward pass with difference quotients of its forward pass, for the input and every trained parameter, in training and in use: to be called from
/// the tests of a layer. Also finds results and gradients that are not overwritten, images that influence each other where the layer says they do not, and
/// parameters' gradients that change when nobody asks for the input's.
/// </summary>
public static class GradientCheck
{
    /// <summary>Checks one layer alone.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="input">Shape of its input; small, a few images: the forward pass runs many times.</param>
    /// <param name="seed">Of the input, of the parameters and of random layers.</param>
    /// <exception cref="MlNetCifarException">The layer does not fit the input, or declares something impossible (MNC2001, MNC2002, MNC2008).</exception>
    public static GradientCheckResult Run(LayerSpec layer, Shape input, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentOutOfRangeException.ThrowIfLessThan(input.N, 1);
        var results = new List<GradientCheckResult>();
        foreach (var training in new[] { true, false })
        {
            using var run = new LayerRun(layer, input, seed, training);
            results.Add(run.Rules() ?? run.Compare());
        }

        return results.MaxBy(result => result.LargestError)!;
    }
}

/// <summary>One layer behind a layer that does nothing, whose result stands for the input.</summary>
internal sealed class LayerRun : IDisposable
{
    /// <summary>Elements a tensor; more are drawn.</summary>
    const int Samples = 200;
    const long Step = 3;

    /// <summary>Values are multiples of this, and so are the distances, so that floats hold them exactly.</summary>
    const float Grain = 1f / 4096;

    static readonly float[] s_distances = [1f / 16, 1f / 64, 1f / 512];

    readonly LayerSpec _layer;
    readonly Shape _input;
    readonly ulong _seed;
    readonly bool _training;
    readonly NetworkWeights _weights;
    readonly WorkerPool _pool = new(2);
    readonly Network _network;
    readonly float[] _x;
    readonly float[] _direction;

    public LayerRun(LayerSpec layer, Shape input, ulong seed, bool training)
    {
        (_layer, _input, _seed, _training) = (layer, input, seed, training);
        var spec = new NetworkSpec { Name = layer.Kind, Height = input.H, Width = input.W, Channels = input.C, Classes = 1, Layers = [new Scale(1), layer] };
        _weights = new NetworkWeights(spec, new LayerResolver().Resolve(spec.Layers, spec.InputShape(1)));
        _weights.Initialize(seed);
        var random = new SplitRandom(seed, RandomPurpose.Initialize, ulong.MaxValue);
        foreach (var tensor in _weights.Tensors.Where(t => t.Spec.IsTrained))
            Disturb(tensor, ref random);
        _weights.Changed();
        _network = Compile(keep: true);
        _x = Draw(input.Length, 1.5f, ref random);
        _direction = Draw(_network.Logits(input.N).Length, 1, ref random);
    }

    /// <summary>What can be seen without difference quotients: null where all is well.</summary>
    public GradientCheckResult? Rules()
    {
        _network.Logits(_input.N).Fill(float.NaN);
        var y = Forward(_network, _x, _input.N).ToArray();
        return Missing(y, "the result") ?? Missing(Backward(_network), "the input's gradient") ?? Apart(y) ?? Alone();
    }

    /// <summary>The largest error of all elements.</summary>
    public GradientCheckResult Compare()
    {
        Forward(_network, _x, _input.N);
        var inputGradient = Backward(_network);
        var trained = _weights.Tensors.Where(t => t.Spec.IsTrained).ToArray();
        var gradients = trained.Select(t => _network.Gradients!.Of(t).ToArray()).Prepend(inputGradient).ToArray();
        var least = 0.01 * gradients.Max(Size);
        var results = new List<GradientCheckResult>();
        for (var i = 0; i < gradients.Length; i++)
        {
            int[] dimensions = i == 0 ? [_input.N, _input.H, _input.W, _input.C] : trained[i - 1].Dimensions.ToArray();
            var name = i == 0 ? "input" : trained[i - 1].Spec.Name;
            var scale = Math.Max(Size(gradients[i]), Math.Max(least, 1e-6));
            foreach (var at in Elements(gradients[i].Length))
            {
                ref var value = ref (i == 0 ? _x : trained[i - 1].Values)[at];
                results.Add(Compare(ref value, gradients[i][at], scale, $"{name}[{string.Join(", ", Indices(at, dimensions))}]{Mode}"));
            }
        }

        return results.MaxBy(r => r.LargestError)!;
    }

    public void Dispose()
    {
        _network.Dispose();
        _weights.Dispose();
        _pool.Dispose();
    }

    string Mode => _training ? ", in training" : ", in use";

    /// <summary>Central and one-sided quotients: of those the nearest, since at a kink any of them may be meant, and near one only some are right.</summary>
    GradientCheckResult Compare(ref float value, double computed, double scale, string where)
    {
        var center = value;
        var (nearest, middle) = (double.PositiveInfinity, Objective());
        foreach (var h in s_distances)
        {
            double Shifted(ref float value, int steps)
            {
                value = center + (steps * h);
                return Objective();
            }

            double below2 = Shifted(ref value, -2), below = Shifted(ref value, -1), above = Shifted(ref value, 1), above2 = Shifted(ref value, 2);
            double[] quotients =
            [
                ((8 * (above - below)) - (above2 - below2)) / (12 * h), ((4 * above) - (3 * middle) - above2) / (2 * h), ((3 * middle) - (4 * below) + below2) / (2 * h),
            ];
            nearest = quotients.Append(nearest).MinBy(q => Math.Abs(q - computed));
        }

        value = center;
        _weights.Changed();
        return new GradientCheckResult(Math.Abs(computed - nearest) / Math.Max(scale, Math.Max(Math.Abs(computed), Math.Abs(nearest))), where, computed, nearest);
    }

    GradientCheckResult? Missing(float[] values, string what) =>
        Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var at ? Broken($"{what}'s element {at}, which is not written or not finite") : null;

    /// <summary>Images that are computed in calls of their own must give what they give together.</summary>
    GradientCheckResult? Apart(float[] y)
    {
        using var apart = Compile(keep: true, blocks: _input.N);
        return Forward(apart, _x, _input.N).SequenceEqual(y) ? null : Broken("an image whose result depends on the others although IsPerImage is true");
    }

    /// <summary>Without anything trained before it, the layer gets no place for the input's gradient.</summary>
    GradientCheckResult? Alone()
    {
        Forward(_network, _x, _input.N);
        Backward(_network);
        using var alone = Compile(keep: false);
        if (alone.Ops[^1].Output.Gradient is null)
            return null;
        Forward(alone, _x, _input.N);
        _direction.CopyTo(alone.Ops[^1].Output.GradientRows(_input.N));
        alone.Backward();
        return alone.Gradients!.All.SequenceEqual(_network.Gradients!.All) ? null : Broken("the parameters' gradients, which change where the input's is not asked for");
    }

    double Objective()
    {
        _weights.Changed();
        var y = Forward(_network, _x, _input.N);
        var sum = 0.0;
        for (var i = 0; i < y.Length; i++)
            sum += (double)y[i] * _direction[i];
        return sum;
    }

    Span<float> Forward(Network network, ReadOnlySpan<float> x, int count)
    {
        x.CopyTo(network.Input(count));
        network.Forward(count, _training, _seed, Step);
        return network.Logits(count);
    }

    float[] Backward(Network network)
    {
        var gradient = new float[_input.Length];
        network.Ops[0].Output.GradientRows(_input.N).Fill(float.NaN);
        network.ProbeGradient(_input.N, _direction, gradient);
        return gradient;
    }

    /// <summary>In one block, so that a call has several images; nothing shares memory, so that what is not written shows.</summary>
    /// <remarks>An empty list keeps nothing, but unlike null it lets convolutions choose the same algorithms, and so the same last bits.</remarks>
    Network Compile(bool keep, int blocks = 1) =>
        new(_weights, _input.N, training: true, _pool, keep: keep ? [_weights.Nodes[0].Position] : [], blocks: blocks, apart: true);

    GradientCheckResult Broken(string rule) => new(double.PositiveInfinity, rule + Mode, double.NaN, double.NaN);

    static double Size(float[] gradient) => Math.Sqrt(gradient.Average(g => (double)g * g));

    static IEnumerable<int> Elements(int length)
    {
        // A stride that shares no divisor with the length would do; a prime rarely does.
        var stride = length <= Samples ? 1 : 7919;
        return Enumerable.Range(0, Math.Min(length, Samples)).Select(i => (int)((long)i * stride % length)).Distinct();
    }

    static IEnumerable<int> Indices(int at, int[] dimensions)
    {
        var indices = new int[dimensions.Length];
        for (var d = dimensions.Length - 1; d >= 0; d--)
            (at, indices[d]) = Math.DivRem(at, dimensions[d]);
        return indices;
    }

    /// <summary>Gains about 1 and biases about 0 rather than at it, everything in grains.</summary>
    static void Disturb(WeightTensor tensor, ref SplitRandom random)
    {
        var spread = tensor.Role == ParameterRole.Weight ? 0 : 0.3f;
        foreach (ref var value in tensor.Values)
            value = Round(value + (spread * ((2 * random.NextSingle()) - 1)));
    }

    static float[] Draw(int length, float bound, ref SplitRandom random)
    {
        var values = new float[length];
        foreach (ref var value in values.AsSpan())
            value = Round(bound * ((2 * random.NextSingle()) - 1));
        return values;
    }

    static float Round(float value) => MathF.Round(value / Grain) * Grain;
}
