using System.Collections.Immutable;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Nn;

/// <summary>Every layer inside a small network: logits against the double reference, all its gradients against central differences.</summary>
[TestClass]
public sealed class LayerGradientTests
{
    static readonly Dictionary<string, LayerSpec[]> s_layers = new()
    {
        ["conv"] = [new Conv2d(5, 3)],
        ["conv valid stride 2"] = [new Conv2d(4, 3) { Stride = 2, Padding = Padding.Valid, Bias = false }],
        ["conv same stride 2"] = [new Conv2d(4, 2) { Stride = 2 }],
        ["conv 1×3"] = [new Conv2d(4, 1) { KernelWidth = 3 }],
        ["conv relu pool"] = [new Conv2d(4, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2), new Conv2d(3, 3)],
        ["frozen conv"] = [new Conv2d(5, 3) { FixedFilter = true }, new Activation(ActivationKind.Tanh)],
        ["frozen conv without bias"] = [new Conv2d(5, 3) { FixedFilter = true, Bias = false }, new Activation(ActivationKind.Tanh)],
        ["frozen conv and pool"] = [new Conv2d(5, 3) { FixedFilter = true }, new Pool2d(PoolKind.Max, 2), new Activation(ActivationKind.Tanh)],
        ["frozen conv behind a conv"] = [new Conv2d(3, 3), new Conv2d(5, 2) { FixedFilter = true }],
        ["conv pool relu"] = [new Conv2d(4, 3), new Pool2d(PoolKind.Max, 2), new Activation(ActivationKind.Relu), new Conv2d(3, 3), new Pool2d(PoolKind.Max, 2)],
        ["batch norm"] = [new Conv2d(4, 3), new BatchNorm()],
        ["batch norm relu"] = [new Conv2d(4, 3), new BatchNorm(), new Activation(ActivationKind.Relu)],
        ["batch norm without scale"] = [new Conv2d(4, 3), new BatchNorm { Scale = false }, new Activation(ActivationKind.Relu)],
        ["batch norm first"] = [new BatchNorm(), new Conv2d(4, 3)],
        ["max pool"] = [new Conv2d(4, 3), new Pool2d(PoolKind.Max, 2)],
        ["max pool overlapping"] = [new Conv2d(4, 3), new Pool2d(PoolKind.Max, 3) { Stride = 2, Pad = 1 }],
        ["average pool"] = [new Conv2d(4, 3), new Pool2d(PoolKind.Average, 3) { Stride = 2, Pad = 1 }],
        ["pool first"] = [new Pool2d(PoolKind.Average, 2), new Conv2d(4, 3)],
        ["global max"] = [new Conv2d(4, 3), new GlobalPool(PoolKind.Max)],
        ["global average"] = [new Conv2d(4, 3), new GlobalPool(PoolKind.Average)],
        ["relu"] = [new Conv2d(4, 3), new Activation(ActivationKind.Relu)],
        ["leaky relu"] = [new Conv2d(4, 3), new Activation(ActivationKind.LeakyRelu) { Slope = 0.2f }],
        ["gelu"] = [new Conv2d(4, 3), new Activation(ActivationKind.Gelu)],
        ["silu"] = [new Conv2d(4, 3), new Activation(ActivationKind.Silu)],
        ["sigmoid"] = [new Conv2d(4, 3), new Activation(ActivationKind.Sigmoid)],
        ["tanh"] = [new Conv2d(4, 3), new Activation(ActivationKind.Tanh)],
        ["dropout"] = [new Conv2d(4, 3), new Activation(ActivationKind.Tanh), new Dropout(0.4f), new Conv2d(3, 3), new Dropout(0.2f)],
        ["scale"] = [new Conv2d(4, 3), new Scale(-0.3f)],
        ["dense"] = [new Flatten(), new Linear(7), new Activation(ActivationKind.Silu), new Linear(5) { Bias = false }],
        ["residual"] = [new Conv2d(4, 3), new Residual(new Conv2d(4, 3), new BatchNorm(), new Activation(ActivationKind.Relu))],
        ["residual of in-place layers"] = [new Conv2d(4, 3), new Activation(ActivationKind.Relu), new Residual(new Scale(0.5f), new Activation(ActivationKind.Tanh)), new Activation(ActivationKind.Sigmoid)],
        ["residual projected"] = [new Conv2d(4, 3), new Residual([new Conv2d(6, 3) { Stride = 2 }], [new Conv2d(6, 1) { Stride = 2 }])],
        ["residual first"] = [new Residual(new Conv2d(2, 3), new Activation(ActivationKind.Gelu)), new Conv2d(3, 1)],
        ["residual before any weight"] = [new Residual(new Activation(ActivationKind.Tanh)), new Conv2d(3, 1)],
        ["residual with weights in its shortcut only"] = [new Residual([new Activation(ActivationKind.Tanh)], [new Conv2d(2, 1)]), new Conv2d(3, 1)],
        ["residual of nothing but dropout 0"] = [new Conv2d(2, 3), new Residual(new Dropout(0)), new Activation(ActivationKind.Tanh)],
        ["ensemble"] = [new Conv2d(4, 3), new Ensemble([Member(3, 1), Member(3, 2, new BatchNorm(), new Activation(ActivationKind.Relu)), Member(3, 0.5f)])],
        ["ensemble first"] = [new Ensemble([Member(3, 1), Member(3, 1, new Activation(ActivationKind.Tanh))]), new Scale(2)],
        ["ensemble of one logit"] = [new Conv2d(4, 3), new Ensemble([Member(1, 1), Member(1, 3)]), new Activation(ActivationKind.Tanh)],
        ["ensemble of one"] = [new Conv2d(4, 3), new Ensemble([Member(3, 2)])],
        ["ensemble of members that begin in place"] =
            [new Conv2d(4, 3), new Activation(ActivationKind.Relu), new Ensemble([new([new Activation(ActivationKind.Tanh), .. Member(3, 1).Layers]), new([new Scale(0.5f), .. Member(3, 1).Layers])])],
        ["ensemble of one member with weights"] = [new GlobalPool(PoolKind.Average), new Ensemble([new([new Scale(2)]), new([new Linear(2)])])],
        ["residual in residual"] = [new Conv2d(4, 3), new Residual(new Residual(new Conv2d(4, 3)), new Activation(ActivationKind.Relu), new Residual(new Scale(2)))],
    };

    public static IEnumerable<object[]> Cases => from name in s_layers.Keys from width in SimdLevel.Available select new object[] { name, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Gradients_EqualCentralDifferences(string name, int width)
    {
        using var check = new ReferenceCheck(Network(name), count: 3, batchSize: 4, (SimdWidth)width);
        check.Check(samples: 12);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void GradientsInUse_EqualCentralDifferences(string name, int width)
    {
        using var check = new ReferenceCheck(Network(name), count: 3, batchSize: 4, (SimdWidth)width, training: false);
        check.Check(samples: 6);
    }

    [TestMethod]
    public void SigmoidLoss_GradientsEqualCentralDifferences()
    {
        var spec = Network("conv relu pool", 2);
        spec = spec with { Loss = LossKind.SigmoidCrossEntropy, Layers = spec.Layers.SetItem(spec.Layers.Length - 1, new Linear(1)) };
        using var check = new ReferenceCheck(spec, 4, 4, SimdLevel.Active);
        check.Check(samples: 12);
    }

    [TestMethod]
    [DataRow("seed-cnn")]
    [DataRow("cats-dogs-cnn")]
    [DataRow("elephas-mlp")]
    [DataRow("advanced-cnn")]
    [DataRow("resnet9")]
    [DataRow("airbench94")]
    [DataRow("airbench96")]
    public void Presets_GradientsEqualCentralDifferences(string preset)
    {
        // Sixteen pixels are the least for which airbench's three poolings leave something.
        var spec = Architectures.Create(preset, 16, 16, 3, 3);
        var small = spec with { Layers = [.. spec.Layers.Select(Narrow)] };
        using var check = new ReferenceCheck(small, 3, 3, SimdLevel.Active);
        check.Check(samples: 2);
    }

    /// <summary>The same structure with an eighth of the channels: the reference is slow.</summary>
    static LayerSpec Narrow(LayerSpec layer) => layer switch
    {
        Conv2d conv => conv with { Filters = Math.Max(3, conv.Filters / 16) },
        Linear { Units: > 3 } linear => linear with { Units = linear.Units / 16 },
        BatchNorm norm => norm with { Epsilon = Math.Max(norm.Epsilon, 0.01f) },
        Residual block => new Residual([.. block.Body.Select(Narrow)], [.. block.Shortcut.Select(Narrow)]),
        _ => layer,
    };

    static EnsembleMember Member(int outputs, float weight, params LayerSpec[] more) => new([new Conv2d(3, 3), .. more, new GlobalPool(PoolKind.Average), new Linear(outputs)], weight);

    static NetworkSpec Network(string name, int classes = 3)
    {
        ImmutableArray<LayerSpec> layers = [.. s_layers[name], new Flatten(), new Linear(classes)];
        return new NetworkSpec { Name = name, Height = 6, Width = 5, Channels = 2, Classes = classes, Layers = layers };
    }
}
