using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>A batch in a loader's buffer; valid until the loader's next call.</summary>
internal sealed class Batch
{
    readonly Arena _pixels;
    readonly int[] _labels;
    readonly int[] _secondLabels;
    readonly float[] _shares;
    readonly int[] _indices;
    readonly int _imageLength;

    internal Batch(int batchSize, int imageLength)
    {
        _imageLength = imageLength;
        _pixels = new Arena((long)batchSize * imageLength);
        _labels = new int[batchSize];
        _secondLabels = new int[batchSize];
        _shares = new float[batchSize];
        _indices = new int[batchSize];
    }

    /// <summary>Pictures in the batch; the last one of an epoch may be short.</summary>
    public int Count { get; internal set; }

    /// <summary>Normalised pixels, [Count, H, W, C]; 64-byte aligned native memory owned by the loader.</summary>
    public ReadOnlySpan<float> Pixels => Destination[..(Count * _imageLength)];

    /// <summary>Labels, one a picture.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>Where pictures are mixed: the labels of what was mixed in, and how much each picture has kept.</summary>
    public LabelMix Mix => IsMixed ? new(_secondLabels.AsSpan(0, Count), _shares.AsSpan(0, Count)) : default;

    /// <summary>Indices into the source, one a picture.</summary>
    public ReadOnlySpan<int> Indices => _indices.AsSpan(0, Count);

    /// <summary>The epoch, from 0.</summary>
    public int Epoch { get; internal set; }

    /// <summary>Position in the epoch, from 0.</summary>
    public int Index { get; internal set; }

    internal Span<float> Destination => _pixels.Span(0, (int)_pixels.Length);

    internal Span<int> LabelDestination => _labels;

    internal Span<int> SecondLabelDestination => _secondLabels;

    internal Span<float> ShareDestination => _shares;

    internal bool IsMixed { get; set; }

    internal Span<int> IndexDestination => _indices;

    internal void Free() => _pixels.Dispose();
}
