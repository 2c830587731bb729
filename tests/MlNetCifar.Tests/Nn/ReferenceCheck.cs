using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Nn;

/// <summary>One training pass of a small network, compared with a reference in double precision and its central differences.</summary>
internal sealed class ReferenceCheck : IDisposable
{
    public const ulong Seed = 11;
    public const long Step = 3;
    const double Difference = 1e-6;

    readonly NetworkWeights _weights;
    readonly WorkerPool _pool;
    readonly Network _network;
    readonly Dictionary<string, double[]> _values;
    readonly float[] _images;
    readonly int[] _labels;
    readonly bool _training;
    readonly HashSet<string> _frozen = [];

    /// <summary>Runs forward, loss and backward on a batch of <paramref name="count"/> images in a network for <paramref name="batchSize"/>.</summary>
    public ReferenceCheck(
        NetworkSpec spec, int count, int batchSize, SimdWidth width, bool apart = false, bool training = true, Predicate<WeightTensor>? frozen = null)
    {
        _training = training;
        _weights = Weights(spec);
        var kept = _weights.Tensors.Where(t => frozen?.Invoke(t) == true).ToHashSet();
        _frozen = [.. kept.Select(t => t.Name)];
        _values = _weights.Tensors.ToDictionary(t => t.Name, t => LaneCases.Doubles(t.Values));
        _pool = new WorkerPool(2);
        _network = new Network(_weights, batchSize, training: true, _pool, width, frozen: kept, apart: apart);
        _images = LaneCases.Draw(5, count * spec.InputShape(1).Length, -1.5, 1.5);
        _labels = [.. Enumerable.Range(0, count).Select(i => i * 3 % spec.Classes)];
        _images.CopyTo(_network.Input(count));
        _network.Forward(count, training, Seed, Step);
        Logits = _network.Logits(count).ToArray();
        Loss = _network.Loss(_labels, 0.1f, [], out _);
        _network.Backward();
    }

    public float[] Logits { get; }

    public double Loss { get; }

    public float[] Gradients => _network.Gradients!.All.ToArray();

    public NetworkWeights Trained => _weights;

    public Network Network => _network;

    /// <summary>Fails where logits, loss or sampled gradients differ from the reference.</summary>
    /// <param name="samples">Entries a tensor.</param>
    public void Check(int samples)
    {
        var what = _weights.Spec.Name;
        var expected = new ReferenceNetwork(_weights, name => _values[name], _training, Seed, Step, _frozen).Logits(LaneCases.Doubles(_images), _labels.Length);
        var scale = expected.Max(Math.Abs) + 1e-3;
        for (var i = 0; i < expected.Length; i++)
            LaneCases.AssertClose(expected[i], Logits[i], 1e-4 * scale, $"{what}: logit {i}");
        LaneCases.AssertClose(ReferenceLoss(), Loss, 1e-4 * scale, $"{what}: loss");
        foreach (var tensor in _weights.Tensors.Where(_network.Gradients!.Has))
            Check(tensor, samples);
    }

    public void Dispose()
    {
        _network.Dispose();
        _weights.Dispose();
        _pool.Dispose();
    }

    /// <summary>Weights with nothing at a special value: gains about 1, biases about 0.</summary>
    public static NetworkWeights Weights(NetworkSpec spec)
    {
        var weights = NetworkWeights.Initialize(spec, 1);
        var seed = 100;
        foreach (var tensor in weights.Tensors.Where(t => t.Dimensions.Length == 1))
        {
            var spread = LaneCases.Draw(seed++, tensor.Length, -0.3, 0.3);
            for (var i = 0; i < spread.Length; i++)
                tensor.Values[i] += spread[i];
        }

        weights.Changed();
        return weights;
    }

    void Check(WeightTensor tensor, int samples)
    {
        var gradient = _network.Gradients!.Of(tensor);
        var norm = Math.Sqrt(LaneCases.Doubles(gradient).Sum(g => g * g));
        var random = new Random(tensor.Length);
        for (var k = 0; k < Math.Min(samples, tensor.Length); k++)
        {
            var at = samples >= tensor.Length ? k : random.Next(tensor.Length);
            var expected = CentralDifference(tensor.Name, at);

            // Behind a normalisation a bias has no gradient at all: what is left of its sum is rounding.
            LaneCases.AssertClose(expected, gradient[at], 2e-6 + (2e-4 * Math.Max(Math.Abs(expected), norm / Math.Sqrt(tensor.Length))), $"{_weights.Spec.Name}: ∂{tensor.Name}[{at}]");
        }
    }

    double CentralDifference(string name, int at)
    {
        var values = _values[name];
        var center = values[at];
        values[at] = center + Difference;
        var up = ReferenceLoss();
        values[at] = center - Difference;
        var down = ReferenceLoss();
        values[at] = center;
        return (up - down) / (2 * Difference);
    }

    double ReferenceLoss()
    {
        var logits = new ReferenceNetwork(_weights, name => _values[name], _training, Seed, Step, _frozen).Logits(LaneCases.Doubles(_images), _labels.Length);
        return _weights.Spec.Loss == LossKind.SigmoidCrossEntropy
            ? ReferenceLayers.SigmoidCrossEntropy(logits, _labels, 0.1f, null)
            : ReferenceLayers.SoftmaxCrossEntropy(logits, _labels, _weights.Spec.Classes, 0.1f, null);
    }
}
