namespace MlNetCifar.Tests.Onnx;

/// <summary>The features of ML.NET's ResNet-18, imported, against those of ONNX Runtime on the same pixels.</summary>
[TestClass]
public sealed class ResNet18ImportTests
{
    static readonly OnnxImportOptions s_options = new() { Preprocessing = PackagedModels.ResNet18Preprocessing };

    [TestMethod]
    public void Features_EqualOnnxRuntimes() => Compare(8);

    [TestMethod]
    [TestCategory("Slow")]
    public void Features_OfManyPhotographs_EqualOnnxRuntimes() => Compare(200);

    [TestMethod]
    public void Network_IsAsInTheFile()
    {
        using var model = OnnxImport.Load(PackagedModels.ResNet18, s_options);
        Assert.IsFalse(model.IsClassifier);
        Assert.AreEqual(512, model.Network.Classes);
        Assert.HasCount(23, model.Network.Layers);
        Assert.AreEqual(new PreprocessSpec { Width = 224, Height = 224 }, model.Preprocess);
        Assert.HasCount(224 * 224 * 3, model.Normalization.MeanImage!);
        var bytes = model.Normalization.Mean.Select(mean => 255.0 * mean).ToArray();
        Assert.AreEqual(123.15, bytes[0], 0.01);
        Assert.AreEqual(115.90, bytes[1], 0.01);
        Assert.AreEqual(103.06, bytes[2], 0.01);
    }

    [TestMethod]
    public void SavedFeatures_AreTheSame()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("mlnetcifar-onnx").FullName, "features.safetensors");
        try
        {
            using var model = OnnxImport.Load(PackagedModels.ResNet18, s_options);
            model.Save(path);
            using var features = model.ToFeatures();
            using var loaded = FeatureExtractor.Load(path);
            Assert.AreEqual(features.WeightsSha256, loaded.WeightsSha256);
            Assert.AreEqual(features.Normalization, loaded.Normalization);
            var picture = new RgbImage(50, 40);
            CollectionAssert.AreEqual(features.Features(picture), loaded.Features(picture));
            Assert.AreEqual("MNC4010", Assert.ThrowsExactly<MlNetCifarException>(() => ImageClassifier.Load(path)).Code);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    static void Compare(int count)
    {
        var photographs = PackagedModels.Photographs(count, 224);
        using var imported = OnnxImport.Load(PackagedModels.ResNet18, s_options);
        using var extractor = imported.ToFeatures();
        var found = extractor.Features(photographs);
        using var preprocessing = new OnnxRuntimePeer(PackagedModels.ResNet18Preprocessing);
        using var network = new OnnxRuntimePeer(PackagedModels.ResNet18);
        var expected = new float[found.Length];
        long[] shape = [1, 3, 224, 224];
        var planes = new float[224 * 224 * 3];
        var pixels = new byte[planes.Length];
        for (var i = 0; i < count; i++)
        {
            photographs.CopyPixels(i, pixels);
            for (var at = 0; at < pixels.Length; at++)
                planes[(at % 3 * 224 * 224) + (at / 3)] = pixels[at];
            network.Run(preprocessing.Run(planes, shape), shape).CopyTo(expected, i * 512);
        }

        var difference = OnnxRuntimePeer.RelativeDifference(found, expected);
        Console.WriteLine($"{count} photographs: largest relative difference {difference:G3}, features up to {expected.Max():F1}");
        Assert.IsLessThan(1e-4, difference);
    }
}
