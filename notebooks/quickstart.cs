#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// The whole way in one file: dotnet run -c Release notebooks/quickstart.cs [FOLDER]
// Trains a small network on the CIFAR-10 sample of this repository and writes a report into FOLDER (default: runs/walk-through).
using MlNetCifar;
using MlNetCifar.Nn;

var output = args.Length > 0 ? args[0] : "runs/walk-through";
var epochs = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_EPOCHS"), out var asked) ? asked : 5;

// 1. Images. Any folder of class folders will do; here it is an archive of one.
using var data = ImageDataset.Open(Beside("../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"));
var set = data.Ensure(DatasetSplit.Validation, fraction: 0.05, seed: 0);
Console.WriteLine($"{set.Train.Count} images to train on, {set.Validation!.Count} to validate with, {set.Test!.Count} to test with");
Console.WriteLine($"classes: {string.Join(", ", set.Classes)}");

// 2. A network: a preset, or layers of your own.
var network = new NetworkSpec
{
    Name = "small", Height = 32, Width = 32, Channels = 3, Classes = set.Classes.Count,
    Layers =
    [
        new Conv2d(32, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
        new Conv2d(64, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
        new Conv2d(128, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new GlobalPool(PoolKind.Average),
        new Linear(set.Classes.Count),
    ],
};
Console.WriteLine($"{network.Flops / 1e6:0.0} million operations an image");

// 3. Training. Ctrl-C ends it with the best weights so far.
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
var options = new TrainingOptions { Epochs = epochs, LearningRate = 3e-3f, Schedule = ScheduleKind.OneCycle, Augmentation = Augmentation.Standard() };
using var result = new Trainer(network, options).Fit(set.Train, set.Validation, cancellation: stop.Token);
foreach (var epoch in result.History)
    Console.WriteLine($"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.000}, validation accuracy {epoch.ValidationAccuracy:0.000}, {epoch.ImagesPerSecond:0} images/s");

// 4. The model: one file with weights, classes and preprocessing.
using var model = result.ToClassifier(set.Spec!);
model.Save(Path.Combine(output, "model.safetensors"));

// 5. How good is it, and how sure can one be of that?
var evaluation = model.Evaluate(set.Test);
Console.WriteLine($"test accuracy {evaluation.MicroAccuracy:0.000}, 95 % interval {evaluation.MicroAccuracyInterval}");
Console.WriteLine(evaluation.ConfusionMatrix.GetFormattedConfusionTable());
Console.WriteLine(ReportWriter.Write(output, new ReportInput { Title = "Walk-through", Result = evaluation, History = result.History, Images = set.Test }));

static string Beside(string path) => Path.Combine(AppContext.GetData("EntryPointFileDirectoryPath") as string ?? "notebooks", path);
