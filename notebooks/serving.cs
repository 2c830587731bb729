#:project ../src/MlNetCifar/MlNetCifar.csproj
#:project ../src/MlNetCifar.Server/MlNetCifar.Server.csproj
#:project ../src/MlNetCifar.Client/MlNetCifar.Client.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/serving.cs

// %% [markdown]
// # Serving
//
// `mlnetcifar serve` as a program, two lines in an ASP.NET Core application of one's own, or, as here, within any program: requests of many clients are put into batches, and each picture gets the bits that it would get alone.

// %%
using MlNetCifar;
using MlNetCifar.Client;
using MlNetCifar.Server;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var data = ImageDataset.Open(Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"));
var path = Path.Combine(here, "../models/cifar10-airbench94.safetensors");
var server = await ModelServer.StartAsync(new ServingOptions { Models = new Dictionary<string, string> { ["cifar10"] = path } }, "http://127.0.0.1:0");
var client = new ModelClient(new ModelClientOptions { Address = new Uri(server.Addresses[0]) });
foreach (var served in await client.ModelsAsync())
    Console.WriteLine($"{served.Name}: {served.Classes.Count} classes, {served.Width}×{served.Height}");

// %% [markdown]
// One picture.

// %%
var answer = await client.PredictAsync(data.Test!.ToPng(0));
foreach (var (label, _, probability) in answer.Predictions.Take(3))
    Console.WriteLine($"{label} {probability:0.000}");
//> RgbImage.Decode(data.Test.ToPng(0))

// %% [markdown]
// Many clients at once: the answers are those of the model alone, to the bit.

// %%
var asked = data.Test!.Sample(200, seed: 1);
var pictures = Enumerable.Range(0, 200).Select(asked.ToPng).ToArray();
var answers = await Task.WhenAll(pictures.Select(picture => client.PredictAsync(picture)));
var model = ImageClassifier.Load(path);
var alike = answers.Index().Count(a => a.Item.Predictions[0].Probability == model.Classify(pictures[a.Index]).Predictions[0].Probability);
var right = answers.Index().Count(a => a.Item.Predictions[0].Index == asked.Label(a.Index));
Console.WriteLine($"{answers.Length} answers, {alike} as the model alone gives them, {right} right");

// %% [markdown]
// What was the truth of a picture? Whoever learns it later tells the server by the request's id. What was answered is counted for Prometheus.

// %%
Console.WriteLine(await client.TellAsync(answer.RequestId, data.Classes[data.Test!.Label(0)]) ? "taken down" : "unknown request");
var http = new HttpClient { BaseAddress = new Uri(server.Addresses[0]) };
foreach (var line in (await http.GetStringAsync("/metrics")).Split('\n').Where(line => line.StartsWith("mlnetcifar_predictions_total", StringComparison.Ordinal)))
    Console.WriteLine(line);

// %%
http.Dispose();
client.Dispose();
model.Dispose();
await server.DisposeAsync();
data.Dispose();
