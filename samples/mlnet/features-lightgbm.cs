#:project ../../src/MlNetCifar.MLNet/MlNetCifar.MLNet.csproj
#:project ../../src/MlNetCifar.Pretrained/MlNetCifar.Pretrained.csproj
#:package Microsoft.ML.LightGbm@5.0.1
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Trees of LightGBM on the features of a frozen ResNet-18: dotnet run -c Release samples/mlnet/features-lightgbm.cs -- PetImages
using Microsoft.ML;
using MlNetCifar.MLNet;
using MlNetCifar.Pretrained;

var ml = new MLContext(seed: 1);
var files = Directory.EnumerateFiles(args[0], "*.*", SearchOption.AllDirectories).Where(path => Path.GetExtension(path).ToLowerInvariant() is ".jpg" or ".jpeg" or ".png");
var rows = files.Order(StringComparer.Ordinal).Select(path => new Picture { ImagePath = path, Label = Path.GetFileName(Path.GetDirectoryName(path))! });
var split = ml.Data.TrainTestSplit(ml.Data.ShuffleRows(ml.Data.LoadFromEnumerable(rows)), testFraction: 0.25);
using var network = new PretrainedBackbones().Open("resnet18");

// The checkpoint keeps the features: what comes after it may look at the rows as often as it likes.
var pipeline = ml.Transforms.Conversion.MapValueToKey("Label")
    .Append(ml.Transforms.FeaturizeImages("Features", network, "ImagePath"))
    .AppendCacheCheckpoint(ml)
    .Append(ml.MulticlassClassification.Trainers.LightGbm());
var model = pipeline.Fit(split.TrainSet);
var metrics = ml.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
Console.WriteLine($"accuracy {metrics.MicroAccuracy:0.000}, log-loss {metrics.LogLoss:0.000}");

sealed class Picture
{
    public string ImagePath { get; set; } = "";

    public string Label { get; set; } = "";
}
