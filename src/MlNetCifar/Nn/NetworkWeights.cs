using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>One named tensor of a network's weights.</summary>
public sealed class WeightTensor
{
    readonly Arena _arena;

    internal WeightTensor(NetworkWeights owner, Arena arena, long offset, string name, ParameterSpec spec, LayerNode node)
    {
        Owner = owner;
        _arena = arena;
        Offset = offset;
        Name = name;
        Spec = spec;
        Node = node;
    }

    /// <summary>Name in weight files, for example <c>conv1.weight</c>.</summary>
    public string Name { get; }

    /// <summary>What it is for.</summary>
    public ParameterRole Role => Spec.Role;

    /// <summary>[R, S, C, K] of a filter, [C, K] of a matrix, [C] of a vector.</summary>
    public ReadOnlySpan<int> Dimensions => Spec.Dimensions.AsSpan();

    /// <summary>Number of elements.</summary>
    public int Length => Spec.Length;

    /// <summary>The elements, row-major; owned by the <see cref="NetworkWeights"/>.</summary>
    public Span<float> Values => _arena.Span(Offset, Length);

    internal NetworkWeights Owner { get; }

    internal long Offset { get; }

    internal ParameterSpec Spec { get; }

    internal LayerNode Node { get; }

    /// <summary>Grows whenever the values change; packed copies compare it.</summary>
    internal long Version { get; private set; }

    /// <summary>To be called after every change of the values.</summary>
    internal void Changed() => Version++;
}

/// <summary>
/// All weights of one network: the trained parameters in one block, the running statistics in another, each tensor 64-byte aligned.
/// Owns its memory. Reading is thread-safe while nobody writes.
/// </summary>
public sealed class NetworkWeights : IDisposable
{
    readonly Arena _parameters;
    readonly Arena _statistics;

    internal NetworkWeights(NetworkSpec spec)
        : this(spec, spec.Resolve())
    {
    }

    internal NetworkWeights(NetworkSpec spec, ImmutableArray<LayerNode> nodes)
    {
        (Spec, Nodes) = (spec, nodes);
        var tensors = Nodes.SelectMany(n => n.Flat()).SelectMany(node => node.Parameters.Select(parameter => (node, parameter))).ToArray();
        _parameters = new Arena(tensors.Where(t => t.parameter.IsTrained).Sum(t => Arena.Align(t.parameter.Length)));
        _statistics = new Arena(tensors.Where(t => !t.parameter.IsTrained).Sum(t => Arena.Align(t.parameter.Length)));
        var ordered = ImmutableArray.CreateBuilder<WeightTensor>(tensors.Length);
        long parameterEnd = 0, statisticEnd = 0;
        foreach (var (node, parameter) in tensors)
        {
            ref var end = ref parameter.IsTrained ? ref parameterEnd : ref statisticEnd;
            var tensor = new WeightTensor(this, parameter.IsTrained ? _parameters : _statistics, end, $"{node.WeightName}.{parameter.Name}", parameter, node);
            ordered.Add(tensor);
            _byName.Add(tensor.Name, tensor);
            end += Arena.Align(parameter.Length);
        }

        Tensors = ordered.MoveToImmutable();
    }

    readonly Dictionary<string, WeightTensor> _byName = [];

    /// <summary>The network they belong to.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>All tensors in the order of the layers.</summary>
    public ImmutableArray<WeightTensor> Tensors { get; }

    /// <summary>Number of trained parameters.</summary>
    public long ParameterCount => Tensors.Where(t => t.Spec.IsTrained).Sum(t => (long)t.Length);

    internal ImmutableArray<LayerNode> Nodes { get; }

    /// <summary>Copies in the layouts of kernels, shared by all networks that use these weights.</summary>
    internal PackedStore Packed { get; } = new();

    /// <summary>All trained parameters with the alignment gaps between them (always 0).</summary>
    internal Span<float> Parameters => _parameters.Span(0, (int)_parameters.Length);

    /// <summary>All that is not trained, with the alignment gaps between them (always 0).</summary>
    internal Span<float> Statistics => _statistics.Span(0, (int)_statistics.Length);

    /// <summary>The tensor of that name, or null.</summary>
    /// <param name="name">For example <c>conv1.weight</c>.</param>
    public WeightTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>New weights, initialised as the layers say.</summary>
    /// <param name="spec">The network.</param>
    /// <param name="seed">Same seed, same values.</param>
    /// <exception cref="MlNetCifarException">The description is wrong (MNC20xx).</exception>
    public static NetworkWeights Initialize(NetworkSpec spec, ulong seed)
    {
        var weights = new NetworkWeights(spec);
        weights.Initialize(seed);
        return weights;
    }

    /// <summary>A copy with memory of its own.</summary>
    public NetworkWeights Clone()
    {
        var copy = new NetworkWeights(Spec);
        copy.CopyFrom(this);
        return copy;
    }

    /// <summary>SHA-256 over all tensors in order, as 64 lower-case hexadecimal digits.</summary>
    public string Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in Tensors)
            hash.AppendData(MemoryMarshal.AsBytes(tensor.Values));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _parameters.Dispose();
        _statistics.Dispose();
    }

    internal void CopyFrom(NetworkWeights other)
    {
        other.Parameters.CopyTo(Parameters);
        other.Statistics.CopyTo(Statistics);
        Changed();
    }

    /// <summary>Gives every tensor the first values that its layer wants.</summary>
    internal void Initialize(ulong seed)
    {
        for (var i = 0; i < Tensors.Length; i++)
            Initializers.Fill(Tensors[i].Spec, Tensors[i].Values, new SplitRandom(seed, RandomPurpose.Initialize, (ulong)i));
        Changed();
    }

    /// <summary>To be called after changes of any of the values; where only some tensors changed, <see cref="WeightTensor.Changed"/> of those spares the others' copies.</summary>
    internal void Changed()
    {
        foreach (var tensor in Tensors)
            tensor.Changed();
    }
}
