#:project ../src/MlNetCifar/MlNetCifar.csproj
#:project ../src/MlNetCifar.Pretrained/MlNetCifar.Pretrained.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/transfer-learning.cs

// %% [markdown]
// # Transfer learning
//
// A few dozen photographs of each class are enough where a network already knows how to look. A ResNet-18 that was trained on ImageNet stays as it is; only a new head is fitted to what it sees.
// `MLNETCIFAR_PHOTOS` names your photographs; else they are the cats and dogs of `MLNETCIFAR_SHARED/data`, or, without these, the small pictures of the repository.

// %%
using MlNetCifar;
using MlNetCifar.Explain;
using MlNetCifar.Pretrained;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
string[] places =
[
    Environment.GetEnvironmentVariable("MLNETCIFAR_PHOTOS") ?? "", Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? here, "data/cats-dogs-sample.tar.gz"),
    Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"),
];
var photos = places.First(Path.Exists);
var backbone = new PretrainedBackbones().Open("resnet18");
Console.WriteLine($"{backbone.Count} features of pictures of {backbone.Preprocess.Width}×{backbone.Preprocess.Height}");

// %% [markdown]
// Pictures are prepared as the backbone wants them, and decoded when their turn comes. The walk takes 120 of them to learn from and 120 others to test with, so that it ends soon.

// %%
var data = ImageDataset.Open(photos, new() { Spec = backbone.Preprocess, DecodeOnDemand = true }).Ensure(DatasetSplit.Test, 0.2);
var (train, test) = (data.Train.Sample(120, seed: 1), data.Test!.Sample(120, seed: 1));
Console.WriteLine($"{train.Count} of {data.Train.Count} pictures to train on, {test.Count} of {data.Test!.Count} to test with: {string.Join(", ", data.Classes)}");
//> train

// %% [markdown]
// Features are computed once for each picture and its mirror image; the head is then fitted in no time, its penalty chosen by five folds.

// %%
var result = new TransferTrainer(backbone).Fit(train);
var model = result.ToClassifier();
Console.WriteLine($"penalty {result.Penalty}, chosen by {result.HeldOut}");
var evaluation = model.Evaluate(test);
Console.WriteLine($"test accuracy {evaluation.MicroAccuracy:0.000}, 95 % interval {evaluation.MicroAccuracyInterval}");
//> evaluation

// %% [markdown]
// Where did it look? Grad-CAM colours what spoke for the class that was named: yellow most, violet least. A network that looks at the background is right for the wrong reason.

// %%
var cam = new GradCam(model);
var picture = RgbImage.Decode(test.ToPng(0));
var map = cam.Explain(picture);
Console.WriteLine($"{data.Classes[test.Label(0)]}, taken for {data.Classes[map.Class]} ({map.Probability:0.000})");
var overlay = HeatmapOverlay.DrawCaptioned(map, picture, model.Preprocess, $"{data.Classes[map.Class]} {map.Probability:0.000}");
//> overlay

// %%
var output = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs"), "transfer-learning");
Directory.CreateDirectory(output);
model.Save(Path.Combine(output, "model.safetensors"));
File.WriteAllBytes(Path.Combine(output, "where-it-looked.png"), overlay.ToPng());
cam.Dispose();
model.Dispose();
result.Dispose();
data.Dispose();
backbone.Dispose();
