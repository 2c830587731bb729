#:project ../src/MlNetCifar/MlNetCifar.csproj
#:project ../src/MlNetCifar.MLNet/MlNetCifar.MLNet.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/mlnet-pipeline.cs

// %% [markdown]
// # A pipeline of ML.NET
//
// The trainer is one estimator among others: rows come in, `Score` and `PredictedLabel` go out, and ML.NET's own evaluators, `Save` and `Load` work on them.

// %%
using Microsoft.ML;
using MlNetCifar;
using MlNetCifar.MLNet;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var data = ImageDataset.Open(Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"));
var ml = new MLContext(seed: 1);

// %% [markdown]
// Columns of a view: `Image`, `Label` and `Name`. A column of paths, of bytes or of `MLImage` does as well.

// %%
var (train, test) = (ml.Data.LoadFromImages(data.Train.Sample(4000, seed: 1)), ml.Data.LoadFromImages(data.Test!));
Console.WriteLine(string.Join(", ", train.Schema.Select(column => $"{column.Name}: {column.Type}")));
//> data.Test

// %%
var options = new ImageNetworkOptions
{
    ImageColumnName = "Image",
    Architecture = "seed-cnn",
    Epoch = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_EPOCHS"), out var asked) ? asked : 4,
    Seed = 1,
    MetricsCallback = epoch => Console.WriteLine($"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.000}, validation accuracy {epoch.ValidationAccuracy:0.000}"),
};
var pipeline = ml.MulticlassClassification.Trainers.ImageNetwork(options).Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var model = pipeline.Fit(train);

// %% [markdown]
// ML.NET's evaluator, and for the same scores the library's own, with intervals and calibration. On figures that both have they agree.

// %%
var scored = model.Transform(test);
var metrics = ml.MulticlassClassification.Evaluate(scored);
Console.WriteLine($"ML.NET: accuracy {metrics.MicroAccuracy:0.0000}, macro {metrics.MacroAccuracy:0.0000}, log-loss {metrics.LogLoss:0.0000}");
var evaluation = MLNetEvaluation.Evaluate(scored);
Console.WriteLine($"here:   accuracy {evaluation.MicroAccuracy:0.0000}, macro {evaluation.MacroAccuracy:0.0000}, log-loss {evaluation.LogLoss:0.0000}; 95 % interval {evaluation.MicroAccuracyInterval}");
//> evaluation

// %% [markdown]
// Saved, and loaded by another context, as another program would.

// %%
var output = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs"), "mlnet-pipeline");
Directory.CreateDirectory(output);
ml.Model.Save(model, train.Schema, Path.Combine(output, "model.zip"));
var other = new MLContext().UseMlNetCifar();
var loaded = other.Model.Load(Path.Combine(output, "model.zip"), out _);
foreach (var answer in other.Data.CreateEnumerable<Answer>(loaded.Transform(other.Data.TakeRows(test, 3)), reuseRowObject: false))
    Console.WriteLine($"{answer.Name}: {answer.PredictedLabel} {answer.Score.Max():0.000}");

// %%
data.Dispose();

// %% types
sealed class Answer
{
    public string Name { get; set; } = "";

    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
