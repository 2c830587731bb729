using MlNetCifar.Files;
using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Nn;

/// <summary>The presets whose definition and names are torchvision's, and names of layers of their own.</summary>
[TestClass]
public sealed class ResnetTests
{
    [TestMethod]
    [DataRow("resnet18", 11_689_512)]
    [DataRow("resnet34", 21_797_672)]
    public void Presets_HaveTorchvisionsParameters(string preset, long parameters)
    {
        using var weights = NetworkWeights.Initialize(Architectures.Create(preset, 224, 224, 3, 1000), 0);
        Assert.AreEqual(parameters, weights.ParameterCount);
    }

    [TestMethod]
    public void Resnet18_HasTorchvisionsNamesAndShapes()
    {
        var spec = Architectures.Create("resnet18", 224, 224, 3, 1000);
        using var weights = NetworkWeights.Initialize(spec, 0);
        var names = weights.Tensors.Select(t => t.Name).ToArray();
        List<string> expected = ["conv1.weight", .. Norm("bn1")];
        for (var group = 1; group <= 4; group++)
            for (var block = 0; block < 2; block++)
            {
                var name = $"layer{group}.{block}";
                expected.AddRange([$"{name}.conv1.weight", .. Norm($"{name}.bn1"), $"{name}.conv2.weight", .. Norm($"{name}.bn2")]);
                if (group > 1 && block == 0)
                    expected.AddRange([$"{name}.downsample.0.weight", .. Norm($"{name}.downsample.1")]);
            }

        CollectionAssert.AreEqual((string[])[.. expected, "fc.weight", "fc.bias"], names);
        CollectionAssert.AreEqual(new[] { 7, 7, 3, 64 }, weights.Find("conv1.weight")!.Dimensions.ToArray());
        CollectionAssert.AreEqual(new[] { 1, 1, 256, 512 }, weights.Find("layer4.0.downsample.0.weight")!.Dimensions.ToArray());
        var last = spec.Resolve().Last(node => node.Layer is Residual);
        Assert.AreEqual((7, 7, 512), (last.Output.H, last.Output.W, last.Output.C));
    }

    [TestMethod]
    [DataRow(32, 4)]
    [DataRow(64, 8)]
    [DataRow(65, 3)]
    [DataRow(224, 7)]
    public void Resnet_SmallPicturesKeepTheirSizeInTheStem(int side, int last)
    {
        var spec = Architectures.Create("resnet18", side, side, 3, 10);
        Assert.AreEqual(last, spec.Resolve().Last(node => node.Layer is Residual).Output.H);
        Assert.AreEqual(side <= 64 ? 3 : 7, ((Conv2d)spec.Layers[0]).Kernel);
    }

    [TestMethod]
    public void WeightName_IsWrittenAndRead_AndCountsInEquality()
    {
        var spec = Architectures.Create("resnet18", 32, 32, 3, 10);
        using var stream = new MemoryStream();
        using (var json = new System.Text.Json.Utf8JsonWriter(stream))
            NetworkJson.Write(json, spec);
        using var document = System.Text.Json.JsonDocument.Parse(stream.ToArray());
        Assert.AreEqual(spec, NetworkJson.Read(document.RootElement, FileOrigin.Of(document.RootElement, "x")));
        Assert.AreNotEqual<LayerSpec>(new Residual(new Scale(2)), new Residual(new Scale(2)) { WeightName = "a" });
        Assert.AreNotEqual<LayerSpec>(new Linear(2), new Linear(2) { WeightName = "a" });
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("a..b")]
    [DataRow(".a")]
    [DataRow("ä")]
    [DataRow("a b")]
    public void WeightName_ThatIsNone_IsRefused(string name) => Refused(new Linear(2) { WeightName = name }, "the weight name");

    [TestMethod]
    public void WeightName_OfALayerWithoutWeights_IsRefused() => Refused(new Activation(ActivationKind.Relu) { WeightName = "relu" }, "it has no weights");

    [TestMethod]
    public void WeightName_ThatAnotherLayerHas_IsRefused() => Refused(new Linear(2) { WeightName = "fc1" }, "no other layer has");

    static void Refused(LayerSpec layer, string part)
    {
        var spec = new NetworkSpec { Name = "n", Height = 1, Width = 1, Channels = 3, Classes = 2, Layers = [new Linear(2), layer, new Linear(2)] };
        var error = Assert.ThrowsExactly<MlNetCifarException>(spec.Validate);
        Assert.AreEqual("MNC2002", error.Code);
        StringAssert.Contains(error.Message, part);
    }

    static IEnumerable<string> Norm(string name) => new[] { "weight", "bias", "running_mean", "running_var" }.Select(part => $"{name}.{part}");
}
