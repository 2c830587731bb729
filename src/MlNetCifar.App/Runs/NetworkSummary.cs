using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.App.Runs;

/// <summary>One layer as <c>summary</c> shows it.</summary>
internal sealed record LayerSummary(string Name, string Details, string Output, long Parameters, double Flops, string Algorithm);

/// <summary>What a network costs.</summary>
internal sealed record NetworkSummary(
    NetworkSpec Network, IReadOnlyList<LayerSummary> Layers, long Parameters, long PlannedBytes, long TrainingBytes, long InferenceBytes, double? ImagesPerSecond)
{
    const double MeasuredSeconds = 2;

    /// <summary>Describes a network by compiling it.</summary>
    /// <param name="network">The network.</param>
    /// <param name="options">Batch size, optimizer and threads.</param>
    /// <param name="measure">Whether to time it.</param>
    public static NetworkSummary Of(NetworkSpec network, TrainingOptions options, bool measure)
    {
        using var weights = NetworkWeights.Initialize(network, 0);
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
