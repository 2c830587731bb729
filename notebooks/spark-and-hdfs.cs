#:project ../src/MlNetCifar/MlNetCifar.csproj
#:project ../src/MlNetCifar.Spark/MlNetCifar.Spark.csproj
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// dotnet run -c Release notebooks/spark-and-hdfs.cs

// %% [markdown]
// # Spark and HDFS
//
// The whole way on a cluster: pictures on HDFS, prepared by Spark's executors, a network trained from there, its results on HDFS, and asked for by Spark's SQL. On the command line it is
// `cluster start`, `dataset import`, `prepare`, `train`, `evaluate` and `cluster stop`.
//
// Needed: Java 17, and Apache downloads of Spark 4 and Hadoop, unpacked (`SPARK_HOME`, `HADOOP_HOME`) or as the archive in the folder `spark` of `MLNETCIFAR_SHARED`. The program that executors run is one file, made by
// `dotnet publish -c Release -r linux-x64 src/MlNetCifar.Worker`; `MLNETCIFAR_WORKER` says where it is.

// %%
using MlNetCifar;
using MlNetCifar.Data;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;
//> using MlNetCifar.Interactive;

var here = AppContext.GetData("EntryPointFileDirectoryPath") as string ?? Environment.CurrentDirectory;
var output = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_OUTPUT") ?? Path.Combine(here, "../runs"), "spark-and-hdfs");
var worker = Environment.GetEnvironmentVariable("MLNETCIFAR_WORKER") ?? Path.Combine(here, "../artifacts/publish/MlNetCifar.Worker/release_linux-x64/mlnetcifar-worker");

// %% [markdown]
// A cluster on this machine: HDFS, Spark standalone with two executors, and the Connect server, through which programs without a JVM speak to Spark. With a cluster of your own there is an address to know, `sc://host:port`, and the folder of Hadoop's configuration.

// %%
var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Folder = Path.Combine(output, "cluster") });
var hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration);
var store = new HdfsFileStore(new Uri(cluster.FileSystem!), new WebHdfsClient(WebHdfsOptions.For(new Uri(cluster.FileSystem!), hadoop)));
var session = await SparkSession.ConnectAsync(cluster.Connect!);
Console.WriteLine($"Spark {session.Version}: {string.Join(", ", cluster.Daemons.Select(daemon => daemon.Name))}");

// %% [markdown]
// Pictures onto HDFS. HDFS likes few large files, so the 10,000 of CIFAR-10 that come with the repository are packed into Parquet on the way.

// %%
void Show(string folder)
{
    foreach (var entry in store.List(folder).Where(entry => !entry.IsFolder && entry.Length > 0).OrderBy(entry => entry.Path, StringComparer.Ordinal))
        Console.WriteLine($"{entry.Length,12:N0} {entry.Path}");
}

var root = $"{cluster.FileSystem}/mlnetcifar";
var import = await HdfsImport.RunAsync(new HdfsImportOptions
{
    Source = Path.Combine(here, "../src/MlNetCifar.App/Sample/cifar10-sample.tar.gz"), Target = $"{root}/pictures", PackParquet = true, PackBytes = 8 << 20, Hadoop = hadoop,
});
Console.WriteLine($"{import.Files:N0} pictures");
Show($"{root}/pictures");

// %% [markdown]
// The executors decode and resize them, and write shards: parts of arrays with a manifest that has their SHA-256. They are the same bytes wherever they are made.

// %%
var prepared = await SparkPrepare.RunAsync(new SparkPrepareOptions
{
    Input = $"{root}/pictures", Output = $"{root}/shards", Master = cluster.Connect!, Hadoop = hadoop, WorkerPath = worker,
    Shards = new ShardOptions { Spec = new PreprocessSpec { Width = 32, Height = 32 }, Parts = 2 },
});
Console.WriteLine($"{prepared.PartsWritten} parts written by the executors, {prepared.BadFiles.Count} pictures that could not be read");
Show($"{root}/shards");

// %% [markdown]
// Trained from `hdfs://`: parts are read as they are needed, checked, and kept on the local disk for the epochs that follow.

// %%
var data = ImageDataset.Open($"{root}/shards", new ImageDatasetOptions { Files = new ImageCatalogOptions { Store = store }, CacheFolder = Path.Combine(output, "cache") }).Ensure(DatasetSplit.Validation, 0.05);
Console.WriteLine($"{data.Train.Count:N0} pictures to train on, {data.Validation!.Count:N0} to validate with, {data.Test!.Count:N0} to test with");
//> data.Train

// %%
var epochs = int.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_EPOCHS"), out var asked) ? asked : 4;
var trainer = new Trainer(Architectures.Create("seed-cnn", data.Train.Width, data.Train.Height, data.Train.Channels, data.Classes.Count), MlNetCifar.Recipes.For("seed-cnn") with { Epochs = epochs });
//> trainer.Observers.Add(new LiveHistory());
var result = trainer.Fit(data.Train, data.Validation);
foreach (var epoch in result.History)
    Console.WriteLine($"epoch {epoch.Epoch}: loss {epoch.TrainLoss:0.000}, validation accuracy {epoch.ValidationAccuracy:0.000}");
//> result

// %% [markdown]
// Evaluated on the test split.

// %%
var model = result.ToClassifier(data.Spec!);
var evaluation = model.Evaluate(data.Test);
Console.WriteLine($"test accuracy {evaluation.MicroAccuracy:0.000}, 95 % interval {evaluation.MicroAccuracyInterval}");
//> evaluation

// %% [markdown]
// Results onto HDFS: the report with its tables, and the model. Each file gets its name when it is whole.

// %%
var report = Path.Combine(output, "report");
ReportWriter.Write(report, new ReportInput { Title = "Spark and HDFS", Result = evaluation, History = result.History, Images = data.Test });
foreach (var file in Directory.EnumerateFiles(report, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
{
    store.Write($"{root}/results/{Path.GetRelativePath(report, file).Replace('\\', '/')}", target =>
    {
        using (var source = File.OpenRead(file))
            source.CopyTo(target);
    });
}

store.Write($"{root}/results/model.safetensors", model.Save);
Show($"{root}/results");

// %% [markdown]
// What lies there is data like any other: Spark reads the answers from HDFS, and says which classes are told right how often.

// %%
await session.Read("csv", [$"{root}/results/predictions.csv"], new Dictionary<string, string> { ["header"] = "true", ["inferSchema"] = "true" }).CreateTempViewAsync("answers");
foreach (var row in await session.Sql("SELECT label, count(*) AS pictures, round(avg(CASE WHEN label = predicted THEN 1 ELSE 0 END), 3) AS recall FROM answers GROUP BY label ORDER BY recall DESC").CollectAsync())
    Console.WriteLine($"{row["label"],-12} {row["pictures"],5} {row["recall"]:0.000}");

// %% [markdown]
// And the model is read from there, as any other program would.

// %%
var loaded = ImageClassifier.LoadFrom($"{root}/results/model.safetensors", store);
foreach (var (label, _, probability) in loaded.Classify(data.Test, 0, top: 3).Predictions)
    Console.WriteLine($"{label} {probability:0.000}");
//> RgbImage.Decode(data.Test.ToPng(0))

// %% [markdown]
// The cluster was for this walk: with it goes what lay on it.

// %%
loaded.Dispose();
model.Dispose();
result.Dispose();
data.Dispose();
store.Dispose();
await session.DisposeAsync();
await cluster.StopAsync();
Console.WriteLine(Directory.Exists(Path.Combine(output, "cluster")) ? "something is left of the cluster" : "stopped");
