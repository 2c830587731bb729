using MlNetCifar.Data;
using MlNetCifar.Imaging;
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
    [DataRow(0, 2)]
    [DataRow(449, 2)]
    [DataRow(450, 1)]
    public void OnDemand_PixelsAreKeptWhereThereIsRoomForAll(int kept, int reads)
    {
        using var folder = new TestFolder().AddPictures("data/", 2, 2);
        var opened = new int[5];
        LabelledImage[] images = [.. Enumerable.Range(0, 5).Select(i => new LabelledImage($"{i}", $"{i % 2}", () =>
        {
            Interlocked.Increment(ref opened[i]);
            return i == 0 ? new MemoryStream([1, 2, 3]) : File.OpenRead(folder[$"data/class{i % 2}/00{i / 3}.png"]);
        }))];
        using var memory = ImageDataset.Create(images, s_inMemory);
        Array.Clear(opened);
        using var demand = ImageDataset.Create(images, s_onDemand with { KeptPixels = kept });
        Assert.HasCount(1, demand.BadFiles);
        Assert.AreEqual(4, demand.Train.Count);
        var (expected, actual) = (new byte[90], new byte[90]);
        for (var i = 0; i < 4; i++)
        {
            memory.Train.CopyPixels(i, expected);
            demand.Train.CopyPixels(i, actual);
            CollectionAssert.AreEqual(expected, actual);
        }
        CollectionAssert.AreEqual(new[] { 1, reads, reads, reads, reads }, opened);
    }

    [TestMethod]
    public void OnDemand_BatchesAreThoseOfMemory()
    {
        using var folder = new TestFolder().AddPictures("data/", 3, 7);
        using var memory = ImageDataset.Open(folder["data"], s_inMemory);
        using var demand = ImageDataset.Open(folder["data"], s_onDemand);
        CollectionAssert.AreEqual(Batches(memory.Train), Batches(demand.Train));
    }

    [TestMethod]
    public void Crops_AreCutFromTheDecodedPicture()
    {
        // Red tells the column, green the row.
        const int Width = 120;
        const int Height = 90;
        byte[] pixels = [.. Enumerable.Range(0, Width * Height).SelectMany(i => (byte[])[(byte)(2 * (i % Width)), (byte)(2 * (i / Width)), 0])];
        using var folder = new TestFolder().Add("data/a/0.png", PngEncoder.Encode(pixels, Width, Height, 3)).Add("data/b/0.png", PngEncoder.Encode(pixels, Width, Height, 3));
        using var demand = ImageDataset.Open(folder["data"], s_onDemand);
        using var memory = ImageDataset.Open(folder["data"], s_inMemory);
        var (actual, small) = (new byte[90], new byte[90]);
        for (var sample = 0; sample < 30; sample++)
        {
            var crop = RandomCrop.Of(new Augmentation { CropArea = 0.3f }, new SplitRandom(1, RandomPurpose.Crop, 0, (ulong)sample));
            demand.Train.Subset([1]).CopyCrop(0, crop, actual);
            Check(actual, crop.PixelsOf(Width, Height), 1, 1);

            // Of pixels that are small already, 20×18 each.
            memory.Train.CopyCrop(1, crop, small);
            Check(small, crop.PixelsOf(6, 5), 20, 18);
        }

        // Where the kernel leaves the picture it leans inwards, by less than half of its reach.
        static void Check(byte[] result, PixelBox box, int unitX, int unitY)
        {
            var (stepX, stepY) = (unitX * Math.Max(1, box.Width / 6.0), unitY * Math.Max(1, box.Height / 5.0));
            for (var i = 0; i < 30; i++)
            {
                Assert.AreEqual(unitX * (box.Left + (((i % 6) + 0.5) * box.Width / 6.0)), (result[3 * i] / 2.0) + 0.5, (stepX / 2) + 0.5, $"{box} {i}");
                Assert.AreEqual(unitY * (box.Top + (((i / 6) + 0.5) * box.Height / 5.0)), (result[(3 * i) + 1] / 2.0) + 0.5, (stepY / 2) + 0.5, $"{box} {i}");
            }
        }
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
