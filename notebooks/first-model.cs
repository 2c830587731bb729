#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/first-model.cs

// %% [markdown]
// # A first model
//
// Pictures in a folder for each class (`photos/cat/1.jpg`, `photos/dog/7.png`), or an archive of one, are all that is needed. Name yours in the variable `MLNETCIFAR_PHOTOS`;
// without it these are the 10,000 pictures of CIFAR-10 that come with the repository.

// %%
using MlNetCifar;
using MlNetCifar.Nn;
//> using MlNetCifar.Interactive;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var photos = Environment.GetEnvironmentVariable("MLNETCIFAR_PHOTOS") ?? Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz");
var data = ImageDataset.Open(photos).Ensure(DatasetSplit.Test, 0.2).Ensure(DatasetSplit.Validation, 0.1);
Console.WriteLine($"{data.Train.Count} pictures to train on, {data.Validation!.Count} to validate with, {data.Test!.Count} to test with");
//> data.Train

// %% [markdown]
// A network is a preset of `Architectures`, or layers of one's own. This one has three convolutions; `Flops` says what a picture costs.

// %%
var network = new NetworkSpec
{
    Name = "small", Height = data.Train.Height, Width = data.Train.Width, Channels = data.Train.Channels, Classes = data.Classes.Count,
    Layers =
    [
        new Conv2d(32, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
        new Conv2d(64, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
        new Conv2d(128, 3) { Bias = false }, new BatchNorm(), new Activation(ActivationKind.Relu), new GlobalPool(PoolKind.Average),
        new Linear(data.Classes.Count),
    ],
};
Console.WriteLine($"{network.Flops / 1e6:0.0} million operations a picture");

// %% [markdown]
// Training: a few epochs with one cycle of the learning rate. In JupyterLab or VS Code `LiveHistory` draws the curve anew after each epoch; the result draws it whole. The same seed gives the same weights to the bit.

// %%
var epochs = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_EPOCHS"), out var asked) ? asked : 4;
var trainer = new Trainer(network, new TrainingOptions { Epochs = epochs, LearningRate = 3e-3f, Schedule = ScheduleKind.OneCycle, Augmentation = Augmentation.Standard() });
//> trainer.Observers.Add(new LiveHistory());
var result = trainer.Fit(data.Train, data.Validation);
foreach (var epoch in result.History)
    Console.WriteLine($"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.000}, validation accuracy {epoch.ValidationAccuracy:0.000}");
//> result

// %% [markdown]
// How good is it, on pictures that it has never seen, and how sure can one be of that? The interval answers the second question.

// %%
var model = result.ToClassifier(data.Spec!);
var evaluation = model.Evaluate(data.Test);
Console.WriteLine($"test accuracy {evaluation.MicroAccuracy:0.000}, 95 % interval {evaluation.MicroAccuracyInterval}");
//> evaluation

// %% [markdown]
// The model is one file with weights, classes and preprocessing; `Predict` takes any picture. The report is a page that loads nothing.

// %%
var output = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs"), "first-model");
ReportWriter.Write(output, new ReportInput { Title = "A first model", Result = evaluation, History = result.History, Images = data.Test });
model.Save(Path.Combine(output, "model.safetensors"));
foreach (var (label, _, probability) in model.Classify(data.Test, 0, top: 3).Predictions)
    Console.WriteLine($"{label} {probability:0.000}");
//> RgbImage.Decode(data.Test.ToPng(0))

// %%
model.Dispose();
result.Dispose();
data.Dispose();
