using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>What a pooling layer takes of each window.</summary>
public enum PoolKind
{
    /// <summary>The largest element; NaN where the window holds one.</summary>
    Max,

    /// <summary>The mean; padding does not count.</summary>
    Average,
}

/// <summary>Pooling over square windows, channel by channel. Output size: (input + 2 · padding − size) / stride + 1, rounded down.</summary>
/// <param name="Pool">What is taken of each window.</param>
/// <param name="Size">Rows and columns of the window, ≥ 1.</param>
public sealed record Pool2d(PoolKind Pool, int Size) : LayerSpec
{
    static readonly Pool2d s_default = new(PoolKind.Max, 1);

    /// <summary>Distance between windows; 0 (the default) for <see cref="Size"/>.</summary>
    public int Stride { get; init; }

    /// <summary>Rows and columns around the input, at most half the window. The default is 0.</summary>
    public int Pad { get; init; }

    /// <inheritdoc/>
    public override string Kind => Pool == PoolKind.Max ? "max_pool" : "average_pool";

    /// <inheritdoc/>
    public override string Details => $"{Size}×{Size}{(Step == Size ? "" : $", stride {Step}")}{(Pad == 0 ? "" : $", padding {Pad}")}";

    int Step => Stride == 0 ? Size : Stride;

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (!Enum.IsDefined(Pool))
            throw NetworkErrors.Undefined(Kind, Pool);
        if (Size < 1 || Step < 1 || Pad < 0 || Pad > Size / 2)
            throw NetworkErrors.Option(Kind, $"size {Size}, stride {Stride}, padding {Pad}", "size and stride at least 1, padding at most half the size");
        if (input.H + (2 * Pad) < Size || input.W + (2 * Pad) < Size)
            throw NetworkErrors.Shape(Kind, $"input {input}", $"at least [N, {Size - (2 * Pad)}, {Size - (2 * Pad)}, C]");
        var shape = Geometry(input);
        return input with { H = shape.P, W = shape.Q };
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => (double)OutputShape(input.WithBatch(1)).Length * Size * Size;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("size", Size);
        json.WriteNumber("stride", Stride);
        json.WriteNumber("pad", Pad);
    }

    [ModuleInitializer]
    internal static void Register()
    {
        LayerRegistry.Register("max_pool", json => Read(PoolKind.Max, json));
        LayerRegistry.Register("average_pool", json => Read(PoolKind.Average, json));
    }

    internal override string Export(IOperatorGraph graph, LayerNode node, string input) => graph.Add(
        node, Pool == PoolKind.Max ? "MaxPool" : "AveragePool", [graph.Picture(node, input)],
        ("kernel_shape", new long[] { Size, Size }), ("pads", new long[] { Pad, Pad, Pad, Pad }), ("strides", new long[] { Step, Step }));

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input) => PoolOp.Emit(compiler, node, input, Geometry(input.Shape), Pool);

    /// <summary>Takes along a 2×2 max-pooling that follows a convolution.</summary>
    internal static LayerNode? TakeHalving(NetworkCompiler compiler) =>
        compiler.Take<Pool2d>(p => p is { Pool: PoolKind.Max, Size: 2, Stride: 0 or 2, Pad: 0 });

    /// <summary>Takes along a 3×3 max-pooling with padding, where the convolution's plan can compute it.</summary>
    internal static LayerNode? TakeOverlapping(NetworkCompiler compiler, ConvPlan plan) =>
        compiler.Take<Pool2d>(p => plan.PoolSize == 3 && p is { Pool: PoolKind.Max, Size: 3, Stride: 2, Pad: 1 });

    static Pool2d Read(PoolKind pool, LayerOptions json) =>
        new(pool, json.Int("size")) { Stride = json.Int("stride", s_default.Stride), Pad = json.Int("pad", s_default.Pad) };

    internal PoolShape Geometry(Shape input) => new(input.N, input.H, input.W, input.C, Size, Size, Step, Pad);
}

/// <summary>Max or average pooling; <paramref name="argMax"/> remembers the winners of a max pooling for the backward pass.</summary>
internal sealed class PoolOp(PoolShape shape, PoolKind kind, PlannedBuffer? argMax) : LayerOp
{
    public static Value Emit(NetworkCompiler compiler, LayerNode node, Value input, PoolShape shape, PoolKind kind)
    {
        var output = node.Output.WithBatch(compiler.BatchSize);
        var argMax = compiler.Training && kind == PoolKind.Max && input.Gradient is not null ? compiler.Saved(node, output.Length) : null;
        var result = compiler.Result(node, input, output, forward: false, backward: false);
        return compiler.Add(new PoolOp(shape, kind, argMax) { Name = node.Position, Input = input, Output = result, Flops = node.Layer.Flops(node.Input) });
    }

    public override void Forward(Pass pass)
    {
        var x = Input.Rows(pass.Count);
        var y = Output.Rows(pass.Count);
        if (kind == PoolKind.Max)
            Pooling.MaxForward(shape, pass.Count, x, y, argMax is null ? [] : argMax.Span(y.Length), pass.Width, pass.Pool);
        else
            Pooling.AverageForward(shape, pass.Count, x, y, pass.Width, pass.Pool);
    }

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is null)
            return;
        var gradX = Input.GradientRows(pass.Count);
        var gradY = Output.GradientRows(pass.Count);
        if (kind == PoolKind.Max)
            Pooling.MaxBackward(shape, pass.Count, gradY, argMax!.Span(gradY.Length), gradX, pass.Width, pass.Pool);
        else
            Pooling.AverageBackward(shape, pass.Count, gradY, gradX, pass.Width, pass.Pool);
    }
}
