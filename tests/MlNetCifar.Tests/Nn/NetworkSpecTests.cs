using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Nn;

[TestClass]
public sealed class NetworkSpecTests
{
    [TestMethod]
    public void Validate_DenseOnAPicture_NamesLayerAndShapes() => AssertFault(
        "MNC2001",
        "Layer 2 (linear): found input [1, 8, 8, 4]; expected a flat input [N, 1, 1, C]; put Flatten or a global pooling before it. Change the layer or the one before it, or the size of the pictures.",
        new Conv2d(4, 3), new Linear(3));

    [TestMethod]
    public void Validate_FilterLargerThanThePicture_NamesLayerAndShapes() => AssertFault(
        "MNC2001",
        "Layer 2 (conv2d): found input [1, 4, 4, 4]; expected at least [N, 5, 5, C] for a 5×5 filter with valid padding. Change the layer or the one before it, or the size of the pictures.",
        new Conv2d(4, 3) { Stride = 2 }, new Conv2d(4, 5) { Padding = Padding.Valid }, new Flatten(), new Linear(3));

    [TestMethod]
    public void Validate_WindowLargerThanThePicture_NamesLayerAndShapes() => AssertFault(
        "MNC2001",
        "Layer 1 (max_pool): found input [1, 8, 8, 3]; expected at least [N, 9, 9, C]. Change the layer or the one before it, or the size of the pictures.",
        new Pool2d(PoolKind.Max, 9), new Flatten(), new Linear(3));

    [TestMethod]
    public void Validate_ResidualPathsThatDiffer_NamesBothShapes() => AssertFault(
        "MNC2001",
        "Layer 1 (residual): found body [1, 8, 8, 5] and shortcut [1, 8, 8, 3]; expected equal shapes; project the shortcut with a 1×1 convolution. Change the layer or the one before it, or the size of the pictures.",
        new Residual(new Conv2d(5, 3)), new Flatten(), new Linear(3));

    [TestMethod]
    public void Validate_InsideAResidualBlock_NamesThePlace() => AssertFault(
        "MNC2001",
        "Layer 2.2 (linear): found input [1, 8, 8, 3]; expected a flat input [N, 1, 1, C]; put Flatten or a global pooling before it. Change the layer or the one before it, or the size of the pictures.",
        new Conv2d(3, 1), new Residual(new Activation(ActivationKind.Relu), new Linear(3)), new Flatten(), new Linear(3));

    [TestMethod]
    public void Validate_InsideAShortcut_NamesThePlace() => AssertFault(
        "MNC2001",
        "Layer 1.s1 (average_pool): found input [1, 8, 8, 3]; expected at least [N, 10, 10, C]. Change the layer or the one before it, or the size of the pictures.",
        new Residual([new Conv2d(3, 1)], [new Pool2d(PoolKind.Average, 10)]), new Flatten(), new Linear(3));

    [TestMethod]
    public void Validate_OutOfRangeOptions_AreNamed()
    {
        AssertFault("MNC2002", "Layer 1 (conv2d): filters 0, kernel 3×3, stride 1; expected all at least 1.", new Conv2d(0, 3), new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (dropout): rate 1; expected 0 ≤ rate < 1.", new Dropout(1), new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (dropout): rate NaN; expected 0 ≤ rate < 1.", new Dropout(float.NaN), new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (scale): factor 0; expected a finite number other than 0.", new Scale(0), new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 2 (linear): 0 units; expected at least 1.", new Flatten(), new Linear(0), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (activation): slope 2; expected 0 … 1.", new Activation(ActivationKind.LeakyRelu) { Slope = 2 }, new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (batch_norm): epsilon 0, momentum 0.1; expected epsilon above 0, momentum in 0 … 1.", new BatchNorm { Epsilon = 0 }, new Flatten(), new Linear(3));
        AssertFault(
            "MNC2002", "Layer 1 (max_pool): size 2, stride 1, padding 2; expected size and stride at least 1, padding at most half the size.",
            new Pool2d(PoolKind.Max, 2) { Stride = 1, Pad = 2 }, new Flatten(), new Linear(3));
        AssertFault("MNC2002", "Layer 1 (residual): an empty body; expected at least one layer.", new Residual(), new Flatten(), new Linear(3));
    }

    [TestMethod]
    public void Validate_WrongOutputs_NamesNetworkAndBothShapes()
    {
        AssertFault(
            "MNC2003",
            "Network 'net' ends in shape [1, 1, 1, 4]; its loss over the classes needs [N, 1, 1, 3]. End it with Flatten or a global pooling and a Linear layer of that many outputs.",
            new Flatten(), new Linear(4));
        AssertFault(
            "MNC2003",
            "Network 'net' ends in shape [1, 8, 8, 3]; its loss over the classes needs [N, 1, 1, 3]. End it with Flatten or a global pooling and a Linear layer of that many outputs.");
    }

    [TestMethod]
    public void Validate_TooFewClasses_IsAFault()
    {
        var one = Spec(new Flatten(), new Linear(1)) with { Classes = 1 };
        Assert.AreEqual("Layer net: 1 classes with SoftmaxCrossEntropy; expected at least 2 classes.", Assert.ThrowsExactly<MlNetCifarException>(one.Validate).Message);
        var three = Spec(new Flatten(), new Linear(1)) with { Loss = LossKind.SigmoidCrossEntropy };
        Assert.AreEqual("Layer net: 3 classes with SigmoidCrossEntropy; expected 2 classes for the sigmoid loss.", Assert.ThrowsExactly<MlNetCifarException>(three.Validate).Message);
    }

    [TestMethod]
    public void Create_UnknownPreset_ListsTheKnownOnes()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Architectures.Create("transformer", 32, 32, 3, 10));
        Assert.AreEqual("MNC2004", error.Code);
        Assert.AreEqual(ErrorKind.Usage, error.Kind);
        Assert.AreEqual($"There is no preset 'transformer'. Choose one of {string.Join(", ", Architectures.Names)}.", error.Message);
    }

    [TestMethod]
    public void Create_TooSmallAPicture_IsAShapeFault() =>
        Assert.AreEqual("MNC2001", Assert.ThrowsExactly<MlNetCifarException>(() => Architectures.Create("seed-cnn", 4, 4, 3, 10)).Code);

    [TestMethod]
    [DataRow("seed-cnn", 356_810)]
    [DataRow("cats-dogs-cnn", 545_098)]
    [DataRow("elephas-mlp", 820_874)]
    [DataRow("advanced-cnn", 551_146)]
    [DataRow("resnet9", 6_573_120)]
    [DataRow("airbench94", 1_971_352)]
    [DataRow("airbench96", 9_915_416)]
    public void Presets_HaveTheKnownParameterCounts(string preset, long parameters)
    {
        using var weights = NetworkWeights.Initialize(Architectures.Create(preset, 32, 32, 3, 10), 0);
        Assert.AreEqual(parameters, weights.ParameterCount);
    }

    [TestMethod]
    public void Equality_ComparesLayersByValue()
    {
        NetworkSpec Build(int filters) => Spec(new Conv2d(filters, 3), new Residual([new BatchNorm()], [new Scale(2)]), new Flatten(), new Linear(3));
        Assert.AreEqual(Build(4), Build(4));
        Assert.AreEqual(Build(4).GetHashCode(), Build(4).GetHashCode());
        Assert.AreNotEqual(Build(4), Build(5));
        Assert.AreNotEqual(Build(4), Build(4) with { Loss = LossKind.SigmoidCrossEntropy });
        Assert.AreNotEqual(Spec(new Residual([new BatchNorm()], [])), Spec(new Residual([new BatchNorm()], [new Scale(2)])));
        Assert.AreEqual(Architectures.Create("resnet9", 32, 32, 3, 10), Architectures.Create("resnet9", 32, 32, 3, 10));
    }

    [TestMethod]
    public void Flops_CountTwoAMultiplyAdd()
    {
        var spec = Spec(new Conv2d(4, 3) { Bias = false }, new Pool2d(PoolKind.Max, 2), new Flatten(), new Linear(3));
        Assert.AreEqual((2.0 * 8 * 8 * 4 * 27) + (4 * 4 * 4 * 4) + (2 * 64 * 3), spec.Flops);
    }

    static void AssertFault(string code, string message, params LayerSpec[] layers)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Spec(layers).Validate());
        Assert.AreEqual(message, error.Message);
        Assert.AreEqual(code, error.Code);
        Assert.AreEqual(ErrorKind.Usage, error.Kind);
    }

    static NetworkSpec Spec(params LayerSpec[] layers) => new() { Name = "net", Height = 8, Width = 8, Channels = 3, Classes = 3, Layers = [.. layers] };
}
