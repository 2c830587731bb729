using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>
/// Several networks that read the same input, as one: y = log Σᵢ wᵢ·softmax(zᵢ), zᵢ being the logits of member i, so that the softmax of the result is the weighted mean of the members'
/// probabilities. Of one logit for two classes: the logit of the weighted mean of their sigmoids.
/// </summary>
/// <param name="Members">The networks, 1 … 64; each must end in one logit a class, [N, 1, 1, classes].</param>
internal sealed record Ensemble(ImmutableArray<EnsembleMember> Members) : LayerSpec
{
    /// <summary>Most members.</summary>
    internal const int Most = 64;

    /// <summary>The networks, 1 … 64.</summary>
    public ImmutableArray<EnsembleMember> Members { get; init => field = OrEmpty(value); } = OrEmpty(Members);

    /// <inheritdoc/>
    public override string Kind => "ensemble";

    /// <inheritdoc/>
    public override string? WeightPrefix => "ensemble";

    /// <inheritdoc/>
    public override string Details => Members.Length == 1 ? "1 member"
        : Members.All(member => member.Weight == Members[0].Weight) ? $"{Members.Length} members"
        : string.Join(", ", Members.Select(member => FormattableString.Invariant($"{member.Weight:G3}")));

    /// <inheritdoc/>
    public override Shape OutputShape(Shape input)
    {
        if (Members.Length is 0 or > Most)
            throw NetworkErrors.Option(Kind, $"{Members.Length} members", $"1 to {Most}");
        if (Members.FirstOrDefault(member => !(member.Weight > 0) || !float.IsFinite(member.Weight)) is { } odd)
            throw NetworkErrors.Option(Kind, FormattableString.Invariant($"a weight of {odd.Weight}"), "finite numbers above 0");
        Shape[] outputs = [.. Members.Select(member => member.Layers.Aggregate(input, (shape, layer) => layer.OutputShape(shape)))];
        return outputs.FirstOrDefault(shape => shape is not { H: 1, W: 1 } || shape != outputs[0]) is { N: > 0 } other
            ? throw NetworkErrors.Shape(Kind, $"members that give {outputs[0]} and {other}", "one value a class of each, and as many of all")
            : outputs[0];
    }

    /// <inheritdoc/>
    public override double Flops(Shape input) => Members.Sum(member => Flops(member.Layers, input));

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray("members");
        foreach (var member in Members)
        {
            json.WriteStartObject();
            json.WriteNumber("weight", member.Weight);
            NetworkJson.WriteLayers(json, "layers", member.Layers);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    [ModuleInitializer]
    internal static void Register() => LayerRegistry.Register("ensemble", json => new Ensemble(json.Members("members")));

    internal override ImmutableArray<InnerPath> Paths => [.. Members.Select((member, i) => new InnerPath($".m{i + 1}.", $".member{i + 1}.", member.Layers))];

    internal override LayerSpec WithPaths(ImmutableArray<ImmutableArray<LayerSpec>> paths) =>
        this with { Members = [.. Members.Select((member, i) => member with { Layers = paths[i] })] };

    internal override string Export(IOperatorGraph graph, LayerNode node, string input)
    {
        string[] logits = [.. node.Paths.Select(path => graph.Flat(node, graph.Add(path, input)))];
        if (node.Output.C > 1)
            return LogMean(graph, node, [.. logits.Select(z => graph.Add(node, "LogSoftmax", [z], ("axis", 1L)))]);
        string[] opposite = [.. logits.Select(z => graph.Add(node, "Neg", [z]))];
        var second = LogMean(graph, node, [.. opposite.Select(z => LogSigmoid(graph, node, z))]);
        var first = LogMean(graph, node, [.. logits.Select(z => LogSigmoid(graph, node, z))]);
        return graph.Add(node, "Sub", [second, first]);
    }

    internal override Value Emit(NetworkCompiler compiler, LayerNode node, Value input)
    {
        var logits = new Value[Members.Length];
        var rest = input;
        for (var i = 0; i < logits.Length; i++)
        {
            var own = new Value(input.Shape, input.Data) { Gradient = rest.Gradient, ReadOnly = true };
            if (i < logits.Length - 1)
                rest = Fork(compiler, node, rest, own);
            logits[i] = compiler.Emit(node.Paths[i], own);
        }

        var output = new Value(logits[0].Shape, compiler.Buffer(node.Position, logits[0].Shape.Length));
        if (logits.Any(value => value.Gradient is not null))
            output.Gradient = compiler.Buffer($"{node.Position} gradient", output.Shape.Length);
        return compiler.Add(new EnsembleOp(Shares()) { Name = node.Position, Input = logits[0], Others = logits[1..], Output = output });
    }

    /// <inheritdoc/>
    public bool Equals(Ensemble? other) => other is not null && WeightName == other.WeightName && Members.SequenceEqual(other.Members);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Members.Length, Kind);

    /// <summary>Two readers of one value: a member, and all behind it.</summary>
    /// <returns>What those read, with a gradient of their own.</returns>
    static Value Fork(NetworkCompiler compiler, LayerNode node, Value input, Value own)
    {
        var gradient = input.Gradient is null ? null : compiler.Buffer($"{node.Position} gradient of others", input.Shape.Length);
        var rest = new Value(input.Shape, input.Data) { Gradient = gradient, ReadOnly = true };
        compiler.Add(new ForkOp { Name = node.Position, Input = input, Output = own, Second = rest });
        return rest;
    }

    /// <summary>log Σᵢ wᵢ·exp(xᵢ), which no exponential over- or underflows.</summary>
    string LogMean(IOperatorGraph graph, LayerNode node, string[] values)
    {
        var shares = Shares();
        var weighted = values.Select((value, i) => graph.Add(node, "Add", [value, graph.Number((float)Math.Log(shares[i]))])).ToArray();
        if (weighted.Length == 1)
            return weighted[0];
        var largest = graph.Add(node, "Max", weighted);
        var sum = graph.Add(node, "Sum", [.. weighted.Select(value => graph.Add(node, "Exp", [graph.Add(node, "Sub", [value, largest])]))]);
        return graph.Add(node, "Add", [graph.Add(node, "Log", [sum]), largest]);
    }

    /// <summary>log σ(−z).</summary>
    static string LogSigmoid(IOperatorGraph graph, LayerNode node, string z) => graph.Add(node, "Neg", [graph.Add(node, "Softplus", [z])]);

    double[] Shares()
    {
        var sum = Members.Sum(member => (double)member.Weight);
        return [.. Members.Select(member => member.Weight / sum)];
    }

    static ImmutableArray<EnsembleMember> OrEmpty(ImmutableArray<EnsembleMember> members) => members.IsDefault ? [] : members;
}

/// <summary>One network of an <see cref="Ensemble"/>.</summary>
/// <param name="Layers">First to last.</param>
/// <param name="Weight">How much its probabilities count, &gt; 0; only the ratio to the others' matters. The default is 1.</param>
internal sealed record EnsembleMember(ImmutableArray<LayerSpec> Layers, float Weight = 1)
{
    /// <summary>First to last.</summary>
    public ImmutableArray<LayerSpec> Layers { get; init => field = OrEmpty(value); } = OrEmpty(Layers);

    /// <inheritdoc/>
    public bool Equals(EnsembleMember? other) => other is not null && Weight == other.Weight && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Weight, Layers.Length);

    static ImmutableArray<LayerSpec> OrEmpty(ImmutableArray<LayerSpec> layers) => layers.IsDefault ? [] : layers;
}

/// <summary>Where the members of an ensemble meet. Small (one value per class and image), so scalar and in double precision inside.</summary>
/// <param name="shares">How much each member counts; their sum is 1.</param>
internal sealed class EnsembleOp(double[] shares) : LayerOp
{
    public override bool BackwardReadsInput => true;

    public override bool BackwardReadsOutput => true;

    public override void Forward(Pass pass)
    {
        Span<double> norms = stackalloc double[Ensemble.Most];
        Span<double> terms = stackalloc double[Ensemble.Most];
        for (var n = 0; n < pass.Count; n++)
        {
            var y = Row(Output.Rows(pass.Count), n);
            if (y.Length == 1)
            {
                y[0] = (float)(LogMean(pass.Count, n, sign: 1, terms) - LogMean(pass.Count, n, sign: -1, terms));
                continue;
            }

            Norms(pass.Count, n, norms);
            for (var c = 0; c < y.Length; c++)
            {
                for (var i = 0; i < shares.Length; i++)
                    terms[i] = Math.Log(shares[i]) + Logits(i, pass.Count, n)[c] - norms[i];
                y[c] = (float)LogSpace.Sum(terms[..shares.Length]);
            }
        }
    }

    public override void Backward(Pass pass)
    {
        Span<double> norms = stackalloc double[Ensemble.Most];
        Span<double> terms = stackalloc double[Ensemble.Most];
        for (var n = 0; n < pass.Count; n++)
        {
            if (Output.Shape.C > 1)
                Norms(pass.Count, n, norms);
            for (var i = 0; i < shares.Length; i++)
            {
                if (Member(i).Gradient is null)
                    continue;
                if (Output.Shape.C == 1)
                    Sigmoid(pass.Count, n, i, terms);
                else
                    Softmax(pass.Count, n, i, norms[i]);
            }
        }
    }

    /// <summary>With pᵢ the member's probabilities and rᵢ = wᵢ·pᵢ/Σⱼ wⱼ·pⱼ its part in the mean: ∂y_c/∂z_ik = r_ic·([k = c] − p_ik).</summary>
    void Softmax(int count, int n, int member, double norm)
    {
        ReadOnlySpan<float> z = Logits(member, count, n), y = Row(Output.Rows(count), n), gradY = Row(Output.GradientRows(count), n);
        var gradZ = Row(Member(member).GradientRows(count), n);
        var share = Math.Log(shares[member]);
        double sum = 0;
        for (var c = 0; c < z.Length; c++)
            sum += gradY[c] * Math.Exp(share + z[c] - norm - y[c]);
        for (var c = 0; c < z.Length; c++)
            gradZ[c] = (float)((gradY[c] * Math.Exp(share + z[c] - norm - y[c])) - (Math.Exp(z[c] - norm) * sum));
    }

    /// <summary>The parts r⁺ and r⁻ of the member in the means of both classes: ∂y/∂z = r⁺·σ(−z) + r⁻·σ(z).</summary>
    void Sigmoid(int count, int n, int member, Span<double> terms)
    {
        double z = Logits(member, count, n)[0], share = Math.Log(shares[member]);
        var positive = Math.Exp(share + LogSpace.Sigmoid(z) - LogMean(count, n, sign: 1, terms));
        var negative = Math.Exp(share + LogSpace.Sigmoid(-z) - LogMean(count, n, sign: -1, terms));
        Row(Member(member).GradientRows(count), n)[0] =
            (float)(Row(Output.GradientRows(count), n)[0] * ((positive * Math.Exp(LogSpace.Sigmoid(-z))) + (negative * Math.Exp(LogSpace.Sigmoid(z)))));
    }

    /// <summary>log Σᵢ wᵢ·σ(±zᵢ).</summary>
    double LogMean(int count, int n, int sign, Span<double> terms)
    {
        for (var i = 0; i < shares.Length; i++)
            terms[i] = Math.Log(shares[i]) + LogSpace.Sigmoid(sign * (double)Logits(i, count, n)[0]);
        return LogSpace.Sum(terms[..shares.Length]);
    }

    /// <summary>log Σₖ exp(zₖ) of each member.</summary>
    void Norms(int count, int n, Span<double> norms)
    {
        for (var i = 0; i < shares.Length; i++)
            norms[i] = LogSpace.Sum(Logits(i, count, n));
    }

    Value Member(int i) => i == 0 ? Input : Others[i - 1];

    Span<float> Logits(int member, int count, int n) => Row(Member(member).Rows(count), n);

    Span<float> Row(Span<float> rows, int n) => rows.Slice(n * Output.Shape.C, Output.Shape.C);
}
