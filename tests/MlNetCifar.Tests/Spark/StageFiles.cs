using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>Small real data sets for the stage, its worker, and what it wrote.</summary>
static class StageFiles
{
    /// <summary>The worker as built beside the tests.</summary>
    public static string Worker
    {
        get
        {
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
            return Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "MlNetCifar.Worker", configuration, "mlnetcifar-worker"));
        }
    }

    /// <summary>The committed CIFAR sample's archive.</summary>
    public static string Sample => Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz");

    /// <summary>Unpacks some images of each class of the sample's training and test split, and adds two bad ones.</summary>
    public static void Unpack(string folder, int trainPerClass, int testPerClass)
    {
        using var archive = ImageCatalog.Open(Sample);
        using var tree = archive.Tree.ToRandomAccess(default);
        foreach (var group in archive.Images.GroupBy(i => (i.Split, i.Label)))
        {
            foreach (var image in group.Take(group.Key.Split == DatasetSplit.Train ? trainPerClass : testPerClass))
            {
                byte[] buffer = [];
                var length = tree.Read(image.File, ref buffer);
                var path = Path.Combine(folder, image.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, buffer.AsSpan(0, length).ToArray());
            }
        }

        var bad = Path.Combine(folder, "train", archive.Classes[3]);
        File.WriteAllText(Path.Combine(bad, "no image.jpg"), "no image at all");
        File.WriteAllBytes(Path.Combine(bad, "empty.jpg"), []);
    }

    /// <summary>Copies a local folder to HDFS.</summary>
    public static Task CopyAsync(string from, LocalCluster cluster, string name) => HdfsImport.RunAsync(new()
    {
        Source = from,
        Target = $"{cluster.FileSystem}/{name}",
        Hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration),
    });

    /// <summary>Every file below a folder with its SHA-256.</summary>
    public static string[] Hashes(IFileStore store, string folder) =>
        [.. store.List(folder).Where(e => !e.IsFolder).OrderBy(e => e.Path, StringComparer.Ordinal).Select(e => $"{e.Path} {Hash(store, $"{folder}/{e.Path}")}")];

    /// <summary>Asserts that two folders held the same files with the same bytes, naming those that differ.</summary>
    public static void AreSame(string[] expected, string[] actual) =>
        Assert.AreEqual("", string.Join("\n", expected.Except(actual).Select(e => $"- {e}").Concat(actual.Except(expected).Select(a => $"+ {a}"))));

    /// <summary>Every entry below a folder, also folders.</summary>
    public static string[] Names(IFileStore store, string folder) => [.. store.List(folder).Select(e => e.Path).Order(StringComparer.Ordinal)];

    static string Hash(IFileStore store, string path)
    {
        using var stream = store.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    public static SparkPrepareOptions Options(string input, string output, string master) => new()
    {
        Input = input,
        Output = output,
        Master = master,
        Shards = new() { Spec = new() { Width = 24, Height = 20 }, Parts = 5, Seed = 7 },
        WorkerPath = Worker,
    };
}
