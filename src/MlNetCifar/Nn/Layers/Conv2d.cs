using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What surrounds the input of a convolution.</summary>
public enum Padding
{
    /// <summary>Zeros, so that stride 1 keeps the size: (kernel − 1) / 2 before, the rest after.</summary>
    Same,

    /// <summary>Nothing.</summary>
    Valid,
}

/// <summary>
/// 2-D convolution (cross-correlation, as everywhere in this field): y[n,p,q,k] = b[k] + Σ x[n, p·stride + r − pad, q·stride + s − pad, c] · f[r,s,c,k].
/// </summary>
/// <param name="Filters">Channels out, ≥ 1.</param>
/// <param name="Kernel">Rows of the filter (and columns, unless <see cref="KernelWidth"/> says otherwise), ≥ 1.</param>
public sealed record Conv2d(int Filters, int Kernel) : LayerSpec
{
    static readonly Conv2d s_default = new(1, 1);

    /// <summary>Columns of the filter; 0 (the default) for as many as rows.</summary>
    public int KernelWidth { get; init; }

    /// <summary>Step in both directions, ≥ 1. The default is 1.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>What surrounds the input. The default is <see cref="Padding.Same"/>.</summary>
    public Padding Padding { get; init; } = Padding.Same;

    /// <summary>Whether a bias is added. The default is true; false before a batch normalisation.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>First values of the filter. The default is <see cref="Initializer.HeNormal"/>.</summary>
    public Initializer Initializer { get; init; } = Initializer.HeNormal;

    /// <summary>First values of the bias. The default is <see cref="Initializer.Zeros"/>.</summary>
    public Initializer BiasInitializer { get; init; } = Initializer.Zeros;

    /// <inheritdoc/>
    public override string Kind => "conv2d";

    /// <inheritdoc/>
    public override string? WeightPrefix => "conv";

    /// <inheritdoc/>
    public override bool MakesFeatureMaps => true;

    /// <inheritdoc/>
    public override string Details =>
        $"{Kernel}×{Columns}, {Filters} filters{(Stride == 1 ? "" : $", stride {Stride}")}, {Padding.ToString().ToLowerInvariant()}{(Bias ? "" : ", no bias")}{(FixedFilter ? ", fixed" : "")}";

    /// <summary>Whether the filter keeps its first values; the bias is trained all the same. The default is false.</summary>
    public bool FixedFilter { get; init; }

    int Columns => KernelWidth == 0 ? Kernel : KernelWidth;

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Filters < 1 || Kernel < 1 || Columns < 1 || Stride < 1)
            throw NetworkErrors.Option(Kind, $"filters {Filters}, kernel {Kernel}×{Columns}, stride {Stride}", "all at least 1");
        if (!Enum.IsDefined(Padding))
            throw NetworkErrors.Undefined(Kind, Padding);
        var g = Geometry(input);
        return g.H + g.PadTop + g.PadBottom >= g.R && g.W + g.PadLeft + g.PadRight >= g.S
            ? new Shape(input.N, g.P, g.Q, Filters)
            : throw NetworkErrors.Shape(Kind, $"input {input}", $"at least [N, {Kernel}, {Columns}, C] for a {Kernel}×{Columns} filter with valid padding");
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => Geometry(input.WithBatch(1)).Flops;

    internal ConvShape Geometry(Shape input)
    {
        var same = Padding == Padding.Same;
        int rows = same ? Kernel - 1 : 0, columns = same ? Columns - 1 : 0;
        return new ConvShape(
            input.N, input.H, input.W, input.C, Filters, Kernel, Columns, Stride, rows / 2, columns / 2, rows - (rows / 2), columns - (columns / 2));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSpec> Parameters(Shape input)
    {
        var filter = new ParameterSpec("weight", [Kernel, Columns, input.C, Filters], FixedFilter ? ParameterRole.Fixed : ParameterRole.Weight, Initializer);
        var bias = new ParameterSpec("bias", [Filters], ParameterRole.Bias, BiasInitializer) { FanIn = filter.FanIn, FanOut = filter.FanOut };
        return Bias ? [filter, bias] : [filter];
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("filters", Filters);
        json.WriteNumber("kernel", Kernel);
        json.WriteNumber("kernel_width", KernelWidth);
        json.WriteNumber("stride", Stride);
        json.WriteString("padding", Padding.ToString());
        json.WriteBoolean("bias", Bias);
        json.WriteBoolean("fixed_filter", FixedFilter);
        json.WriteString("initializer", Initializer.ToString());
        json.WriteString("bias_initializer", BiasInitializer.ToString());
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("conv2d", json => new Conv2d(json.Int("filters"), json.Int("kernel"))
    {
        KernelWidth = json.Int("kernel_width", s_default.KernelWidth),
        Stride = json.Int("stride", s_default.Stride),
        Padding = json.Name("padding", s_default.Padding),
        Bias = json.Flag("bias", s_default.Bias),

        // Version 0.1.0 called it frozen.
        FixedFilter = json.Flag("fixed_filter", json.Flag("frozen", s_default.FixedFilter)),
        Initializer = json.Name("initializer", s_default.Initializer),
        BiasInitializer = json.Name("bias_initializer", s_default.BiasInitializer),
    });

    internal override string Export(IOperatorGraph graph, LayerNode node, string input)
    {
        var g = Geometry(node.Input);
        string[] inputs = [graph.Picture(node, input), graph.Weight(node, "weight")];
        return graph.Add(
            node, "Conv", Bias ? [.. inputs, graph.Weight(node, "bias")] : inputs, ("kernel_shape", new long[] { g.R, g.S }),
            ("pads", new long[] { g.PadTop, g.PadLeft, g.PadBottom, g.PadRight }), ("strides", new long[] { Stride, Stride }));
    }

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var plan = compiler.Plan(node, input, Geometry(input.Shape));
        var norm = BatchNorm.TakeFolded(compiler, node);
        var relu = Activation.TakeRelu(compiler);
        var pool = Pool2d.TakeHalving(compiler) ?? Pool2d.TakeOverlapping(compiler, plan);
        if (pool is not null && norm is null && !relu && compiler.IsFrozen(node))
        {
            // A scale that is surely positive changes places with the maximum, and so does a ReLU.
            norm = BatchNorm.TakeFolded(compiler, node, positive: true);
            relu = Activation.TakeRelu(compiler);
        }

        return ConvOp.Emit(compiler, node, input, plan, norm, relu, pool);
    }
}
