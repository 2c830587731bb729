using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Transfer;

/// <summary>
/// The loss of a dense layer on scaled features, and its gradient: the engine's own network of one layer, in batches of one size, so that neither the number of
/// threads nor their timing shows in the bits. Not thread-safe.
/// </summary>
internal sealed class HeadObjective : IDisposable
{
    const int BatchSize = 512;

    readonly FeatureRows _rows;
    readonly TransferOptions _options;
    readonly WorkerPool _pool;
    readonly NetworkWeights _weights;
    readonly Network _network;
    readonly WeightTensor _matrix;
    readonly WeightTensor _bias;
    readonly int[] _labels = new int[BatchSize];
    readonly CancellationToken _cancellation;

    /// <summary>Compiles the layer.</summary>
    public HeadObjective(FeatureRows rows, TransferOptions options, CancellationToken cancellation)
    {
        (_rows, _options, _cancellation) = (rows, options, cancellation);
        _pool = new WorkerPool(options.Threads ?? Environment.ProcessorCount);
        _weights = new NetworkWeights(new NetworkSpec
        {
            Name = "head", Height = 1, Width = 1, Channels = rows.Length, Classes = rows.Classes, Layers = [new Linear(rows.Classes) { WeightName = "head" }],
        });
        _network = new Network(_weights, BatchSize, training: true, _pool);
        (_matrix, _bias) = (_weights.Find("head.weight")!, _weights.Find("head.bias")!);
    }

    /// <summary>Numbers of the layer: the matrix [D, K], then the bias [K].</summary>
    public int Length => _matrix.Length + _bias.Length;

    /// <summary>The penalised loss as a function of the layer.</summary>
    /// <param name="pictures">Learnt, in all their views.</param>
    /// <param name="scaling">Of their features.</param>
    /// <param name="penalty">λ.</param>
    public Lbfgs.Objective Loss(int[] pictures, FeatureScaling scaling, double penalty)
    {
        var counts = new int[_rows.Classes];
        foreach (var picture in pictures)
            counts[_rows.Labels[picture]]++;
        var classWeights = _options.ClassWeights == ClassWeighting.Balanced ? TrainingSession.Balanced(counts) : [];
        return (point, gradient) =>
        {
            gradient.Clear();
            var loss = Sum(point, gradient, pictures, _rows.Views.Count, scaling, classWeights, _options.LabelSmoothing, out _);
            var squares = 0.0;
            for (var i = 0; i < _matrix.Length; i++)
            {
                squares += point[i] * point[i];
                gradient[i] += penalty * point[i];
            }

            return loss + (penalty / 2 * squares);
        };
    }

    /// <summary>The mean loss on pictures, unmirrored, all of one weight.</summary>
    /// <param name="point">The layer.</param>
    /// <param name="pictures">Which.</param>
    /// <param name="scaling">Of the features.</param>
    /// <param name="accuracy">Share of the pictures whose class is found.</param>
    public double Measure(ReadOnlySpan<double> point, int[] pictures, FeatureScaling scaling, out double accuracy)
    {
        var loss = Sum(point, [], pictures, 1, scaling, [], 0, out var correct);
        accuracy = (double)correct / pictures.Length;
        return loss;
    }

    /// <summary>Probabilities of pictures, unmirrored.</summary>
    /// <param name="point">The layer.</param>
    /// <param name="pictures">Which.</param>
    /// <param name="scaling">Of the features.</param>
    /// <param name="probabilities">[N, K], of all pictures; the rows of these are written.</param>
    public void Score(ReadOnlySpan<double> point, int[] pictures, FeatureScaling scaling, Span<float> probabilities)
    {
        Put(point);
        var classes = _rows.Classes;
        for (var first = 0; first < pictures.Length; first += BatchSize)
        {
            _cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(BatchSize, pictures.Length - first);
            for (var i = 0; i < count; i++)
                scaling.Apply(_rows.Row(0, pictures[first + i]), _network.Input(count).Slice(i * _rows.Length, _rows.Length));
            _network.Forward(count);
            var logits = _network.Logits(count);
            for (var i = 0; i < count; i++)
                Softmax.Apply(logits.Slice(i * classes, classes), 1, probabilities.Slice(pictures[first + i] * classes, classes));
        }
    }

    public void Dispose()
    {
        _network.Dispose();
        _weights.Dispose();
        _pool.Dispose();
    }

    double Sum(
        ReadOnlySpan<double> point, Span<double> gradient, int[] pictures, int views, FeatureScaling scaling, float[] classWeights, float smoothing, out int correct)
    {
        Put(point);
        var total = (double)views * pictures.Sum(picture => classWeights.Length == 0 ? 1.0 : classWeights[_rows.Labels[picture]]);
        var loss = 0.0;
        correct = 0;
        for (var first = 0; first < views * pictures.Length; first += BatchSize)
        {
            _cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(BatchSize, (views * pictures.Length) - first);
            var weight = 0.0;
            for (var i = 0; i < count; i++)
            {
                var (view, at) = Math.DivRem(first + i, pictures.Length);
                scaling.Apply(_rows.Row(view, pictures[at]), _network.Input(count).Slice(i * _rows.Length, _rows.Length));
                _labels[i] = _rows.Labels[pictures[at]];
                weight += classWeights.Length == 0 ? 1 : classWeights[_labels[i]];
            }

            _network.Forward(count, training: true);
            loss += weight / total * _network.Loss(_labels.AsSpan(0, count), smoothing, classWeights, out var right);
            correct += right;
            if (gradient.IsEmpty)
                continue;
            _network.Backward(_cancellation);
            Add(weight / total, _network.Gradients!.Of(_matrix), gradient);
            Add(weight / total, _network.Gradients!.Of(_bias), gradient[_matrix.Length..]);
        }

        return loss;
    }

    void Put(ReadOnlySpan<double> point)
    {
        for (var i = 0; i < _matrix.Length; i++)
            _matrix.Values[i] = (float)point[i];
        for (var k = 0; k < _bias.Length; k++)
            _bias.Values[k] = (float)point[_matrix.Length + k];
        _weights.Changed();
    }

    static void Add(double factor, ReadOnlySpan<float> values, Span<double> sums)
    {
        for (var i = 0; i < values.Length; i++)
            sums[i] += factor * values[i];
    }
}
