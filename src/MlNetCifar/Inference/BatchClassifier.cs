using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar;

/// <summary>
/// Classifies small batches again and again, as a server does: its threads and activations are kept between calls. A picture's answer is that of
/// <see cref="ImageClassifier.Classify(RgbImage, int, CancellationToken)"/>, bit by bit, whatever else is in the batch. Not thread-safe; several may share one model.
/// </summary>
public sealed class BatchClassifier : IDisposable
{
    readonly ImageClassifier _model;
    readonly WorkerPool _pool;
    readonly Network _network;
    readonly float[] _normalized;
    readonly int _length;

    /// <summary>Compiles a model for batches.</summary>
    /// <param name="model">Borrowed; must outlive this.</param>
    /// <param name="batchSize">Most pictures of a call, ≥ 1. The default is 64.</param>
    /// <param name="threads">Threads with the caller's, ≥ 1; answers do not depend on it. Null for the cores this process may use.</param>
    /// <exception cref="ArgumentException">The model is null, or a number below 1.</exception>
    public BatchClassifier(ImageClassifier model, int batchSize = 64, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _pool = new WorkerPool(threads ?? Environment.ProcessorCount);
        (_model, _length, BatchSize) = (model, model.Preprocess.Length, batchSize);
        _network = model.Scorer.Compile(batchSize, _pool);
        _normalized = new float[batchSize * _length];
    }

    /// <summary>Most pictures of a call.</summary>
    public int BatchSize { get; }

    /// <summary>Classifies preprocessed pictures.</summary>
    /// <param name="pictures">Up to <see cref="BatchSize"/>, each [H, W, C] bytes as <see cref="Imaging.Preprocessor"/> makes them; not changed.</param>
    /// <param name="top">How many classes to return for each, at most; ≥ 1. The default is 5.</param>
    /// <param name="cancellation">Ends the work between two layers.</param>
    /// <returns>One answer a picture, in their order.</returns>
    /// <exception cref="ArgumentException">There are too many pictures, or one has another length.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<Classification> Classify(IReadOnlyList<ReadOnlyMemory<byte>> pictures, int top = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pictures.Count, BatchSize, nameof(pictures));
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        var count = pictures.Count;
        if (count == 0)
            return [];
        for (var i = 0; i < count; i++)
        {
            if (pictures[i].Length != _length)
                throw new ArgumentException($"Picture {i} has {pictures[i].Length} bytes; the model takes {_length}.", nameof(pictures));
            _model.Scorer.Normalizer.Apply(pictures[i].Span, _normalized.AsSpan(i * _length, _length));
        }

        var outputs = new float[count * _model.Network.Outputs];
        var features = new float[count * _model.FeaturesAsked];
        Scorer.Average(_network, _normalized.AsSpan(0, count * _length), count, _model.OwnViews, new float[features.Length], features, outputs, cancellation);
        var answers = new Classification[count];
        var job = new AnswerJob(_model, pictures, top, outputs, features, answers);
        _pool.Run(ref job, count);
        return answers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _network.Dispose();
        _pool.Dispose();
    }

    readonly struct AnswerJob(
        ImageClassifier model, IReadOnlyList<ReadOnlyMemory<byte>> pictures, int top, float[] outputs, float[] features, Classification[] answers) : IParallelJob
    {
        public void Execute(int block, int worker)
        {
            var (wide, deep) = (model.Network.Outputs, model.FeaturesAsked);
            answers[block] = model.Answer(outputs[(block * wide)..((block + 1) * wide)], features[(block * deep)..((block + 1) * deep)], pictures[block].Span, top);
        }
    }
}
