using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>
/// Muon (Jordan et al. 2024) for one filter: momentum, then the update is replaced by its nearest semi-orthogonal matrix, approximated by three quintic
/// Newton–Schulz iterations X ← aX + (b·G + c·G²)X, G the smaller Gram matrix of X. The filter itself is kept at a norm of √K, K its outputs.
/// </summary>
internal sealed class Muon : IDisposable
{
    const int Iterations = 3;
    const float A = 3.4445f;
    const float B = -4.7750f;
    const float C = 2.0315f;
    const int Parts = 7;

    readonly SimdWidth _width;
    readonly WorkerPool _pool;
    readonly bool _wide;
    readonly int _rows;
    readonly int _columns;
    readonly int _side;
    readonly ConvPlan _byGram;
    readonly ConvPlan _square;
    readonly Arena _arena;
    readonly double[] _partial;

    /// <summary>Prepares for one filter.</summary>
    /// <param name="dimensions">[R, S, C, K]: the matrix is [R·S·C, K].</param>
    /// <param name="width">Lane width.</param>
    /// <param name="pool">Threads.</param>
    public Muon(ReadOnlySpan<int> dimensions, SimdWidth width, WorkerPool pool)
    {
        (_width, _pool) = (width, pool);
        _rows = dimensions[0] * dimensions[1] * dimensions[2];
        _columns = dimensions[3];
        _wide = _rows < _columns;
        _side = Math.Min(_rows, _columns);

        // Products with X = [rows, columns] as dense layers: tall X gives XᵀX by the weight gradient and X·G forward; wide X, packed as
        // the weights of a layer, gives XXᵀ by the data gradient and G·X forward.
        _byGram = new ConvPlan(_wide ? ConvShape.Dense(_rows, _rows, _columns) : ConvShape.Dense(_rows, _columns, _columns), width, pool.Threads);
        _square = new ConvPlan(ConvShape.Dense(_side, _side, _side), width, pool.Threads);
        _partial = new double[LaneKernel.Blocks(_rows * _columns)];
        _arena = new Arena(Offset(Parts));
    }

    /// <summary>One update.</summary>
    /// <param name="weights">[R·S·C, K]; updated.</param>
    /// <param name="gradients">∂loss/∂weights; its scale does not matter.</param>
    /// <param name="velocity">Momentum buffer; updated.</param>
    /// <param name="rate">Learning rate.</param>
    /// <param name="momentum">0 ≤ m &lt; 1.</param>
    public void Step(Span<float> weights, ReadOnlySpan<float> gradients, Span<float> velocity, float rate, float momentum)
    {
        Elementwise.Combine(momentum, velocity, 1, gradients, velocity, _width, _pool);
        var x = Part(0);
        Elementwise.Combine(1, gradients, momentum, velocity, x, _width, _pool);
        Orthogonalize(x);
        var norm = Math.Sqrt(Elementwise.SumOfSquares(weights, _partial, _width, _pool));
        Elementwise.Combine((float)(Math.Sqrt(_columns) / norm), weights, -rate, x, weights, _width, _pool);
    }

    public void Dispose() => _arena.Dispose();

    void Orthogonalize(Span<float> x)
    {
        Span<float> next = Part(1), gram = Part(2), polynomial = Part(3), packed = Part(4), squarePacked = Part(5), workspace = Part(6);
        var norm = Math.Sqrt(Elementwise.SumOfSquares(x, _partial, _width, _pool));
        Elementwise.Scale((float)(1 / (norm + 1e-7)), x, x, _width, _pool);
        for (var i = 0; i < Iterations; i++)
        {
            if (_wide)
            {
                _byGram.PackWeights(x, packed, backward: true, _pool);
                _byGram.BackwardData(_rows, x, packed, gram, workspace, _pool);
            }
            else
            {
                _byGram.BackwardWeights(_rows, x, x, gram, [], workspace, _pool);
            }

            _square.PackWeights(gram, squarePacked, backward: false, _pool);
            _square.Forward(_side, gram, squarePacked, [], false, polynomial, workspace, _pool);
            Elementwise.Combine(B, gram, C, polynomial, polynomial, _width, _pool);
            if (!_wide)
                _byGram.PackWeights(polynomial, packed, backward: false, _pool);
            _byGram.Forward(_rows, _wide ? polynomial : x, packed, [], false, next, workspace, _pool);
            Elementwise.Combine(A, x, 1, next, x, _width, _pool);
        }
    }

    Span<float> Part(int index) => _arena.Span(Offset(index), Length(index));

    long Offset(int index)
    {
        var offset = 0L;
        for (var i = 0; i < index; i++)
            offset += Arena.Align(Length(i));
        return offset;
    }

    int Length(int index) => index switch
    {
        0 or 1 => _rows * _columns,
        2 or 3 => _side * _side,
        4 => _byGram.PackedLength,
        5 => _square.PackedLength,
        _ => Math.Max(_byGram.WorkspaceLength, _square.WorkspaceLength),
    };
}
