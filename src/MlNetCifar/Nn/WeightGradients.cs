using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Gradients of the parameters that are trained, in the order of the parameters; what is frozen has none.</summary>
internal sealed class WeightGradients : IDisposable
{
    readonly Dictionary<WeightTensor, long> _offsets = [];
    readonly IReadOnlySet<WeightTensor> _frozen;
    readonly Arena _arena;

    /// <summary>Takes the memory.</summary>
    /// <param name="weights">Whose gradients.</param>
    /// <param name="frozen">Tensors that stay as they are, running statistics among them; null for none.</param>
    public WeightGradients(NetworkWeights weights, IReadOnlySet<WeightTensor>? frozen = null)
    {
        _frozen = frozen ?? ImmutableHashSet<WeightTensor>.Empty;
        var end = 0L;
        foreach (var tensor in weights.Tensors.Where(t => t.Spec.IsTrained && !_frozen.Contains(t)))
        {
            _offsets.Add(tensor, end);
            end += Arena.Align(tensor.Length);
        }

        _arena = new Arena(end);
    }

    /// <summary>All of them, gaps included (always 0).</summary>
    public Span<float> All => _arena.Span(0, (int)_arena.Length);

    /// <summary>Whether a tensor is trained.</summary>
    public bool Has(WeightTensor tensor) => _offsets.ContainsKey(tensor);

    /// <summary>Whether a tensor stays as it is though others of its kind do not.</summary>
    public bool Freezes(WeightTensor tensor) => _frozen.Contains(tensor);

    /// <summary>Where the gradient of a trained tensor begins in <see cref="All"/>.</summary>
    public long Offset(WeightTensor tensor) => _offsets[tensor];

    /// <summary>The gradient of one trained tensor.</summary>
    public Span<float> Of(WeightTensor tensor) => _arena.Span(_offsets[tensor], tensor.Length);

    public void Dispose() => _arena.Dispose();
}
