#:project ../../src/MlNetCifar.MLNet/MlNetCifar.MLNet.csproj
#:package Microsoft.ML.ImageAnalytics@5.0.1
#:package SkiaSharp@2.88.9
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@2.88.9
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// ML.NET's sample of five kinds of flowers, trained from scratch, saved, loaded again and asked for one picture after the other. Any folder of class folders will do; of more than five classes
// the first five are taken: dotnet run -c Release samples/mlnet/flowers.cs -- FOLDER [EPOCHS]
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Transforms;
using MlNetCifar.MLNet;

var ml = new MLContext(seed: 1);
var folders = Directory.GetDirectories(args[0]).Order(StringComparer.Ordinal).Take(5);
var rows = folders.SelectMany(Directory.GetFiles).Order(StringComparer.Ordinal).Select(path => new FlowerImage { ImagePath = path, Label = Path.GetFileName(Path.GetDirectoryName(path))! });
var shuffled = ml.Data.ShuffleRows(ml.Data.LoadFromEnumerable(rows));
var images = ml.Transforms.Conversion.MapValueToKey("LabelAsKey", "Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
    .Append(ml.Transforms.LoadRawImageBytes("Image", null, "ImagePath")).Fit(shuffled).Transform(shuffled);
var split = ml.Data.TrainTestSplit(images, testFraction: 0.2);

var options = new ImageNetworkOptions
{
    FeatureColumnName = "Image",
    LabelColumnName = "LabelAsKey",
    Arch = "seed-cnn",
    Epoch = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 20,
    BatchSize = 32,
    Seed = 1,
    MetricsCallback = metrics => Console.WriteLine($"epoch {metrics.Epoch}: loss {metrics.TrainLoss:0.000}, validation accuracy {metrics.ValidationAccuracy:0.000}"),
};
var pipeline = ml.MulticlassClassification.Trainers.ImageNetwork(options).Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var model = pipeline.Fit(split.TrainSet);
var metrics = ml.MulticlassClassification.Evaluate(model.Transform(split.TestSet), "LabelAsKey");
Console.WriteLine($"accuracy {metrics.MicroAccuracy:0.000}, macro {metrics.MacroAccuracy:0.000}, log-loss {metrics.LogLoss:0.000}");

var path = Path.Combine(Path.GetTempPath(), $"flowers-{Environment.ProcessId}.zip");
try
{
    ml.Model.Save(model, split.TrainSet.Schema, path);
    var other = new MLContext().UseMlNetCifar();
    using var engine = other.Model.CreatePredictionEngine<ImageInMemory, FlowerPrediction>(other.Model.Load(path, out _));
    foreach (var flower in ml.Data.CreateEnumerable<FlowerImage>(split.TestSet, reuseRowObject: false).Take(3))
    {
        var answer = engine.Predict(new() { Image = File.ReadAllBytes(flower.ImagePath) });
        Console.WriteLine($"{Path.GetFileName(flower.ImagePath)}: {flower.Label}, predicted {answer.PredictedLabel} ({answer.Score.Max():0.000})");
    }
}
finally
{
    File.Delete(path);
}

sealed class FlowerImage
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}

sealed class ImageInMemory
{
    public byte[] Image { get; set; } = [];
}

sealed class FlowerPrediction
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
