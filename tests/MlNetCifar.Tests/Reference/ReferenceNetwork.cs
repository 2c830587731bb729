using System.Collections.Immutable;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Reference;

/// <summary>A whole network in double precision, layer by layer with fresh arrays: no fusion, no plan, nothing in place.</summary>
/// <param name="weights">Names the layers; the values come from <paramref name="values"/>.</param>
/// <param name="values">Tensor name → values, in our layout.</param>
/// <param name="training">Whether batch statistics and dropout apply.</param>
/// <param name="seed">Of dropout.</param>
/// <param name="step">Of dropout.</param>
/// <param name="frozen">Names of running statistics that are used in training too.</param>
internal sealed class ReferenceNetwork(
    NetworkWeights weights, Func<string, double[]> values, bool training, ulong seed = 0, long step = 0, IReadOnlySet<string>? frozen = null)
{
    int _dropouts;

    /// <summary>The logits of a batch.</summary>
    public double[] Logits(double[] x, int count)
    {
        _dropouts = 0;
        return Run(weights.Nodes, x, count);
    }

    double[] Run(ImmutableArray<LayerNode> nodes, double[] x, int count) => nodes.Aggregate(x, (value, node) => Run(node, value, count));

    double[] Run(LayerNode node, double[] x, int count)
    {
        switch (node.Layer)
        {
            case Conv2d layer:
                return Convolution(layer.Geometry(node.Input.WithBatch(count)), x, node);
            case Linear layer:
                return Convolution(ConvShape.Dense(count, node.Input.C, layer.Units), x, node);
            case BatchNorm layer:
                return Normalization(layer, x, node);
            case Activation layer:
                return [.. x.Select(v => ReferenceLayers.Activate(layer.Function, layer.Slope, v))];
            case Scale layer:
                return [.. x.Select(v => v * layer.Factor)];
            case MlNetCifar.Nn.Dropout layer:
                return layer.Rate == 0 || !training ? x : [.. x.Zip(Mask(layer.Rate, x.Length), (v, m) => v * m)];
            case Flatten:
                return x;
            case Pool2d layer:
                return ReferenceLayers.Pool(layer.Geometry(node.Input), layer.Pool, count, x).Y;
            case GlobalPool layer:
                return ReferenceLayers.Pool(GlobalPool.Geometry(node.Input), layer.Pool, count, x).Y;
            case Ensemble layer:
                return ReferenceLayers.Ensemble([.. node.Paths.Select(path => Run(path, x, count))], [.. layer.Members.Select(member => (double)member.Weight)], node.Output.C);
            default:
                var body = Run(node.Paths[0], x, count);
                return [.. body.Zip(Run(node.Paths[1], x, count), (a, b) => a + b)];
        }
    }

    double[] Convolution(ConvShape g, double[] x, LayerNode node)
    {
        var f = values($"{node.WeightName}.weight");
        var bias = weights.Find($"{node.WeightName}.bias") is null ? new double[g.K] : values($"{node.WeightName}.bias");
        var y = new double[g.OutputLength];
        for (var at = 0; at < y.Length; at++)
        {
            int k = at % g.K, q = at / g.K % g.Q, p = at / g.K / g.Q % g.P, n = at / g.K / g.Q / g.P;
            var sum = bias[k];
            for (var r = 0; r < g.R; r++)
                for (var s = 0; s < g.S; s++)
                {
                    int h = (p * g.Stride) + r - g.PadTop, w = (q * g.Stride) + s - g.PadLeft;
                    if (h < 0 || h >= g.H || w < 0 || w >= g.W)
                        continue;
                    for (var c = 0; c < g.C; c++)
                        sum += x[(((((n * g.H) + h) * g.W) + w) * g.C) + c] * f[(((((r * g.S) + s) * g.C) + c) * g.K) + k];
                }

            y[at] = sum;
        }

        return y;
    }

    double[] Normalization(BatchNorm layer, double[] x, LayerNode node)
    {
        double[] gamma = values($"{node.WeightName}.weight"), beta = values($"{node.WeightName}.bias");
        if (training && frozen?.Contains($"{node.WeightName}.running_mean") != true)
            return ReferenceLayers.BatchNorm(x, gamma, beta, layer.Epsilon);
        double[] mean = values($"{node.WeightName}.running_mean"), variance = values($"{node.WeightName}.running_var");
        var channels = gamma.Length;
        return [.. x.Select((v, i) => (gamma[i % channels] * (v - mean[i % channels]) / Math.Sqrt(variance[i % channels] + layer.Epsilon)) + beta[i % channels])];
    }

    /// <summary>The mask is random, not a formula: it is taken from the kernel, which has tests of its own.</summary>
    double[] Mask(float rate, int length)
    {
        using var pool = new WorkerPool(1);
        var ones = new float[length];
        Array.Fill(ones, 1);
        MlNetCifar.Numerics.Dropout.Apply(rate, seed, _dropouts++, step, ones, ones, pool);
        return [.. ones.Select(v => (double)v)];
    }
}
