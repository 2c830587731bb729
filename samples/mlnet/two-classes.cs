#:project ../../src/MlNetCifar.MLNet/MlNetCifar.MLNet.csproj
#:project ../../src/MlNetCifar.Pretrained/MlNetCifar.Pretrained.csproj
#:package Microsoft.ML.ImageAnalytics@5.0.1
#:package SkiaSharp@2.88.9
#:package SkiaSharp.NativeAssets.Linux.NoDependencies@2.88.9
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// ML.NET's tutorial of automated inspection, cracked and uncracked bridge decks, here with any folder of two class folders:
// dotnet run -c Release samples/mlnet/two-classes.cs -- PetImages [inspection.zip]
using Microsoft.ML;
using MlNetCifar.MLNet;
using MlNetCifar.Pretrained;

var ml = new MLContext(seed: 1);
var files = Directory.EnumerateFiles(args[0], "*.*", SearchOption.AllDirectories).Where(path => Path.GetExtension(path).ToLowerInvariant() is ".jpg" or ".jpeg" or ".png");
var rows = files.Order(StringComparer.Ordinal).Select(path => new Picture { ImagePath = path, Label = Path.GetFileName(Path.GetDirectoryName(path))! });
var shuffled = ml.Data.ShuffleRows(ml.Data.LoadFromEnumerable(rows));
var preprocessing = ml.Transforms.Conversion.MapValueToKey("LabelAsKey", "Label").Append(ml.Transforms.LoadRawImageBytes("Image", null, "ImagePath"));
var prepared = preprocessing.Fit(shuffled).Transform(shuffled);
var split = ml.Data.TrainTestSplit(prepared, testFraction: 0.3);
var validation = ml.Data.TrainTestSplit(split.TestSet, testFraction: 0.5);

var options = new ImageNetworkOptions
{
    FeatureColumnName = "Image",
    LabelColumnName = "LabelAsKey",
    ValidationSet = validation.TrainSet,
    Arch = "auto",
    Backbones = new PretrainedBackbones(),
    MetricsCallback = metrics => Console.WriteLine($"epoch {metrics.Epoch}: loss {metrics.TrainLoss:0.000}"),
    ReuseTrainSetBottleneckCachedValues = true,
};
var pipeline = ml.MulticlassClassification.Trainers.ImageNetwork(options).Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var model = pipeline.Fit(split.TrainSet);

var scored = model.Transform(validation.TestSet);
var metrics = ml.MulticlassClassification.Evaluate(scored, "LabelAsKey");
Console.WriteLine($"accuracy {metrics.MicroAccuracy:0.000}, log-loss {metrics.LogLoss:0.000}");
Console.WriteLine(metrics.ConfusionMatrix.GetFormattedConfusionTable());
foreach (var answer in ml.Data.CreateEnumerable<Answer>(scored, reuseRowObject: true).Take(5))
    Console.WriteLine($"{Path.GetFileName(answer.ImagePath)}: {answer.Label}, predicted {answer.PredictedLabel}");
if (args.Length > 1)
    ml.Model.Save(model, prepared.Schema, args[1]);

sealed class Picture
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}

sealed class Answer
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";

    public string PredictedLabel { get; set; } = "";
}
