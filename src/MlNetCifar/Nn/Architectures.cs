using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar;

/// <summary>The presets: networks that are known to work, by name.</summary>
public static class Architectures
{
    /// <summary>Up to this side, pictures are too small for a stem that halves them twice.</summary>
    const int LargestSmallSide = 64;

    static readonly Activation s_gelu = new(ActivationKind.Gelu);
    static readonly BatchNorm s_airbenchNorm = new() { Epsilon = 1e-12f, Momentum = 0.4f, Scale = false };
    static readonly BatchNorm s_airbench96Norm = new() { Epsilon = 1e-12f, Scale = false };
    static readonly Activation s_relu = new(ActivationKind.Relu);

    /// <summary>Names of the presets.</summary>
    public static ImmutableArray<string> Names { get; } = ["seed-cnn", "cats-dogs-cnn", "elephas-mlp", "advanced-cnn", "resnet9", "airbench94", "airbench96", "resnet18", "resnet34"];

    /// <summary>A preset by name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="width">Columns of the input.</param>
    /// <param name="height">Rows of the input.</param>
    /// <param name="channels">Channels of the input: 3 or 1.</param>
    /// <param name="classes">Number of classes, ≥ 2.</param>
    /// <exception cref="MlNetCifarException">The name is unknown (MNC2004), or the input is too small for the network (MNC2001).</exception>
    public static NetworkSpec Create(string name, int width, int height, int channels, int classes)
    {
        ImmutableArray<LayerSpec> layers = name switch
        {
            "seed-cnn" => SeedCnn(classes),
            "cats-dogs-cnn" => CatsDogsCnn(classes),
            "elephas-mlp" => ElephasMlp(classes),
            "advanced-cnn" => AdvancedCnn(classes),
            "resnet9" => Resnet9(classes),
            "airbench94" => Airbench94(channels, classes),
            "airbench96" => Airbench96(channels, classes),
            "resnet18" => Resnet([2, 2, 2, 2], Math.Min(width, height), classes),
            "resnet34" => Resnet([3, 4, 6, 3], Math.Min(width, height), classes),
            _ => throw NetworkErrors.UnknownPreset(name, Names),
        };
        var sigmoid = classes == 2 && name is ("cats-dogs-cnn" or "elephas-mlp");
        var spec = new NetworkSpec
        {
            Name = name, Height = height, Width = width, Channels = channels, Classes = classes, Layers = layers,
            Loss = sigmoid ? LossKind.SigmoidCrossEntropy : LossKind.SoftmaxCrossEntropy,
        };
        spec.Validate();
        return spec;
    }

    /// <summary>Three blocks of 3×3 convolution (32, 64, 128 filters), ReLU and max-pooling; dense 128; dropout 0.5.</summary>
    static ImmutableArray<LayerSpec> SeedCnn(int classes) =>
    [
        new Conv2d(32, 3), s_relu, MaxPool(),
        new Conv2d(64, 3), s_relu, MaxPool(),
        new Conv2d(128, 3), s_relu, MaxPool(),
        new Flatten(), new Linear(128), s_relu, new Dropout(0.5f), ZeroHead(classes),
    ];

    /// <summary>Two blocks of 3×3 convolution (32, 64 filters), ReLU and max-pooling; dense 128; dropout 0.5; one sigmoid for two classes.</summary>
    static ImmutableArray<LayerSpec> CatsDogsCnn(int classes) =>
    [
        new Conv2d(32, 3), s_relu, MaxPool(),
        new Conv2d(64, 3), s_relu, MaxPool(),
        new Flatten(), new Linear(128), s_relu, new Dropout(0.5f), ZeroHead(Outputs(classes)),
    ];

    /// <summary>A perceptron 256-128 with dropout 0.3; one sigmoid for two classes.</summary>
    static ImmutableArray<LayerSpec> ElephasMlp(int classes) =>
    [
        new Flatten(),
        new Linear(256), s_relu, new Dropout(0.3f),
        new Linear(128), s_relu, new Dropout(0.3f),
        ZeroHead(Outputs(classes)),
    ];

    /// <summary>Three double blocks of 3×3 convolution, batch normalisation and ReLU (32, 64, 128 filters) with max-pooling and dropout; dense 128.</summary>
    static ImmutableArray<LayerSpec> AdvancedCnn(int classes) =>
    [
        .. ConvBlock(32), .. ConvBlock(32), MaxPool(), new Dropout(0.1f),
        .. ConvBlock(64), .. ConvBlock(64), MaxPool(), new Dropout(0.15f),
        .. ConvBlock(128), .. ConvBlock(128), MaxPool(), new Dropout(0.2f),
        new Flatten(), new Linear(128) { Bias = false }, new BatchNorm(), s_relu, new Dropout(0.3f), Head(classes),
    ];

    /// <summary>The nine-layer residual network of the DAWNBench CIFAR-10 entries: 64, 128 + residual, 256, 512 + residual, global max-pooling, scaled head.</summary>
    static ImmutableArray<LayerSpec> Resnet9(int classes) =>
    [
        .. ConvBlock(64),
        .. ConvBlock(128), MaxPool(), new Residual([.. ConvBlock(128), .. ConvBlock(128)]),
        .. ConvBlock(256), MaxPool(),
        .. ConvBlock(512), MaxPool(), new Residual([.. ConvBlock(512), .. ConvBlock(512)]),
        new GlobalPool(PoolKind.Max), Head(classes) with { Bias = false }, new Scale(0.125f),
    ];

    /// <summary>
    /// The network of the airbench94 recipe (Jordan 2024): a frozen whitening layer of 2×2 patches, three groups of two convolutions (64, 256, 256 filters) that
    /// start as identities, batch normalisation without scale, GELU, global max-pooling, a head scaled by 1/256.
    /// </summary>
    static ImmutableArray<LayerSpec> Airbench94(int channels, int classes) =>
    [
        WhitenedPatches(channels) with { BiasInitializer = Initializer.FanInUniform },
        s_gelu,
        .. AirbenchGroup(64), .. AirbenchGroup(256), .. AirbenchGroup(256),
        new GlobalPool(PoolKind.Max), new Linear(classes) { Bias = false, Initializer = Initializer.UnitUniform }, new Scale(1f / 256),
    ];

    /// <summary>
    /// The network of the airbench96 recipe (Jordan 2024) in its last revision: as airbench94 with wider groups (128, 384, 512 filters) of three convolutions, the last two
    /// with a shortcut past them and the activation behind the sum; a head scaled by 1/9.
    /// </summary>
    static ImmutableArray<LayerSpec> Airbench96(int channels, int classes) =>
    [
        WhitenedPatches(channels), s_gelu,
        .. AirbenchResidualGroup(128), .. AirbenchResidualGroup(384), .. AirbenchResidualGroup(512),
        new GlobalPool(PoolKind.Max), new Linear(classes) { Bias = false, Initializer = Initializer.FanInUniform }, new Scale(1f / 9),
    ];

    /// <summary>
    /// The residual networks for photographs (He et al. 2016), layer by layer as torchvision defines and names them, so that its weights fit: a 7×7 stem of stride 2 and
    /// max-pooling, four groups of basic blocks (64, 128, 256, 512 filters), global average-pooling. Pictures of up to 64 pixels keep their size in the stem: one 3×3
    /// convolution.
    /// </summary>
    /// <param name="blocks">Blocks of each group.</param>
    /// <param name="side">The input's smaller side.</param>
    /// <param name="classes">Number of classes.</param>
    static ImmutableArray<LayerSpec> Resnet(int[] blocks, int side, int classes)
    {
        var isSmall = side <= LargestSmallSide;
        LayerSpec[] stem = isSmall
            ? [new Conv2d(64, 3) { Bias = false }, new BatchNorm(), s_relu]
            : [new Conv2d(64, 7) { Stride = 2, Bias = false }, new BatchNorm(), s_relu, new Pool2d(PoolKind.Max, 3) { Stride = 2, Pad = 1 }];
        var groups = blocks.SelectMany((count, group) => Enumerable.Range(0, count).SelectMany(i => BasicBlock(group, i)));
        return [.. stem, .. groups, new GlobalPool(PoolKind.Average), Head(classes) with { WeightName = "fc" }];
    }

    static LayerSpec[] BasicBlock(int group, int index)
    {
        var (filters, stride) = (64 << group, group > 0 && index == 0 ? 2 : 1);
        LayerSpec[] projection = stride == 1
            ? []
            : [new Conv2d(filters, 1) { Stride = stride, Bias = false, WeightName = "0" }, new BatchNorm { WeightName = "1" }];
        return
        [
            new Residual(
                [new Conv2d(filters, 3) { Stride = stride, Bias = false }, new BatchNorm(), s_relu, new Conv2d(filters, 3) { Bias = false }, new BatchNorm()],
                [.. projection])
            {
                WeightName = FormattableString.Invariant($"layer{group + 1}.{index}"),
            },
            s_relu,
        ];
    }

    static LayerSpec[] AirbenchGroup(int filters) =>
    [
        IdentityConv(filters), MaxPool(), s_airbenchNorm, s_gelu,
        IdentityConv(filters), s_airbenchNorm, s_gelu,
    ];

    static LayerSpec[] AirbenchResidualGroup(int filters) =>
    [
        IdentityConv(filters), MaxPool(), s_airbench96Norm, s_gelu,
        new Residual(IdentityConv(filters), s_airbench96Norm, s_gelu, IdentityConv(filters), s_airbench96Norm), s_gelu,
    ];

    static Conv2d WhitenedPatches(int channels) => new(2 * 4 * channels, 2) { Padding = Padding.Valid, FixedFilter = true, Initializer = Initializer.Whitening };

    static Conv2d IdentityConv(int filters) => new(filters, 3) { Bias = false, Initializer = Initializer.Dirac };

    static LayerSpec[] ConvBlock(int filters) => [new Conv2d(filters, 3) { Bias = false }, new BatchNorm(), s_relu];

    static Pool2d MaxPool() => new(PoolKind.Max, 2);

    /// <summary>
    /// A head that begins at the loss of guessing. Without a normalisation before it random values would give logits of a size that the first steps only undo: 4.5 to 6.2 nats
    /// for 10 classes, where guessing has 2.3. Behind a normalisation they give 2.8, and the layers below learn from the first step.
    /// </summary>
    static Linear ZeroHead(int outputs) => new(outputs) { Initializer = Initializer.Zeros };

    static Linear Head(int outputs) => new(outputs) { Initializer = Initializer.GlorotUniform };

    static int Outputs(int classes) => classes == 2 ? 1 : classes;
}
