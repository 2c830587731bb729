using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Tells packed copies of one tensor apart.</summary>
/// <param name="Weights">The filter or matrix.</param>
/// <param name="Norm">Gain of the batch normalisation that is folded in; null for none.</param>
/// <param name="Packing">The kernels' layout.</param>
/// <param name="Backward">Whether the backward pass's copy is part of it.</param>
internal readonly record struct PackedKey(WeightTensor Weights, WeightTensor? Norm, ConvPacking Packing, bool Backward);

/// <summary>
/// The packed weights of one <see cref="NetworkWeights"/> that networks use at present: each made once, however many networks share it, and freed with
/// the last of them. Thread-safe.
/// </summary>
internal sealed class PackedStore
{
    readonly Dictionary<PackedKey, PackedWeights> _entries = [];

    /// <summary>Bytes held at present.</summary>
    public long Bytes
    {
        get
        {
            lock (_entries)
                return _entries.Values.Sum(e => e.Bytes);
        }
    }

    /// <summary>The copy of that key, to be given back by <see cref="Return"/>.</summary>
    public PackedWeights Rent(PackedKey key, Func<PackedKey, PackedWeights> create)
    {
        lock (_entries)
        {
            if (!_entries.TryGetValue(key, out var entry))
                _entries.Add(key, entry = create(key));
            entry.Users++;
            return entry;
        }
    }

    public void Return(PackedWeights entry)
    {
        lock (_entries)
        {
            if (--entry.Users > 0)
                return;
            _entries.Remove(entry.Key);
            entry.Dispose();
        }
    }
}

/// <summary>
/// The weights of a convolution or dense layer as its kernels read them, a batch normalisation folded in where there is one. Brought up to date by the
/// first network that finds one of the tensors changed; reading is thread-safe while nobody writes the tensors.
/// </summary>
internal sealed class PackedWeights : IDisposable
{
    readonly ConvPlan _plan;
    readonly WeightTensor? _bias;
    readonly FoldedNorm? _norm;
    readonly Arena _memory;
    readonly Lock _gate = new();
    readonly int _length;
    long _version = -1;

    public PackedWeights(PackedKey key, ConvPlan plan, WeightTensor? bias, FoldedNorm? norm)
    {
        (Key, _plan, _bias, _norm) = (key, plan, bias, norm);
        _length = Length(plan, key.Backward);
        _memory = new Arena(Arena.Align(_length) + (norm is null ? 0 : norm.Channels));
    }

    public PackedKey Key { get; }

    /// <summary>Networks that share it; the store's business.</summary>
    public int Users { get; set; }

    public long Bytes => _memory.Length * sizeof(float);

    /// <summary>What the plan's passes take.</summary>
    public ReadOnlySpan<float> Filter => _memory.Span(0, _length);

    /// <summary>What is added to each channel; empty for nothing.</summary>
    public ReadOnlySpan<float> Bias => _norm is not null ? _memory.Span(Arena.Align(_length), _norm.Channels) : _bias is not null ? _bias.Values : [];

    /// <summary>Floats of the packed filter.</summary>
    public static int Length(ConvPlan plan, bool backward) => backward ? plan.PackedLength : plan.ForwardPackedLength;

    /// <summary>Packs again if a tensor changed since the last time; the tensors that did not change cost a comparison.</summary>
    public void Refresh(WorkerPool pool)
    {
        var version = Key.Weights.Version + (_norm is null ? 0 : (_bias?.Version ?? 0) + _norm.Version);
        if (Volatile.Read(ref _version) == version)
            return;
        lock (_gate)
        {
            if (_version == version)
                return;
            Pack(pool);
            Volatile.Write(ref _version, version);
        }
    }

    public void Dispose() => _memory.Dispose();

    void Pack(WorkerPool pool)
    {
        var packed = _memory.Span(0, _length);
        if (_norm is null)
        {
            _plan.PackWeights(Key.Weights.Values, packed, Key.Backward, pool);
            return;
        }

        using var scaled = new Arena(Key.Weights.Length);
        _norm.Fold(Key.Weights, _bias, scaled.Span(0, Key.Weights.Length), _memory.Span(Arena.Align(_length), _norm.Channels));
        _plan.PackWeights(scaled.Span(0, Key.Weights.Length), packed, Key.Backward, pool);
    }
}

/// <summary>A batch normalisation as part of the convolution before it: filter · s and (bias − μ) · s + β with s = γ/√(σ² + ε).</summary>
internal sealed class FoldedNorm(BatchNorm spec, BatchNormWeights norm)
{
    public int Channels => norm.Gamma.Length;

    /// <summary>Tells the tensors apart from what they were.</summary>
    public long Version => norm.Gamma.Version + norm.Beta.Version + norm.Mean.Version + norm.Variance.Version;

    /// <summary>Names it in keys.</summary>
    public WeightTensor Gamma => norm.Gamma;

    /// <summary>Folds.</summary>
    /// <param name="weights">[…, K].</param>
    /// <param name="bias">[K], or null.</param>
    /// <param name="filter">As the weights, scaled; overwritten.</param>
    /// <param name="shift">[K]; overwritten.</param>
    public void Fold(WeightTensor weights, WeightTensor? bias, Span<float> filter, Span<float> shift)
    {
        var scale = new float[Channels];
        for (var k = 0; k < scale.Length; k++)
        {
            scale[k] = norm.Gamma.Values[k] / MathF.Sqrt(norm.Variance.Values[k] + spec.Epsilon);
            shift[k] = norm.Beta.Values[k] + (((bias is null ? 0 : bias.Values[k]) - norm.Mean.Values[k]) * scale[k]);
        }

        // By rows: by columns, each value of a large filter is a cache line of its own.
        for (ReadOnlySpan<float> from = weights.Values; from.Length > 0; from = from[Channels..], filter = filter[Channels..])
            for (var k = 0; k < scale.Length; k++)
                filter[k] = from[k] * scale[k];
    }
}
