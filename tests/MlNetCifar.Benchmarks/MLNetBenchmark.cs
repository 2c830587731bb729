using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using MlNetCifar.MLNet;
using MlNetCifar.Pretrained;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// From paths of photographs to a trained model, in turn on one split: our trainer, ML.NET's own trainers on our features, and ML.NET's DnnFeaturizeImage with them. All stand on the
/// same ResNet-18. Printed are the time of Fit, images a second, and the accuracy on the rest.
/// </summary>
internal static class MLNetBenchmark
{
    /// <summary>Prints the table. Arguments: a folder of class folders, then pictures a class (all), rounds (1), each with the next seed of the split.</summary>
    public static int Run(string[] args)
    {
        var most = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : int.MaxValue;
        var rounds = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1;
        var ml = new MLContext(seed: 1);
        var rows = Directory.GetDirectories(args[0]).Order(StringComparer.Ordinal).SelectMany(folder => Directory.GetFiles(folder).Where(IsWhole).Order(StringComparer.Ordinal).Take(most))
            .Select(path => new Photo { Path = path, Label = Path.GetFileName(Path.GetDirectoryName(path))! }).ToArray();
        var all = ml.Data.LoadFromEnumerable(rows);
        using var network = new PretrainedBackbones().Open("resnet18");
        var trainers = ml.MulticlassClassification.Trainers;
        (string Name, Func<IEstimator<ITransformer>> Pipeline)[] pipelines =
        [
            ("`ImageNetwork`", () => Labelled(trainers.ImageNetwork(Ours))),
            ("`ImageNetwork`, 192×192", () => Labelled(trainers.ImageNetwork(Ours with { BackboneSize = 192 }))),
            ("`ImageNetwork`, 160×160", () => Labelled(trainers.ImageNetwork(Ours with { BackboneSize = 160 }))),
            ("`ImageNetwork`, with mirror images", () => Labelled(trainers.ImageNetwork(Ours with { Adjust = Mirrored }))),
            ("`FeaturizeImages`, SDCA", () => Labelled(ml.Transforms.FeaturizeImages("Features", network, "Path")).AppendCacheCheckpoint(ml).Append(trainers.SdcaMaximumEntropy())),
            ("`FeaturizeImages`, LightGBM", () => Labelled(ml.Transforms.FeaturizeImages("Features", network, "Path")).AppendCacheCheckpoint(ml).Append(trainers.LightGbm())),
            ("`DnnFeaturizeImage`, SDCA", () => Theirs().AppendCacheCheckpoint(ml).Append(trainers.SdcaMaximumEntropy())),
            ("`DnnFeaturizeImage`, LightGBM", () => Theirs().AppendCacheCheckpoint(ml).Append(trainers.LightGbm())),
        ];
        for (var round = 0; round < rounds; round++)
        {
            var split = ml.Data.TrainTestSplit(all, testFraction: 0.2, seed: 1 + round);
            var (train, test) = (Materialized(ml, split.TrainSet), Materialized(ml, split.TestSet));
            Console.WriteLine(FormattableString.Invariant($"{rows.Length} photographs, {train.GetRowCount()} to train on, {Environment.ProcessorCount} cores"));
            Console.WriteLine("| pipeline | Fit, s | images/s | accuracy |");
            Console.WriteLine("| --- | --- | --- | --- |");
            foreach (var (name, pipeline) in pipelines)
            {
                var clock = Stopwatch.StartNew();
                var model = pipeline().Fit(train);
                var seconds = clock.Elapsed.TotalSeconds;
                var accuracy = ml.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy;
                Console.WriteLine(FormattableString.Invariant($"| {name} | {seconds:0.0} | {train.GetRowCount() / seconds:0.0} | {accuracy:0.000} |"));
            }
        }

        return 0;

        EstimatorChain<ITransformer> Labelled(IEstimator<ITransformer> next) => new EstimatorChain<ITransformer>().Append(ml.Transforms.Conversion.MapValueToKey("Label")).Append(next);

        EstimatorChain<ITransformer> Theirs() => Labelled(ml.Transforms.LoadImages("Picture", null, "Path"))
            .Append(ml.Transforms.ResizeImages("Picture", 224, 224)).Append(ml.Transforms.ExtractPixels("Pixels", "Picture"))
            .Append((IEstimator<ITransformer>)ml.Transforms.DnnFeaturizeImage("Features", m => m.ModelSelector.ResNet18(ml, m.OutputColumn, m.InputColumn), "Pixels"));
    }

    static ImageNetworkOptions Ours => new() { ImageColumnName = "Path", Backbone = "resnet18", Backbones = new PretrainedBackbones(), ReuseTrainSetBottleneckCachedValues = false, Seed = 1 };

    static TrainingOptions Mirrored(TrainingOptions recipe) => recipe with { Augmentation = recipe.Augmentation with { Flip = FlipMode.Alternate } };

    static IDataView Materialized(MLContext ml, IDataView view) => ml.Data.LoadFromEnumerable(ml.Data.CreateEnumerable<Photo>(view, reuseRowObject: false).ToArray());

    /// <summary>ML.NET's LoadImages ends the pass at a file that it cannot read, so such files are left out for all.</summary>
    static bool IsWhole(string path)
    {
        try
        {
            MLImage.CreateFromFile(path).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    sealed class Photo
    {
        public string Path { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
