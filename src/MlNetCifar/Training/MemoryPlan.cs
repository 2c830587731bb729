using System.Globalization;
using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>One thing that takes memory in a run.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Bytes">How much it takes.</param>
internal readonly record struct MemoryPart(string Name, long Bytes);

/// <summary>How a run fits into a given memory: what it takes in all, and the options that fit.</summary>
/// <param name="Options">The options asked for, with a smaller batch where that was needed.</param>
/// <param name="Limit">Bytes allowed.</param>
/// <param name="Parts">What takes them, largest first.</param>
internal sealed record MemoryPlan(TrainingOptions Options, long Limit, IReadOnlyList<MemoryPart> Parts)
{
    const double Mebi = 1 << 20;

    /// <summary>Batches a loader keeps.</summary>
    const int Ring = 3;

    /// <summary>Code that is compiled and objects that are made once training runs, measured with the presets on .NET 10.</summary>
    const long Runtime = 30L << 20;

    /// <summary>Bytes in all.</summary>
    public long Total => Parts.Sum(p => p.Bytes);

    /// <summary>The plan in one line.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture, $"batch {Options.BatchSize}; {Total / Mebi:0} of {Limit / Mebi:0} MiB: {string.Join(", ", Parts.Select(p => $"{p.Name} {(p.Bytes / Mebi).ToString("0", CultureInfo.InvariantCulture)}"))}");

    /// <summary>Plans: the batch asked for, or the largest half, quarter and so on of it that fits.</summary>
    /// <param name="network">What is trained.</param>
    /// <param name="options">How; checked.</param>
    /// <param name="train">The training images, opened: what they take already counts as taken.</param>
    /// <param name="validation">The validation images, or null.</param>
    /// <param name="limit">Bytes of the process, &gt; 0.</param>
    /// <param name="checkpoints">Whether the run is saved, which takes a copy of its state.</param>
    /// <param name="distillation">A teacher, or null.</param>
    /// <exception cref="MlNetCifarException">Not even a batch of one image fits (MNC3019).</exception>
    public static MemoryPlan Fit(NetworkSpec network, TrainingOptions options, ImageSource train, ImageSource? validation, long limit, bool checkpoints = true, Distillation? distillation = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        using var weights = new NetworkWeights(network);
        var groups = new GroupPlan(options, weights);

        // A run that thaws layers has several phases, of which the largest counts.
        var phases = groups.Phases().Select(epoch => new WeightGradients(weights, groups.Frozen(epoch))).ToArray();
        using var pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount);
        var now = Environment.WorkingSet;
        try
        {
            for (var batch = options.BatchSize; ; batch /= 2)
            {
                var parts = phases.Select(phase => Estimate(phase, Math.Min(batch, train.Count))).MaxBy(parts => parts.Sum(p => p.Bytes))!;
                var plan = new MemoryPlan(options with { BatchSize = batch, Slices = Math.Min(options.Slices, batch) }, limit, parts);
                if (plan.Total <= limit)
                    return plan;
                if (batch / 2 < (options.IsAveraged ? 2 : 1))
                    throw TrainingErrors.MemoryTooSmall(limit, plan.Total, plan.Summary);
            }
        }
        finally
        {
            foreach (var phase in phases)
                phase.Dispose();
        }

        MemoryPart[] Estimate(WeightGradients gradients, int batch)
        {
            var block = (weights.Parameters.Length + (long)weights.Statistics.Length) * sizeof(float);
            var average = options.KeepsAverage ? 1 : 0;
            var moments = weights.Tensors.Where(gradients.Has).Sum(t => Arena.Align(t.Length) * UpdateRule.MomentsOf(groups.Of(t).Settings.Rule)) * sizeof(float);

            // Trained and best, which the result takes over; with checkpoints once more what the next step depends on.
            var copies = ((2 + average + (checkpoints ? 1 + average : 0)) * block) + (gradients.All.Length * sizeof(float)) + ((checkpoints ? 2 : 1) * moments);
            var buffers = (long)Ring * batch * train.ImageLength * sizeof(float) * ((validation is null ? 1 : 2) + (options.SwaStart is null ? 0 : 1));
            var slices = Math.Min(options.Slices, batch);
            var slice = new Slicing(batch, slices).Largest;

            // What is summed up of a model is all that it begins with, which is noted once more.
            var sum = options.IsAveraged ? weights.Parameters.Length + (int)(moments / sizeof(float)) : gradients.All.Length;
            var noted = options.DistributedMode != DistributedMode.Synchronous ? block + moments : 0;
            // Slices that wait for one another are all there at once, each with gradients of its own.
            var side = options.SyncBatchNorm ? slices : 1;
            var passes = (side * Network.Plan(weights, slice, gradients, pool)) + ((side - 1L) * gradients.All.Length * sizeof(float)) + (average == 0 ? 0 : Network.Plan(weights, slice, null, pool))
                + SliceTree.Bytes(sum, weights.Statistics.Length, slices, borrows: !options.SyncBatchNorm && !options.IsAveraged) + noted;
            MemoryPart[] parts =
            [
                new("program and data", now + Runtime), new("activations", passes), new("weights and state", copies), new("batches", buffers),
                new("order", 2L * sizeof(int) * train.Count),
                .. distillation is null ? [] : (MemoryPart[])[new("teacher", Taught(distillation.Teacher.Weights, slice))],
            ];
            return [.. parts.OrderByDescending(p => p.Bytes)];
        }

        // A copy for pixels scaled otherwise, and its activations; what was read already counts as taken.
        long Taught(NetworkWeights teacher, int batch) =>
            ((teacher.Parameters.Length + (long)teacher.Statistics.Length) * sizeof(float)) + Network.Plan(teacher, batch, null, pool);
    }
}
