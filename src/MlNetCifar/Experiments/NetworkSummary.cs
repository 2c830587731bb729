using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>What one layer costs.</summary>
/// <param name="Name">Its place in the network.</param>
/// <param name="Details">Its hyper-parameters, for people.</param>
/// <param name="Output">Shape of its output, height×width×channels.</param>
/// <param name="Parameters">Numbers that are trained.</param>
/// <param name="Flops">Operations forward, of one image.</param>
/// <param name="Algorithm">How it is computed here; may be empty.</param>
public sealed record LayerSummary(string Name, string Details, string Output, long Parameters, double Flops, string Algorithm);

/// <summary>What a network costs.</summary>
/// <param name="Network">The network.</param>
/// <param name="Layers">Its layers, those within residual blocks among them.</param>
/// <param name="Parameters">Numbers that are trained.</param>
/// <param name="PlannedBytes">Activations and scratch memory of training.</param>
/// <param name="TrainingBytes">All memory of training: the same with weights, gradients and the optimizer's state.</param>
/// <param name="InferenceBytes">All memory of use.</param>
/// <param name="ImagesPerSecond">Measured speed of training; null where it was not measured.</param>
public sealed record NetworkSummary(
    NetworkSpec Network, IReadOnlyList<LayerSummary> Layers, long Parameters, long PlannedBytes, long TrainingBytes, long InferenceBytes, double? ImagesPerSecond)
{
    const double MeasuredSeconds = 2;

    /// <summary>Describes a network by compiling it.</summary>
    /// <param name="network">The network.</param>
    /// <param name="options">Batch size, optimizer and threads.</param>
    /// <param name="measure">Whether to time it, for two seconds.</param>
    /// <exception cref="MlNetCifarException">The network is none (MNC20xx).</exception>
    public static NetworkSummary Of(NetworkSpec network, TrainingOptions options, bool measure)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        using var weights = new NetworkWeights(network);
        using var pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount);
        using var training = new Network(weights, options.BatchSize, training: true, pool);
        using var inference = new Network(weights, options.BatchSize, training: false, pool);
        var algorithms = training.Ops.GroupBy(op => op.Name).ToDictionary(g => g.Key, g => string.Join("; ", g.Select(op => op.Algorithm).Where(a => a.Length > 0)));
        var parameters = weights.Tensors.Where(t => t.Role != ParameterRole.Statistic).GroupBy(t => t.Node.Position).ToDictionary(g => g.Key, g => g.Sum(t => (long)t.Length));
        var layers = weights.Nodes.SelectMany(node => node.Flat()).Select(node => new LayerSummary(
            node.Position, node.Layer.Details, $"{node.Output.H}×{node.Output.W}×{node.Output.C}", parameters.GetValueOrDefault(node.Position),
            node.OwnFlops, algorithms.GetValueOrDefault(node.Position, "")));

        // Weights, their gradients, and the optimizer's moments.
        var copies = options.Optimizer == OptimizerKind.Sgd ? 3 : 4;
        var bytes = 4L * weights.ParameterCount;
        return new NetworkSummary(
            network, [.. layers], weights.ParameterCount, training.PlannedBytes, training.PlannedBytes + (copies * bytes), inference.PlannedBytes + bytes,
            measure ? NetworkBenchmark.Train(network, options, MeasuredSeconds).ImagesPerSecond : null);
    }
}
