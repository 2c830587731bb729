using MlNetCifar;
using MlNetCifar.Benchmarks;
using MlNetCifar.Training;

if (args is ["kernels", .. var rest])
    return KernelBenchmark.Run(rest);
if (args is ["images", .. var imaging])
    return ImagingBenchmark.Run(imaging);
if (args is ["evaluation", .. var evaluation])
    return EvaluationBenchmark.Run(evaluation);
if (args is ["scaling", .. var scaling])
    return ScalingBenchmark.Run(scaling);
if (args is ["checkpoints", .. var checkpoints])
    return CheckpointBenchmark.Run(checkpoints);
if (args is ["onnx", .. var onnx])
    return OnnxBenchmark.Run(onnx);
if (args is ["tuner", .. var tuner])
    return TunerBenchmark.Run(tuner);
if (args is ["sweeps", .. [_, ..] sweeps])
    return SweepReplay.Run(sweeps);
if (args is ["mlnet", .. var pipelines])
    return MLNetBenchmark.Run(pipelines);
if (args is ["spark", .. var stage])
    return await SparkBenchmark.RunAsync(stage);
if (args is ["serve", .. var serve])
    return await ServeBenchmark.RunAsync(serve);
if (args is ["drift", .. var drift])
    return DriftBenchmark.Run(drift);
if (args is ["links", .. var links])
    return LinkBenchmark.Run(links);
if (args is ["simulate", .. var costs])
    return SimulationBenchmark.Run(costs);
if (args is ["listing", var count, .. [] or ["splits"]])
    return ListingBenchmark.Run(int.Parse(count, System.Globalization.CultureInfo.InvariantCulture), splits: args.Length > 2);
var preset = args.Length > 1 ? args[1] : "seed-cnn";
var batch = args.Length > 2 ? int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture) : 64;
var network = Architectures.Create(preset, 32, 32, 3, 10);
var options = new TrainingOptions { BatchSize = batch };
var result = args is ["infer", ..] ? NetworkBenchmark.Infer(network, options) : NetworkBenchmark.Train(network, options);
foreach (var layer in result.Layers)
    Console.WriteLine(FormattableString.Invariant($"{layer.Layer,-20} {layer.ForwardMilliseconds,8:F3} {layer.BackwardMilliseconds,8:F3} {layer.Gigaflops,8:F1}  {layer.Algorithm}"));
Console.WriteLine(FormattableString.Invariant($"{preset} batch {batch}: {result.ImagesPerSecond:F0} images/s, {result.Gigaflops:F1} GFLOP/s"));
return 0;
