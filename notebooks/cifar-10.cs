#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/cifar-10.cs

// %% [markdown]
// # CIFAR-10: from 74 to 90 %
//
// The network `airbench94` goes from 0.73 to 0.91 in six more epochs. Trained whole, on all 50,000 pictures and two cores, networks take minutes that this walk does not have:
//
// | network | accuracy, 10,000 test pictures | command |
// | --- | --- | --- |
// | `seed-cnn`, 30 epochs | 0.786 | `mlnetcifar train --data cifar10-jpeg.tar.gz --preset seed-cnn --epochs 30 --patience 8` |
// | `advanced-cnn`, 29 minutes | 0.867 | `mlnetcifar train --data cifar10-jpeg.tar.gz --preset advanced-cnn --val-split 0.05` |
// | `airbench94`, 8 epochs, 18 minutes | 0.906 | `mlnetcifar train --data cifar10-jpeg.tar.gz --preset airbench94 --val-split 0.04 --views flip-shift` |
//
// Here the first is trained for a few epochs on 8,000 of them (`MLNETCIFAR_EPOCHS` says how many), and compared with the third as it comes with the repository.

// %%
using MlNetCifar;
using MlNetCifar.Evaluation;
//> using MlNetCifar.Interactive;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var data = ImageDataset.Open(Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz")).Ensure(DatasetSplit.Validation, 0.05);
var (train, validation, test) = (data.Train, data.Validation!, data.Test!);
//> data.Train

// %% [markdown]
// The recipe of a preset is what it is trained with: optimizer, rate, schedule, augmentation, epochs. `with` changes one thing.

// %%
var epochs = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_EPOCHS"), out var asked) ? asked : 4;
var recipe = MlNetCifar.Recipes.For("seed-cnn") with { Epochs = epochs };
var trainer = new Trainer(Architectures.Create("seed-cnn", 32, 32, 3, data.Classes.Count), recipe);
//> trainer.Observers.Add(new LiveHistory());
var result = trainer.Fit(train, validation);
var seed = result.ToClassifier(data.Spec!);
var first = seed.Evaluate(test);
Console.WriteLine($"seed-cnn, {epochs} epochs on {train.Count} pictures: {first.MicroAccuracy:0.000} {first.MicroAccuracyInterval}");
//> result

// %% [markdown]
// A model file has the history of its training. The one that comes with the repository:

// %%
var shipped = ImageClassifier.Load(Path.Combine(here, "../models/cifar10-airbench94.safetensors"));
foreach (var epoch in shipped.History)
    Console.WriteLine($"epoch {epoch.Epoch}: validation accuracy {epoch.ValidationAccuracy:0.000} after {shipped.History.Take(epoch.Epoch).Sum(e => e.Seconds) / 60:0} minutes");
//> shipped.History

// %% [markdown]
// On the 2,000 test pictures of the sample. Each looked at six times, mirrored and shifted, is worth about a point.

// %%
var plain = shipped.Evaluate(test);
var best = shipped.Evaluate(test, views: TestTimeViews.FlipShift);
Console.WriteLine($"airbench94: {plain.MicroAccuracy:0.000}; with six views {best.MicroAccuracy:0.000} {best.MicroAccuracyInterval}");
//> best

// %% [markdown]
// Better, or chance? Both have answered the same pictures, so the test is a paired one, which sees more than two intervals beside each other.

// %%
var names = Enumerable.Range(0, test.Count).Select(test.Name).ToArray();
var comparison = RunComparison.Compare(new RunData("one view", "", plain, names), new RunData("six views", "", best, names));
Console.WriteLine(comparison.Verdict);
//> comparison

// %%
seed.Dispose();
shipped.Dispose();
result.Dispose();
data.Dispose();
