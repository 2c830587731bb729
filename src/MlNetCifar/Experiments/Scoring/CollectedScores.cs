using MlNetCifar.Inference;

namespace MlNetCifar.Experiments;

/// <summary>The scores of all images of a set, put together from runs of them; each image is taken once.</summary>
/// <param name="count">How many images.</param>
internal sealed class CollectedScores(int count)
{
    readonly bool[] _there = new bool[count];
    float[] _outputs = [];
    float[] _features = [];
    float[] _texture = [];
    ulong[] _hashes = [];

    /// <summary>Images whose scores are there.</summary>
    public int Done { get; private set; }

    /// <summary>Hashes of all pictures; empty where they were not wanted.</summary>
    public ulong[] Hashes => _hashes;

    /// <summary>Network outputs in the place of logits, and the rest.</summary>
    public ImageOutputs Raw => new(_outputs, _features, _texture);

    /// <summary>Has a job done.</summary>
    /// <exception cref="MlNetCifarException">Images are missing (MNC9024), or what <see cref="IImageScoring.Score"/> gives.</exception>
    public static CollectedScores Of(IImageScoring scoring, ScoringJob job, string name, ExperimentLog log, CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp();
        var all = new CollectedScores(job.Count);
        log.During(ExperimentStage.Evaluating, $"evaluating {name}", advance =>
        {
            scoring.Score(job, scores =>
            {
                all.Add(scores);
                advance((double)all.Done / job.Count, FormattableString.Invariant(
                    $"evaluating {name} {all.Done:N0}/{job.Count:N0}  {all.Done / Math.Max(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 1e-3):N0} images/s"));
            }, cancellation);
            return all;
        });
        return all.Done == job.Count ? all : throw ExperimentErrors.MissingScores(all.Done, job.Count);
    }

    /// <summary>Those of some images.</summary>
    /// <param name="rows">Which, in order.</param>
    public CollectedScores Only(int[] rows)
    {
        var taken = new CollectedScores(rows.Length);
        for (var i = 0; i < rows.Length; i++)
            taken.Put(i, 1, Slice(_outputs, rows[i]), Slice(_features, rows[i]), Slice(_texture, rows[i]), Slice(_hashes, rows[i]));
        return taken;

        ReadOnlySpan<T> Slice<T>(T[] all, int row) => all.AsSpan(row * (all.Length / count), all.Length / count);
    }

    /// <summary>Takes a run of scores; of one that comes again, as of a task that Spark has tried twice, nothing is changed, for it is the same.</summary>
    /// <exception cref="InvalidDataException">It does not lie within the images.</exception>
    public void Add(ImageScores scores)
    {
        if (scores.First < 0 || scores.Count < 1 || scores.Count > count - scores.First)
            throw new InvalidDataException(FormattableString.Invariant($"scores of images {scores.First} to {(long)scores.First + scores.Count - 1} came, and there are {count}"));
        Put(scores.First, scores.Count, scores.Raw.Logits, scores.Raw.Features, scores.Raw.Texture, scores.Hashes);
    }

    void Put(int first, int run, ReadOnlySpan<float> outputs, ReadOnlySpan<float> features, ReadOnlySpan<float> texture, ReadOnlySpan<ulong> hashes)
    {
        Copy(ref _outputs, outputs);
        Copy(ref _features, features);
        Copy(ref _texture, texture);
        Copy(ref _hashes, hashes);
        foreach (ref var there in _there.AsSpan(first, run))
        {
            Done += there ? 0 : 1;
            there = true;
        }

        void Copy<T>(ref T[] all, ReadOnlySpan<T> some)
        {
            var each = some.Length / run;
            if (Done == 0)
                all = new T[(long)count * each];
            if (all.Length != (long)count * each)
                throw new InvalidDataException(FormattableString.Invariant($"a worker sends {each} numbers an image, others have sent {all.Length / count}"));
            some.CopyTo(all.AsSpan(first * each));
        }
    }
}
