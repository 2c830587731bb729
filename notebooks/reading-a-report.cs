#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/reading-a-report.cs

// %% [markdown]
// # Reading a report
//
// What the figures of an evaluation say, and what they do not: intervals, calibration, and where a network looked. The model is the one that comes with the repository, the pictures are 2,000 it has not learned from.

// %%
using MlNetCifar;
using MlNetCifar.Explain;
using MlNetCifar.Inference;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var data = ImageDataset.Open(Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"));
var model = ImageClassifier.Load(Path.Combine(here, "../models/cifar10-airbench94.safetensors"));
var evaluation = model.Evaluate(data.Test!);
//> evaluation

// %% [markdown]
// **Intervals.** An accuracy is measured on some pictures; on others it would be another. The fewer there are, the less is known: of the same model on 50, 200 and 2,000 pictures.

// %%
foreach (var count in new[] { 50, 200, 2000 })
{
    var some = model.Evaluate(data.Test!.Sample(count, seed: 1));
    Console.WriteLine($"{count,5} pictures: accuracy {some.MicroAccuracy:0.000}, 95 % interval {some.MicroAccuracyInterval}");
}

// %% [markdown]
// **Calibration.** Is “90 % sure” right nine times out of ten? The calibration error is the mean gap between both. Where it is small, unsure answers can be withheld for a price that is known beforehand.

// %%
Console.WriteLine($"calibration error {evaluation.ExpectedCalibrationError:0.000}");
var rejection = RejectionCurve.Of(evaluation);
foreach (var share in new[] { 1.0, 0.9, 0.7 })
{
    var point = rejection.Points.MinBy(p => Math.Abs(p.Coverage - share))!;
    Console.WriteLine($"the surest {point.Coverage:0 %} of the answers are right in {point.Accuracy:0.0 %}");
}

// %% [markdown]
// **Mistakes.** Which classes are confused says more than one figure.

// %%
foreach (var pair in evaluation.ConfusionMatrix.MostConfused(3))
    Console.WriteLine($"{evaluation.Classes[pair.Actual]} taken for {evaluation.Classes[pair.Predicted]}: {pair.Count} ({pair.Rate:0.0 %})");
var worst = Enumerable.Range(0, data.Test!.Count).Where(i => model.Classify(data.Test!, i, top: 1).Predictions[0] is { Probability: > 0.9f } answer && answer.Index != data.Test!.Label(i)).Take(12).ToArray();
Console.WriteLine($"surely wrong: {worst.Length} shown");
//> data.Test.Subset(worst)

// %% [markdown]
// **Grad-CAM.** What spoke for the wrong answer? The picture as the network sees it, and over it what counted: yellow most, violet least.

// %%
var cam = new GradCam(model);
var pixels = new byte[data.Test!.ImageLength];
data.Test!.CopyPixels(worst[0], pixels);
var map = cam.Explain(pixels)[0];
Console.WriteLine($"{model.Classes[data.Test!.Label(worst[0])]}, taken for {model.Classes[map.Class]} ({map.Probability:0.000})");
var overlay = HeatmapOverlay.Draw(map, pixels, channels: 3);
//> overlay

// %% [markdown]
// The whole report is one page that loads nothing: `runs/reading-a-report/report.html`.

// %%
var output = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs"), "reading-a-report");
ReportWriter.Write(output, new ReportInput { Title = "Reading a report", Result = evaluation, Images = data.Test, History = model.History });
File.WriteAllBytes(Path.Combine(output, "where-it-looked.png"), overlay.ToPng());
cam.Dispose();
model.Dispose();
data.Dispose();
