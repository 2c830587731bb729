using System.Globalization;
using MlNetCifar.Data;

namespace MlNetCifar.Benchmarks;

/// <summary>What a run by several processes costs, as measured or assumed.</summary>
/// <param name="Pictures">Of an epoch.</param>
/// <param name="Batch">Pictures of a batch.</param>
/// <param name="Slices">Slices of it.</param>
/// <param name="PictureSeconds">Forward and backward pass of one picture by one worker.</param>
/// <param name="UpdateSeconds">Summation and update of a step by the run.</param>
/// <param name="StateBytes">Weights and running statistics.</param>
/// <param name="BytesPerSecond">Of the run's link, in each direction.</param>
/// <param name="Latency">Seconds from one machine to another.</param>
internal sealed record WorkerCosts(int Pictures, int Batch, int Slices, double PictureSeconds, double UpdateSeconds, double StateBytes, double BytesPerSecond, double Latency)
{
    /// <summary>Bytes of gradients, as a share of those of the weights: one half in 16 bits.</summary>
    public double GradientShare { get; init; } = 1;

    public int Steps => (Pictures + Batch - 1) / Batch;

    public double Transfer => StateBytes / BytesPerSecond;
}

/// <summary>
/// Predicts the time of an epoch for any number of workers: an event after the other, as the run does them. All traffic goes through the run's link, first come, first served; workers wait for their weights,
/// compute their slices, and send the nodes of the tree that they hold.
/// </summary>
internal static class WorkerSimulation
{
    /// <summary>Moments of Adam go along with every weight.</summary>
    const int AveragedState = 3;

    /// <summary>A synchronous epoch.</summary>
    public static double Synchronous(WorkerCosts costs, int workers) => costs.Steps * Step(costs, workers, costs.Slices, costs.Batch * costs.PictureSeconds / costs.Slices, costs.Transfer, costs.GradientShare);

    /// <summary>
    /// A synchronous epoch of workers that sum up among each other. A worker's link carries, each way, the ranges of its nodes that others own and the sum of its own range to all of them and to the run, and the run's
    /// carries one sum.
    /// </summary>
    public static double Linked(WorkerCosts costs, int workers)
    {
        var (computed, nodes) = (0.0, 0);
        for (var worker = 0; worker < workers; worker++)
        {
            var (first, end) = new SlicePart(worker, worker + 1, workers).In(costs.Slices);
            computed = Math.Max(computed, (end - first) * (costs.Batch * costs.PictureSeconds / costs.Slices));
            nodes = Math.Max(nodes, Nodes(first, end));
        }

        var (sum, others) = (costs.GradientShare * costs.Transfer, (workers - 1.0) / workers);
        return costs.Steps * ((3 * costs.Latency) + computed + (nodes * others * sum) + sum + costs.UpdateSeconds);
    }

    /// <summary>An epoch of models that are averaged after so many of their batches; there are as many models as workers.</summary>
    public static double Averaged(WorkerCosts costs, int workers, int frequency)
    {
        var rounds = Math.Max(1.0, costs.Steps / (double)frequency);
        return rounds * Step(costs, workers, workers, Math.Min(frequency, costs.Steps) * costs.Batch * costs.PictureSeconds / workers, AveragedState * costs.Transfer);
    }

    /// <summary>An epoch of gradients that update the weights when they come.</summary>
    public static double Asynchronous(WorkerCosts costs, int workers)
    {
        var (outgoing, incoming, updates, end) = (0.0, 0.0, 0.0, 0.0);
        var free = new PriorityQueue<int, double>(Enumerable.Range(0, Math.Min(workers, costs.Steps)).Select(worker => (worker, 0.0)));
        for (var step = 0; step < costs.Steps; step++)
        {
            free.TryDequeue(out var worker, out var now);
            outgoing = Math.Max(outgoing, now) + costs.Transfer;
            var computed = outgoing + costs.Latency + (costs.Batch * costs.PictureSeconds);
            incoming = Math.Max(incoming, computed) + costs.Transfer;
            updates = Math.Max(updates, incoming + costs.Latency) + costs.UpdateSeconds;
            free.Enqueue(worker, updates);
            end = updates;
        }

        return end;
    }

    static double Step(WorkerCosts costs, int workers, int slices, double sliceSeconds, double transfer, double gradients = 1)
    {
        var (outgoing, incoming) = (0.0, 0.0);
        for (var worker = 0; worker < workers; worker++)
        {
            var (first, end) = new SlicePart(worker, worker + 1, workers).In(slices);
            if (first == end)
                continue;
            outgoing += transfer;
            var computed = outgoing + costs.Latency + ((end - first) * sliceSeconds);
            for (var node = 0; node < Nodes(first, end); node++)
                incoming = Math.Max(incoming, computed) + (gradients * transfer);
        }

        return incoming + costs.Latency + costs.UpdateSeconds;
    }

    /// <summary>Whole nodes of a binary tree that hold the slices from one to another.</summary>
    public static int Nodes(int first, int end)
    {
        var nodes = 0;
        for (; first < end; nodes++)
        {
            var size = first == 0 ? (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(end + 1)) : first & -first;
            while (size > end - first)
                size /= 2;
            first += size;
        }

        return nodes;
    }
}

/// <summary>Prints what <see cref="WorkerSimulation"/> predicts, as a table of the documents.</summary>
internal static class SimulationBenchmark
{
    static readonly int[] s_workers = [1, 2, 4, 8, 16, 32, 64, 128, 256];

    /// <summary>Arguments, each with a default: images a second of one worker, parameters, milliseconds of an update, pictures of an epoch, of a batch, slices, averaged after so many batches, latency in milliseconds.</summary>
    public static int Run(string[] args)
    {
        var numbers = args.Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        double[] defaults = [1000, 250_000, 1, 50_000, 512, 256, 32, 0.2];
        double At(int i) => i < numbers.Length ? numbers[i] : defaults[i];
        Console.WriteLine("| workers | synchronous, 1 Gbit/s | 10 Gbit/s | among workers, 1 Gbit/s | 10 Gbit/s | averaged, 1 Gbit/s | 10 Gbit/s | asynchronous, 1 Gbit/s | 10 Gbit/s |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var workers in s_workers)
        {
            var cells = new[] { Cells(WorkerSimulation.Synchronous), Cells(WorkerSimulation.Linked), Cells((costs, n) => WorkerSimulation.Averaged(costs, n, (int)At(6))), Cells(WorkerSimulation.Asynchronous) };
            Console.WriteLine($"| {workers} | {string.Join(" | ", cells)} |");

            string Cells(Func<WorkerCosts, int, double> predict) => string.Join(" | ", new[] { 1e9, 1e10 }.Select(bits =>
                FormattableString.Invariant($"{predict(new((int)At(3), (int)At(4), (int)At(5), 1 / At(0), At(2) / 1000, At(1) * sizeof(float), bits / 8, At(7) / 1000), workers):0.00} s")));
        }

        return 0;
    }
}
