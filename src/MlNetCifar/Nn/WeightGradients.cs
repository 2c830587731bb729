using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>Gradients of the parameters that are trained, in the order of the parameters; what is frozen has none.</summary>
internal sealed class WeightGradients : IDisposable
{
    readonly Dictionary<WeightTensor, long> _offsets = [];
    readonly IReadOnlySet<WeightTensor> _frozen;
    readonly int _length;

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

        _length = (int)end;
        Memory = new Arena(end + weights.Statistics.Length);
    }

    /// <summary>All of them, gaps included (always 0).</summary>
    public Span<float> All => Memory.Span(0, _length);

    /// <summary>Holds them, and behind them as many floats as there are running statistics, for whoever sends both.</summary>
    public Arena Memory { get; }

    /// <summary>Whether a tensor is trained.</summary>
    public bool Has(WeightTensor tensor) => _offsets.ContainsKey(tensor);

    /// <summary>Whether a tensor stays as it is though others of its kind do not.</summary>
    public bool Freezes(WeightTensor tensor) => _frozen.Contains(tensor);

    /// <summary>Where the gradient of a trained tensor begins in <see cref="All"/>.</summary>
    public long Offset(WeightTensor tensor) => _offsets[tensor];

    /// <summary>The gradient of one trained tensor.</summary>
    public Span<float> Of(WeightTensor tensor) => Memory.Span(_offsets[tensor], tensor.Length);

    public void Dispose() => Memory.Dispose();
}
