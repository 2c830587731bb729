using MlNetCifar.CustomLayers;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Nn;

/// <summary>The check that users call: right layers pass, and every kind of mistake is found and named.</summary>
[TestClass]
public sealed class GradientCheckTests
{
    static readonly Shape s_picture = new(3, 4, 5, 6);

    static readonly Dictionary<string, LayerSpec> s_right = new()
    {
        ["group norm"] = new GroupNorm(3),
        ["group norm of one group"] = new GroupNorm(1),
        ["stochastic depth"] = new StochasticDepth(0.5f),
        ["both in a residual block"] = new Residual(new Conv2d(6, 3), new GroupNorm(2), new StochasticDepth(0.3f)),
        ["centering"] = new Centering(),
        ["scaled tanh"] = new ScaledTanh(),
        ["convolution"] = new Conv2d(4, 3),
        ["fixed filter"] = new Conv2d(4, 3) { FixedFilter = true },
        ["batch norm"] = new BatchNorm(),
        ["max pooling"] = new Pool2d(PoolKind.Max, 2),
        ["ReLU"] = new Activation(ActivationKind.Relu),
        ["dropout"] = new Dropout(0.4f),
        ["flatten"] = new Flatten(),
        ["scale"] = new Scale(-2),
    };

    public static IEnumerable<object[]> Right => s_right.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Right))]
    public void Run_RightLayer_HasASmallError(string name)
    {
        for (var seed = 0UL; seed < 3; seed++)
        {
            var result = GradientCheck.Run(s_right[name], s_picture, seed);
            Assert.IsLessThan(2e-3, result.LargestError, $"{name}: {result}");
        }
    }

    [TestMethod]
    public void Run_DenseLayer_HasASmallError() =>
        Assert.IsLessThan(1e-3, GradientCheck.Run(new Linear(5), new Shape(4, 1, 1, 7)).LargestError);

    [TestMethod]
    [DataRow(Mistake.InputGradient, "input[")]
    [DataRow(Mistake.ParameterGradient, "weight[")]
    [DataRow(Mistake.OverwritesParameterGradient, "weight[")]
    [DataRow(Mistake.ResultNotWritten, "the result's element 89")]
    [DataRow(Mistake.GradientNotWritten, "the input's gradient's element 89")]
    [DataRow(Mistake.ImagesInfluenceEachOther, "an image whose result depends on the others")]
    [DataRow(Mistake.WrongWithoutInputGradient, "the parameters' gradients, which change")]
    public void Run_Mistake_IsFoundAndNamed(Mistake mistake, string where)
    {
        var result = GradientCheck.Run(new Mistaken(mistake), new Shape(3, 2, 5, 3));
        Assert.IsGreaterThan(0.01, result.LargestError, $"{result}");
        StringAssert.StartsWith(result.Where, where);
    }

    [TestMethod]
    public void Run_WithoutMistake_FindsNothing() =>
        Assert.IsLessThan(1e-3, GradientCheck.Run(new Mistaken(Mistake.None), new Shape(3, 2, 5, 3)).LargestError);

    [TestMethod]
    public void Run_TellsElementAndFigures()
    {
        var result = GradientCheck.Run(new Mistaken(Mistake.ParameterGradient), new Shape(3, 2, 5, 3));
        Assert.AreEqual(1.1, result.Computed / result.Expected, 0.01);
        Assert.AreEqual(0.1 / 1.1, result.LargestError, 0.01);
        StringAssert.Matches(result.ToString(), new(@"^largest error 0\.09\d* at weight\[\d\], in (training|use): computed .+, expected .+$"));
    }

    [TestMethod]
    public void Run_RefusesWhatItCannotCheck()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => GradientCheck.Run(null!, s_picture));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => GradientCheck.Run(new Scale(1), s_picture with { N = 0 }));
        Assert.AreEqual("MNC2001", Assert.ThrowsExactly<MlNetCifarException>(() => GradientCheck.Run(new GroupNorm(4), s_picture)).Code);
    }
}

/// <summary>What can be wrong with a layer.</summary>
public enum Mistake
{
    None,
    InputGradient,
    ParameterGradient,
    OverwritesParameterGradient,
    ResultNotWritten,
    GradientNotWritten,
    ImagesInfluenceEachOther,
    WrongWithoutInputGradient,
}

/// <summary>y = w[c] · x, with one mistake.</summary>
sealed record Mistaken(Mistake Mistake) : CustomLayer
{
    public override string Kind => "mistaken";

    public override Shape OutputShape(Shape input) => input;

    public override IReadOnlyList<ParameterSpec> Parameters(Shape input) => [new("weight", [input.C], ParameterRole.Gain, Initializer.Ones)];

    protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
    {
        var w = pass.Parameter("weight");
        for (var i = 0; i < x.Length - (Mistake == Mistake.ResultNotWritten ? 1 : 0); i++)
            y[i] = (w[i % w.Length] * x[i]) + (Mistake == Mistake.ImagesInfluenceEachOther ? pass.Input.N : 0);
    }

    protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
    {
        var w = pass.Parameter("weight");
        var gradW = pass.Gradient("weight");
        var factor = Mistake == Mistake.ParameterGradient || (Mistake == Mistake.WrongWithoutInputGradient && gradX.IsEmpty) ? 1.1f : 1;
        for (var i = 0; i < x.Length; i++)
        {
            if (Mistake == Mistake.OverwritesParameterGradient)
                gradW[i % w.Length] = 0;
            gradW[i % w.Length] += factor * gradY[i] * x[i];
        }

        for (var i = 0; i < gradX.Length - (Mistake == Mistake.GradientNotWritten ? 1 : 0); i++)
            gradX[i] = (Mistake == Mistake.InputGradient ? 0.98f : 1) * w[i % w.Length] * gradY[i];
    }
}

/// <summary>y = x − mean over the batch, with a running mean for use: a layer that needs the whole batch, memory and a statistic.</summary>
sealed record Centering : CustomLayer
{
    public override string Kind => "centering";

    public override Shape OutputShape(Shape input) => input;

    public override IReadOnlyList<ParameterSpec> Parameters(Shape input) => [new("running_mean", [input.C], ParameterRole.Statistic, Initializer.Zeros)];

    protected internal override bool IsPerImage => false;

    protected internal override bool BackwardReadsInput => false;

    protected internal override int ScratchLength(Shape input) => input.C;

    protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
    {
        var mean = pass.Parameter("running_mean");
        if (pass.Training)
        {
            Means(pass, x);
            mean = pass.Scratch;
            var running = pass.Statistic("running_mean");
            for (var c = 0; c < running.Length; c++)
                running[c] += 0.1f * (mean[c] - running[c]);
        }

        for (var i = 0; i < x.Length; i++)
            y[i] = x[i] - mean[i % pass.Input.C];
    }

    protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
    {
        Means(pass, gradY);
        for (var i = 0; i < gradX.Length; i++)
            gradX[i] = gradY[i] - (pass.Training ? pass.Scratch[i % pass.Input.C] : 0);
    }

    static void Means(LayerPass pass, ReadOnlySpan<float> x)
    {
        pass.Scratch.Clear();
        for (var i = 0; i < x.Length; i++)
            pass.Scratch[i % pass.Input.C] += x[i] * pass.Input.C / x.Length;
    }
}

/// <summary>y = w · tanh x with one weight for all: reads its result backward, not its input.</summary>
sealed record ScaledTanh : CustomLayer
{
    public override string Kind => "scaled_tanh";

    public override Shape OutputShape(Shape input) => input;

    public override IReadOnlyList<ParameterSpec> Parameters(Shape input) => [new("weight", [1], ParameterRole.Weight, Initializer.Ones)];

    protected internal override bool BackwardReadsInput => false;

    protected internal override bool BackwardReadsOutput => true;

    protected internal override void Forward(LayerPass pass, ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < x.Length; i++)
            y[i] = pass.Parameter("weight")[0] * MathF.Tanh(x[i]);
    }

    protected internal override void Backward(LayerPass pass, ReadOnlySpan<float> x, ReadOnlySpan<float> y, ReadOnlySpan<float> gradY, Span<float> gradX)
    {
        var w = pass.Parameter("weight")[0];
        ref var gradW = ref pass.Gradient("weight")[0];
        for (var i = 0; i < y.Length; i++)
        {
            var tanh = y[i] / w;
            gradW += gradY[i] * tanh;
            if (!gradX.IsEmpty)
                gradX[i] = gradY[i] * w * (1 - (tanh * tanh));
        }
    }
}
