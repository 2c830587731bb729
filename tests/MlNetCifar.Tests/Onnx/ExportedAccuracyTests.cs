using System.Globalization;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>What smaller weights cost the model that comes with the program, on test images of CIFAR-10.</summary>
[TestClass]
public sealed class ExportedAccuracyTests
{
    const int AtOnce = 500;

    /// <summary>On every fifth image; the bounds are those of all images and two images more.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow(OnnxWeights.Float32, 0.0015, 8_600_000)]
    [DataRow(OnnxWeights.Float16, 0.0015, 4_400_000)]
    [DataRow(OnnxWeights.Int8, 0.004, 2_300_000)]
    public void ShippedModel_IsAsAccurate(OnnxWeights weights, double most, long bytes) => Compare(weights, most, bytes, 5);

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    [DataRow(OnnxWeights.Float32, 0.0005, 8_600_000)]
    [DataRow(OnnxWeights.Float16, 0.0005, 4_400_000)]
    [DataRow(OnnxWeights.Int8, 0.003, 2_300_000)]
    public void ShippedModel_IsAsAccurateOnAllImages(OnnxWeights weights, double most, long bytes) => Compare(weights, most, bytes, 1);

    static void Compare(OnnxWeights weights, double most, long bytes, int every)
    {
        using var folder = new TestFolder();
        using var model = ImageClassifier.Load(Repository.File("models", "cifar10-airbench94.safetensors"));
        var path = folder["model.onnx"];
        model.ExportOnnx(path, new() { Weights = weights });
        var length = new FileInfo(path).Length;
        using var imported = OnnxImport.Load(path);
        using var classifier = imported.ToClassifier();
        var test = TestImages.Subset([.. Enumerable.Range(0, TestImages.Count).Where(i => i % every == 0)]);
        var shipped = Accuracy(model.Logits(test), test);
        var (ours, theirs) = (Accuracy(classifier.Logits(test), test), Accuracy(Peer(path, test), test));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{weights}: {length:N0} bytes, shipped {shipped:F4}, imported {ours:F4}, in ONNX Runtime {theirs:F4}"));
        Assert.IsLessThan(bytes, length);
        Assert.IsGreaterThan(shipped - most, ours);
        Assert.IsGreaterThan(shipped - most, theirs);
        Assert.AreEqual(ours, theirs, every == 1 ? 2e-4 : 1e-3);
    }

    static ImageSource TestImages
    {
        get
        {
            var path = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", "cifar10-jpeg.tar.gz");
            if (!File.Exists(path))
                Assert.Inconclusive("MLNETCIFAR_SHARED names no folder with data/cifar10-jpeg.tar.gz.");
            return (s_data ??= ImageDataset.Open(path)).Test!;
        }
    }

    static ImageDataset? s_data;

    [ClassCleanup]
    public static void Close()
    {
        s_data?.Dispose();
        s_data = null;
    }

    static float[] Peer(string path, ImageSource images)
    {
        using var peer = new OnnxRuntimePeer(path);
        var length = images.ImageLength;
        var logits = new List<float>();
        for (var first = 0; first < images.Count; first += AtOnce)
        {
            var pixels = new byte[Math.Min(AtOnce, images.Count - first) * length];
            for (var i = 0; i < pixels.Length / length; i++)
                images.CopyPixels(first + i, pixels.AsSpan(i * length, length));
            logits.AddRange(peer.Run(pixels, [pixels.Length / length, images.Height, images.Width, images.Channels], "logits"));
        }

        return [.. logits];
    }

    static double Accuracy(float[] logits, ImageSource images)
    {
        var (classes, right) = (images.Classes.Count, 0);
        for (var i = 0; i < images.Count; i++)
        {
            var best = Enumerable.Range(0, classes).MaxBy(k => logits[(i * classes) + k]);
            right += best == images.Label(i) ? 1 : 0;
        }

        return (double)right / images.Count;
    }
}
