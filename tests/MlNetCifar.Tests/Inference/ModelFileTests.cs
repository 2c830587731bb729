using System.Text;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

[TestClass]
public sealed class ModelFileTests
{
    readonly TestFolder _folder = new();

    string ModelPath => _folder["model.safetensors"];

    [TestCleanup]
    public void End() => _folder.Dispose();

    [TestMethod]
    public void Load_GivesBackWhatWasSaved()
    {
        using var saved = SmallModel.Create();
        saved.Save(ModelPath);
        using var loaded = ImageClassifier.Load(ModelPath);
        Assert.AreEqual(saved.Network, loaded.Network);
        Assert.AreEqual(saved.WeightsSha256, loaded.WeightsSha256);
        CollectionAssert.AreEqual(saved.Classes, loaded.Classes);
        Assert.AreEqual(saved.Preprocess, loaded.Preprocess);
        Assert.AreEqual(saved.Normalization, loaded.Normalization);
        Assert.AreEqual(saved.BestEpoch, loaded.BestEpoch);
        Assert.AreEqual(saved.TrainingSettings, loaded.TrainingSettings);
        Assert.AreEqual(saved.History[0], loaded.History[0]);
        var images = SmallModel.Images(20);
        CollectionAssert.AreEqual(saved.Score(images), loaded.Score(images));
        Assert.AreEqual(1, Directory.GetFiles(_folder.Root).Length, "a temporary file was left");
    }

    [TestMethod]
    public void ToHalfPrecision_HalvesTheFileAndKeepsTheAnswers()
    {
        using var full = SmallModel.Create();
        full.Save(ModelPath);
        var length = new FileInfo(ModelPath).Length;
        using var half = full.ToHalfPrecision();
        half.Save(ModelPath);
        using var loaded = ImageClassifier.Load(ModelPath);
        Assert.IsLessThan(length, new FileInfo(ModelPath).Length);
        Assert.IsTrue(loaded.IsHalfPrecision);
        Assert.AreNotEqual(full.WeightsSha256, half.WeightsSha256);
        Assert.AreEqual(half.WeightsSha256, loaded.WeightsSha256);
        var images = SmallModel.Images(20);
        var (before, after) = (full.Score(images), loaded.Score(images));
        CollectionAssert.AreEqual(half.Score(images), after);
        for (var i = 0; i < before.Length; i++)
            Assert.AreEqual(before[i], after[i], 2e-3);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Load_PresetsKeepTheirDescription()
    {
        foreach (var name in Architectures.Names)
        {
            var spec = Architectures.Create(name, 32, 32, 3, 10);
            using var weights = NetworkWeights.Initialize(spec, 0);
            using var model = new ImageClassifier(weights, [.. Enumerable.Range(0, 10).Select(k => $"{k}")], new PreprocessSpec(), Normalization.None(3));
            model.Save(ModelPath);
            using var loaded = ImageClassifier.Load(ModelPath);
            Assert.AreEqual(spec, loaded.Network, name);
            Assert.AreEqual(model.WeightsSha256, loaded.WeightsSha256, name);
        }
    }

    [TestMethod]
    [DataRow(5, 2)]
    [DataRow(16, 16)]
    [DataRow(17, 33)]
    public void Tensors_HavePyTorchNamesShapesAndOrder(int filters, int classes)
    {
        var spec = new NetworkSpec
        {
            Name = "n", Height = 4, Width = 6, Channels = 3, Classes = classes,
            Layers = [new Conv2d(filters, 3), new Pool2d(PoolKind.Max, 2), new Flatten(), new Activation(ActivationKind.Relu), new Linear(classes)],
        };
        using var weights = NetworkWeights.Initialize(spec, 3);
        var files = weights.Tensors.Select(t => WeightLayout.ToFile(t, half: false)).ToDictionary(f => f.Name);
        CollectionAssert.AreEqual(new[] { "conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias" }, files.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { filters, 3, 3, 3 }, files["conv1.weight"].Dimensions);
        CollectionAssert.AreEqual(new[] { classes, 6 * filters }, files["fc1.weight"].Dimensions);

        // Ours is [r, s, c, k] and [(h, w, c), k]; theirs [k, c, r, s] and [k, (c, h, w)].
        for (int r = 0; r < 3; r++)
            for (int s = 0; s < 3; s++)
                for (int c = 0; c < 3; c++)
                    for (int k = 0; k < filters; k++)
                        Assert.AreEqual(weights.Find("conv1.weight")!.Values[(((((r * 3) + s) * 3) + c) * filters) + k], files["conv1.weight"].Values[(((((k * 3) + c) * 3) + r) * 3) + s]);
        for (int h = 0; h < 2; h++)
            for (int w = 0; w < 3; w++)
                for (int c = 0; c < filters; c++)
                    for (int k = 0; k < classes; k++)
                        Assert.AreEqual(weights.Find("fc1.weight")!.Values[((((h * 3) + w) * filters) + c) * classes + k], files["fc1.weight"].Values[(k * 6 * filters) + (((c * 2) + h) * 3) + w]);

        using var read = new NetworkWeights(spec);
        foreach (var tensor in read.Tensors)
        {
            WeightLayout.FromFile(tensor, files[tensor.Name].Values);
            CollectionAssert.AreEqual(weights.Find(tensor.Name)!.Values.ToArray(), tensor.Values.ToArray(), tensor.Name);
        }
    }

    [TestMethod]
    public void Load_MissingFile_IsNamed() => AssertCode("MNC4001", () => ImageClassifier.Load(ModelPath));

    [TestMethod]
    [DataRow(0, "MNC4002")]
    [DataRow(5, "MNC4002")]
    [DataRow(200, "MNC4002")]
    [DataRow(-4, "MNC4005")]
    public void Load_CutFile_IsNamed(int length, string code)
    {
        var file = Saved();
        File.WriteAllBytes(ModelPath, file[..(length < 0 ? file.Length + length : length)]);
        AssertCode(code, () => ImageClassifier.Load(ModelPath));
    }

    [TestMethod]
    public void Load_ChangedWeight_IsNamed()
    {
        var file = Saved();
        file[^10] ^= 1;
        File.WriteAllBytes(ModelPath, file);
        AssertCode("MNC4005", () => ImageClassifier.Load(ModelPath));
    }

    [TestMethod]
    public void Load_ForeignWeights_IsNamed()
    {
        using (var stream = File.Create(ModelPath))
            SafeTensors.Write(stream, [new FileTensor("conv1.weight", [1, 2], [1, 2])], new Dictionary<string, string> { ["format"] = "pt" });
        AssertCode("MNC4003", () => ImageClassifier.Load(ModelPath));
    }

    [TestMethod]
    public void Load_NewerFormat_IsNamed()
    {
        var text = Encoding.Latin1.GetString(Saved());
        File.WriteAllBytes(ModelPath, Encoding.Latin1.GetBytes(text.Replace("format_version\\u0022:1", "format_version\\u0022:9", StringComparison.Ordinal)));
        AssertCode("MNC4004", () => ImageClassifier.Load(ModelPath));
    }

    [TestMethod]
    public void Load_OtherNetworksWeights_AreNamed()
    {
        using var model = SmallModel.Create();
        var tensors = model.Weights.Tensors.Select(t => WeightLayout.ToFile(t, half: false)).Skip(1).ToArray();
        model.Save(ModelPath);
        var metadata = SafeTensors.Read(File.ReadAllBytes(ModelPath), ModelPath).Metadata.ToDictionary();
        metadata.Remove("data_sha256");
        using (var stream = File.Create(ModelPath))
            SafeTensors.Write(stream, tensors, metadata);
        AssertCode("MNC2006", () => ImageClassifier.Load(ModelPath));
    }

    [TestMethod]
    public void Load_AnyDamage_EndsInANamedError()
    {
        var file = Saved();
        var random = new Random(7);
        for (var i = 0; i < 400; i++)
        {
            var damaged = (byte[])file.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
                damaged[random.Next(4) == 0 ? random.Next(16) : random.Next(damaged.Length)] = (byte)random.Next(256);
            if (random.Next(3) == 0)
                damaged = damaged[..random.Next(damaged.Length)];
            File.WriteAllBytes(ModelPath, damaged);
            try
            {
                ImageClassifier.Load(ModelPath).Dispose();
            }
            catch (MlNetCifarException e)
            {
                StringAssert.StartsWith(e.Code, "MNC");
            }
        }
    }

    [TestMethod]
    public void Save_IntoNoFolder_IsNamedAndLeavesNothing()
    {
        using var model = SmallModel.Create();
        var file = Path.Combine(_folder.Root, "file");
        File.WriteAllText(file, "");
        AssertCode("MNC4006", () => model.Save(Path.Combine(file, "model.safetensors")));
    }

    byte[] Saved()
    {
        using var model = SmallModel.Create();
        model.Save(ModelPath);
        return File.ReadAllBytes(ModelPath);
    }

    static void AssertCode(string code, Action action) => Assert.AreEqual(code, Assert.ThrowsExactly<MlNetCifarException>(action).Code);
}
