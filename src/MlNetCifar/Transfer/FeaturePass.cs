using System.Buffers;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Transfer;

/// <summary>
/// Computes the features of pictures in small batches, which read the filters once for all of their pictures; of the pixels only those of a batch are in memory. Features do not
/// depend on the batch. What a <see cref="FeatureStore"/> has is not computed again, and not even decoded.
/// </summary>
internal sealed class FeaturePass(FeatureExtractor backbone, TransferOptions options, IProgress<int>? progress, CancellationToken cancellation)
{
    /// <summary>Pictures of a part: what a run that is killed may lose.</summary>
    const int PartSize = 128;

    const int KeyLength = ImageSource.ContentHashLength;

    readonly int _length = backbone.Count;
    int _done;

    /// <summary>Runs.</summary>
    /// <returns>[N, features].</returns>
    public float[] Run(ImageSource source, bool flipped)
    {
        Check(source);
        var store = new FeatureStore(Folder(source, flipped), _length);
        var features = new float[checked(source.Count * _length)];
        var keys = new byte[source.Count * KeyLength];
        if (options.CacheFolder is not null)
            ForEach(source.Count, i => Hash(source, i, keys.AsSpan(i * KeyLength, KeyLength)));
        var missing = store.Take(keys, features);
        Report(source.Count - missing.Length);
        if (missing.Length == 0)
            return features;
        using var pool = new WorkerPool(Threads);
        using var network = backbone.Scorer.Compile(Math.Min(missing.Length, backbone.Scorer.PicturesAtOnce), pool);
        // Room for a batch, used again and again: [N, H, W, C], the same normalised, and [N, features].
        var buffers = (new byte[network.BatchSize * source.ImageLength], new float[network.BatchSize * source.ImageLength], new float[network.BatchSize * _length]);
        foreach (var part in missing.Chunk(PartSize))
        {
            foreach (var batch in part.Chunk(network.BatchSize))
                Compute(network, source, batch, flipped, buffers, features);
            if (options.CacheFolder is not null)
                Keep(store, part, keys, features);
        }

        return features;
    }

    int Threads => options.Threads ?? Environment.ProcessorCount;

    void Keep(FeatureStore store, int[] part, byte[] keys, float[] features)
    {
        var (kept, rows) = (new byte[part.Length * KeyLength], new float[part.Length * _length]);
        for (var i = 0; i < part.Length; i++)
        {
            Key(keys, part[i]).CopyTo(kept.AsSpan(i * KeyLength));
            Row(features, part[i]).CopyTo(rows.AsSpan(i * _length));
        }

        store.Add(kept, rows);
    }

    void Compute(Network network, ImageSource source, int[] pictures, bool flipped, (byte[] Pixels, float[] Inputs, float[] Rows) buffers, float[] features)
    {
        var length = source.ImageLength;
        ForEach(pictures.Length, i =>
        {
            var pixels = buffers.Pixels.AsSpan(i * length, length);
            source.CopyPixels(pictures[i], pixels);
            if (flipped)
                Mirror(pixels, source.Width, source.Channels);
            backbone.Scorer.Normalizer.Apply(pixels, buffers.Inputs.AsSpan(i * length, length));
        });
        var rows = buffers.Rows.AsSpan(0, pictures.Length * _length);
        Scorer.Average(network, buffers.Inputs.AsSpan(0, pictures.Length * length), pictures.Length, TestTimeViews.None, [], [], rows, cancellation);
        for (var i = 0; i < pictures.Length; i++)
        {
            var row = rows.Slice(i * _length, _length);
            foreach (var value in row)
            {
                if (!float.IsFinite(value))
                    throw TransferErrors.NotFinite(source.Name(pictures[i]));
            }

            row.CopyTo(Row(features, pictures[i]));
        }

        Report(pictures.Length);
    }

    void Check(ImageSource source)
    {
        var spec = backbone.Preprocess;
        if ((source.Width, source.Height, source.Channels) != (spec.Width, spec.Height, spec.Channels))
            throw TransferErrors.OtherPictures(backbone.Network.Name, $"{source.Width}×{source.Height}×{source.Channels}", $"{spec.Width}×{spec.Height}×{spec.Channels}");
    }

    /// <summary>Where features made in the same way lie.</summary>
    string? Folder(ImageSource source, bool flipped)
    {
        if (options.CacheFolder is null)
            return null;
        var hashed = source.Count > 0 && source.TryGetContentHash(0, out _) ? "files" : "pixels";
        var made = $"1\n{backbone.WeightsSha256}\n{backbone.Preprocess.ToJson()}\n{NormalizationHash()}\n{SimdLevel.Active}\n{hashed}";
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(made)))[..32];
        return Path.Combine(options.CacheFolder, name, flipped ? "flipped" : "plain");
    }

    /// <summary>Normalisation is affine, so what it makes of black and white says all about it.</summary>
    string NormalizationHash()
    {
        var (pixels, values) = (new byte[backbone.Preprocess.Length], new float[2 * backbone.Preprocess.Length]);
        backbone.Scorer.Normalizer.Apply(pixels, values.AsSpan(0, pixels.Length));
        pixels.AsSpan().Fill(byte.MaxValue);
        backbone.Scorer.Normalizer.Apply(pixels, values.AsSpan(pixels.Length));
        return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan())));
    }

    void Report(int count)
    {
        var done = Interlocked.Add(ref _done, count);
        if (count > 0)
            progress?.Report(done);
    }

    Span<float> Row(float[] features, int index) => features.AsSpan(index * _length, _length);

    static ReadOnlySpan<byte> Key(byte[] keys, int index) => keys.AsSpan(index * KeyLength, KeyLength);

    /// <summary>Works on several threads; the first fault is the caller's, as it is.</summary>
    void ForEach(int count, Action<int> work)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = cancellation }, work);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException) ?? e.InnerExceptions[0]);
        }
    }

    void Hash(ImageSource source, int index, Span<byte> key)
    {
        if (source.TryGetContentHash(index, out var known))
        {
            known.CopyTo(key);
            return;
        }

        var pixels = ArrayPool<byte>.Shared.Rent(source.ImageLength);
        source.CopyPixels(index, pixels.AsSpan(0, source.ImageLength));
        SHA256.HashData(pixels.AsSpan(0, source.ImageLength), key);
        ArrayPool<byte>.Shared.Return(pixels);
    }

    static void Mirror(Span<byte> pixels, int width, int channels)
    {
        var mirrored = new byte[width * channels];
        for (var row = pixels; row.Length > 0; row = row[mirrored.Length..])
        {
            RowConverter.Mirror(row[..mirrored.Length], mirrored, channels);
            mirrored.CopyTo(row);
        }
    }
}
