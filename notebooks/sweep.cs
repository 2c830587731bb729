#:project ../src/MlNetCifar/MlNetCifar.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/sweep.cs

// %% [markdown]
// # A sweep
//
// Which learning rate, how much dropout? A sweep tries, ends early what does not promise, trains the best again, and measures it once on the test pictures. It also says how much of the gain is the luck of having been picked.

// %%
using MlNetCifar;
using MlNetCifar.Tuning;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var sample = ImageDataset.Open(Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"));

// Few pictures, so that the walk ends soon.
var (learned, validated) = sample.Train.Sample(2500, seed: 1).Split(0.8, seed: 1);
var data = ImageDataset.Create(learned, validated, sample.Test!.Sample(500, seed: 1));
Console.WriteLine($"{data.Train.Count} pictures to train on, {data.Validation!.Count} to rank trials with, {data.Test!.Count} for the end");

// %% [markdown]
// A parameter is an option of `train` with a range. The journal in the run's folder makes a sweep that was killed go on where it was.

// %%
var output = Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs");
var sweep = new Sweep(
    new ExperimentOptions { Preset = "seed-cnn", Output = output, Name = "sweep", Adjust = recipe => recipe with { Epochs = 3 } },
    new SweepOptions { Space = SearchSpace.Parse("learning-rate=1e-4..3e-2:log", "dropout=0.1..0.6"), Trials = 8, Tuner = TuningAlgorithm.Tpe })
{
    Dataset = data,
};
var result = sweep.Run();
foreach (var trial in result.Trials)
    Console.WriteLine($"trial {trial.TrialSettings.TrialId}: {string.Join(", ", trial.TrialSettings.Parameters.Select(p => $"{p.Key} {p.Value}"))}: {(trial.State == TrialState.Completed ? $"accuracy {trial.Metric:0.000}" : $"{trial.State}")}");

// %% [markdown]
// In words, and as its page.

// %%
foreach (var line in result.Words)
    Console.WriteLine(line);
//> result

// %%
data.Dispose();
sample.Dispose();
