using MlNetCifar.Data;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

/// <summary>Pictures that are decoded on demand are those that are decoded once.</summary>
[TestClass]
public sealed class FileImagesTests
{
    static readonly ImageDatasetOptions s_inMemory = new() { Spec = new PreprocessSpec { Width = 6, Height = 5 } };
    static readonly ImageDatasetOptions s_onDemand = s_inMemory with { DecodeOnDemand = true };

    [TestMethod]
    [DataRow("data")]
    [DataRow("data.tar.gz")]
    [DataRow("data.zip")]
    public void OnDemand_GivesThePixelsOfMemory(string name)
    {
        using var folder = new TestFolder().AddPictures("data/", 3, 4).Text("data/class1/bad.png", "no picture");
        Pack(folder, name);
        using var memory = ImageDataset.Open(folder[name], s_inMemory);
        using var demand = ImageDataset.Open(folder[name], s_onDemand);
        Assert.AreEqual(memory.Train.ContentHash(), demand.Train.ContentHash());
        CollectionAssert.AreEqual(Names(memory.Train), Names(demand.Train));
        Assert.HasCount(1, demand.BadFiles);
        Assert.AreEqual(memory.BadFiles[0], demand.BadFiles[0]);
    }

    [TestMethod]
    public void OnDemand_HashesAreThoseOfTheFiles_InSubsetsToo()
    {
        using var folder = new TestFolder().AddPictures("data/", 2, 5);
        using var data = ImageDataset.Open(folder["data"], s_onDemand);
        var subset = data.Train.Subset([7, 2]);
        foreach (var (source, index) in new[] { (data.Train, 3), (subset, 0), (subset, 1) })
        {
            Assert.IsTrue(source.TryGetContentHash(index, out var hash));
            CollectionAssert.AreEqual(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(folder[$"data/{source.Name(index)}"])), hash.ToArray());
        }
    }

    [TestMethod]
    public void OnDemand_FilesThatVanishAreNamed()
    {
        using var folder = new TestFolder().AddPictures("data/", 2, 2);
        using var data = ImageDataset.Open(folder["data"], s_onDemand);
        File.Delete(folder["data/class1/001.png"]);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => data.Train.CopyPixels(3, new byte[data.Train.ImageLength]));
        Assert.AreEqual(folder["data/class1/001.png"], error.Path);
    }

    [TestMethod]
    public void OnDemand_BatchesAreThoseOfMemory()
    {
        using var folder = new TestFolder().AddPictures("data/", 3, 7);
        using var memory = ImageDataset.Open(folder["data"], s_inMemory);
        using var demand = ImageDataset.Open(folder["data"], s_onDemand);
        CollectionAssert.AreEqual(Batches(memory.Train), Batches(demand.Train));
    }

    static float[] Batches(ImageSource source)
    {
        using var loader = new BatchLoader(source, Normalization.None(3), new BatchLoaderOptions { BatchSize = 4, Shuffle = true, Seed = 5, Augmentation = Augmentation.Standard(5), Threads = 3 });
        loader.Start(1);
        var all = new List<float>();
        while (loader.Next() is { } batch)
            all.AddRange(batch.Pixels);
        return [.. all];
    }

    static string[] Names(ImageSource source) => [.. Enumerable.Range(0, source.Count).Select(source.Name)];

    static void Pack(TestFolder folder, string name)
    {
        if (name.EndsWith(".zip", StringComparison.Ordinal))
            System.IO.Compression.ZipFile.CreateFromDirectory(folder["data"], folder[name]);
        if (!name.EndsWith(".gz", StringComparison.Ordinal))
            return;
        using var gzip = new System.IO.Compression.GZipStream(File.Create(folder[name]), System.IO.Compression.CompressionLevel.Fastest);
        System.Formats.Tar.TarFile.CreateFromDirectory(folder["data"], gzip, includeBaseDirectory: false);
    }
}
