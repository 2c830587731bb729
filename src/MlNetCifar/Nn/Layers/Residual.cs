using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>y = body(x) + shortcut(x); an empty shortcut is the identity. Both must give the same shape.</summary>
/// <param name="Body">Layers of the main path, at least one.</param>
/// <param name="Shortcut">Layers of the other path, for example a 1×1 convolution that changes the channels.</param>
public sealed record Residual(ImmutableArray<LayerSpec> Body, ImmutableArray<LayerSpec> Shortcut) : LayerSpec
{
    /// <summary>A residual block with the identity as its shortcut.</summary>
    /// <param name="body">Layers of the main path.</param>
    public Residual(params ReadOnlySpan<LayerSpec> body)
        : this([.. body], [])
    {
    }

    /// <summary>Layers of the main path, at least one.</summary>
    public ImmutableArray<LayerSpec> Body { get; init => field = OrEmpty(value); } = OrEmpty(Body);

    /// <summary>Layers of the other path; none for the identity.</summary>
    public ImmutableArray<LayerSpec> Shortcut { get; init => field = OrEmpty(value); } = OrEmpty(Shortcut);

    /// <inheritdoc/>
    public override string Kind => "residual";

    /// <inheritdoc/>
    public override string? WeightPrefix => "layer";

    /// <inheritdoc/>
    public override string Details => Shortcut.IsEmpty ? "identity shortcut" : "projected shortcut";

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Body.IsEmpty)
            throw NetworkErrors.Option(Kind, "an empty body", "at least one layer");
        var body = Body.Aggregate(input, (shape, layer) => layer.OutputShape(shape));
        var shortcut = Shortcut.Aggregate(input, (shape, layer) => layer.OutputShape(shape));
        return body == shortcut
            ? body
            : throw NetworkErrors.Shape(Kind, $"body {body} and shortcut {shortcut}", "equal shapes; project the shortcut with a 1×1 convolution");
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => Flops(Body, input) + Flops(Shortcut, input) + OutputShape(input).ImageLength;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        NetworkJson.WriteLayers(json, "body", Body);
        NetworkJson.WriteLayers(json, "shortcut", Shortcut);
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register(
        "residual", json => new Residual(json.Layers("body"), json.Layers("shortcut")));

    internal override ImmutableArray<InnerPath> Paths => [new(".", ".", Body), new(".s", ".downsample.", Shortcut)];

    internal override LayerSpec WithPaths(ImmutableArray<ImmutableArray<LayerSpec>> paths) => this with { Body = paths[0], Shortcut = paths[1] };

    internal override string Export(IOperatorGraph graph, LayerNode node, string input)
    {
        string[] results = [.. node.Paths.Select(path => graph.Add(path, input))];

        // One may have been flattened on its way and the other not.
        if (node.Output is { H: 1, W: 1 })
            results = [.. results.Select(value => graph.Flat(node, value))];
        return graph.Add(node, "Add", results);
    }

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        // The first path may add its gradient in place; the second has one of its own.
        var first = new Value(input.Shape, input.Data) { Gradient = input.Gradient, ReadOnly = true };
        var gradient = input.Gradient is null ? null : compiler.Buffer($"{node.Position} gradient 2", input.Shape.Length);
        var second = new Value(input.Shape, input.Data) { Gradient = gradient, ReadOnly = true };
        compiler.Add(new ForkOp { Name = node.Position, Input = input, Output = first, Second = second });
        if (compiler.IsForInference)
            return EmitForward(compiler, node, first, second);
        var body = compiler.Emit(node.Paths[0], first);
        var shortcut = compiler.Emit(node.Paths[1], second);
        if (shortcut.Gradient is not null)
            body.Gradient ??= compiler.Buffer($"{node.Position} gradient", body.Shape.Length);
        return Sum(compiler, node, body, shortcut);
    }

    // The shortcut first, so that the last convolution of the body can compute the sum along.
    static Value EmitForward(NetworkCompiler compiler, LayerNode node, Value first, Value second)
    {
        var shortcut = compiler.Emit(node.Paths[1], second);
        var body = compiler.Emit(node.Paths[0], first);
        return compiler.Last is ConvOp conv && conv.Output == body && conv.TryAdd(compiler, shortcut) ? body : Sum(compiler, node, body, shortcut);
    }

    static Value Sum(NetworkCompiler compiler, LayerNode node, Value body, Value shortcut)
    {
        var output = compiler.Result(node, body, body.Shape, forward: true, backward: true);
        return compiler.Add(new AddOp { Name = node.Position, Input = body, Second = shortcut, Output = output, Flops = body.Shape.ImageLength });
    }

    /// <inheritdoc/>
    public bool Equals(Residual? other) =>
        other is not null && WeightName == other.WeightName && Body.SequenceEqual(other.Body) && Shortcut.SequenceEqual(other.Shortcut);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Body.Length, Shortcut.Length, Kind);

    static ImmutableArray<LayerSpec> OrEmpty(ImmutableArray<LayerSpec> layers) => layers.IsDefault ? [] : layers;
}

/// <summary>Where a residual block begins: both paths read the same data, the shortcut as <see cref="LayerOp.Second"/>; backward, their gradients are added.</summary>
internal sealed class ForkOp : LayerOp
{
    public override void Forward(Pass pass)
    {
    }

    public override void Backward(Pass pass)
    {
        if (Input.Gradient is not null)
            Elementwise.Add(
                Output.GradientRows(pass.Count), Second!.GradientRows(pass.Count), Input.GradientRows(pass.Count), pass.Width, pass.Pool);
    }
}

/// <summary>Where a residual block ends: the sum with <see cref="LayerOp.Second"/>, the shortcut's result, and backward a copy of the gradient for the second path.</summary>
internal sealed class AddOp : LayerOp
{
    public override void Forward(Pass pass) =>
        Elementwise.Add(Input.Rows(pass.Count), Second!.Rows(pass.Count), Output.Rows(pass.Count), pass.Width, pass.Pool);

    public override void Backward(Pass pass)
    {
        if (Second!.Gradient is not null)
            Output.GradientRows(pass.Count).CopyTo(Second.GradientRows(pass.Count));
    }
}
