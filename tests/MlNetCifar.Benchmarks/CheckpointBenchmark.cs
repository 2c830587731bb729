using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// What a checkpoint costs: the copy of the state, for which training waits, and the writing, which runs beside it; both with new best weights, the dearest case.
/// Their sum over the time of 100 steps is the overhead at most, as if the writing kept every core from training.
/// </summary>
internal static class CheckpointBenchmark
{
    const int Rounds = 15;
    const int Steps = 100;

    /// <summary>Prints the figures. Arguments: preset (airbench94), images of a timed step (250), from which the recipe's own step is reckoned.</summary>
    public static int Run(string[] args)
    {
        var preset = args.Length > 0 ? args[0] : "airbench94";
        var batch = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 250;
        var network = Architectures.Create(preset, 32, 32, 3, 10);
        var recipe = Recipes.For(preset, 32);
        var images = Synthetic.Images(batch);
        var normalization = Normalization.Compute(images);
        using var session = new TrainingSession(network, recipe with { BatchSize = batch }, images, normalization);
        using var loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = batch });
        loader.Start(0);
        var next = loader.Next()!;
        var steps = Timing.Median(Rounds, () => session.Step(next, 0, out _, 0.01f), warmUp: 3) * Steps * recipe.BatchSize / batch;

        var folder = Directory.CreateTempSubdirectory("mlnetcifar-checkpoints-");
        try
        {
            using var best = session.Result.Clone();
            using var writer = new CheckpointWriter(new CheckpointStore(folder.FullName, LocalFileStore.Instance), session.StateBlocks());
            var header = new CheckpointHeader
            {
                Network = ResumeRules.Describe(network), Options = recipe.ToJson(), Data = ResumeRules.Stamp(images, null, normalization), LaneBits = (int)SimdLevel.Active,
                State = new LoopState { BestEpoch = 1 },
            };
            List<double> copies = [], writes = [];
            for (var round = 0; round < Rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                writer.Begin(header, best);
                copies.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                writer.Flush();
                writes.Add(Stopwatch.GetElapsedTime(start).TotalSeconds - copies[^1]);
                if (writer.TakeFailure() is { } failure)
                    throw new InvalidOperationException("The checkpoint was not written.", failure);
            }

            var bytes = folder.EnumerateFiles("*.ckpt").Where(f => f.Name.StartsWith("last", StringComparison.Ordinal) || f.Name.StartsWith("best", StringComparison.Ordinal)).Sum(f => f.Length);
            var (copy, write) = (Timing.Median(copies), Timing.Median(writes));
            Console.WriteLine(FormattableString.Invariant(
                $"{preset}: {bytes / 1e6:0.0} MB; training waits {1e3 * copy:0.0} ms, the writing takes {1e3 * write:0} ms; {Steps} steps of {recipe.BatchSize} images take {steps:0.0} s"));
            Console.WriteLine(FormattableString.Invariant($"overhead of a checkpoint every {Steps} steps: {copy / steps:P4} waiting, {(copy + write) / steps:P3} at most"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }
}
