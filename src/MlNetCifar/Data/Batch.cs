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

    /// <summary>Pictures held here: all of the batch, or those of some of its slices.</summary>
    public int Count { get; private set; }

    /// <summary>Pictures of the whole batch; the last one of an epoch may be short.</summary>
    public int Whole { get; private set; }

    /// <summary>Slices of the whole batch.</summary>
    public int Slices { get; private set; } = 1;

    /// <summary>The first slice held here.</summary>
    public int FirstSlice { get; private set; }

    /// <summary>The slice behind the last one held here.</summary>
    public int EndSlice { get; private set; } = 1;

    /// <summary>Place in the whole batch of the first picture held here.</summary>
    public int First => Slicing.First(Whole, Slices, FirstSlice);

    /// <summary>Normalised pixels, [Count, H, W, C]; 64-byte aligned native memory owned by the loader.</summary>
    public ReadOnlySpan<float> Pixels => Destination[..(Count * _imageLength)];

    /// <summary>Labels, one a picture.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>Where pictures are mixed: the labels of what was mixed in, and how much each picture has kept.</summary>
    public LabelMix Mix => IsMixed ? new(_secondLabels.AsSpan(0, Count), _shares.AsSpan(0, Count)) : default;

    /// <summary>The pictures of a slice.</summary>
    /// <param name="slice"><see cref="FirstSlice"/> … <see cref="EndSlice"/> − 1.</param>
    public BatchRows Rows(int slice)
    {
        var (first, count) = Range(slice);
        return new(
            Pixels.Slice(first * _imageLength, count * _imageLength), Labels.Slice(first, count),
            IsMixed && count > 1 ? new(_secondLabels.AsSpan(first, count), _shares.AsSpan(first, count)) : default);
    }

    /// <summary>Places here of the pictures of a slice.</summary>
    /// <param name="slice"><see cref="FirstSlice"/> … <see cref="EndSlice"/> − 1.</param>
    public (int First, int Count) Range(int slice)
    {
        var first = Slicing.First(Whole, Slices, slice);
        return (first - First, Slicing.First(Whole, Slices, slice + 1) - first);
    }

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

    /// <summary>Begins another batch.</summary>
    /// <param name="whole">Pictures of the whole batch.</param>
    /// <param name="slices">Its slices.</param>
    /// <param name="part">Those that are held here.</param>
    internal void Begin(int whole, int slices, SlicePart part)
    {
        (Whole, Slices, IsMixed) = (whole, slices, false);
        (FirstSlice, EndSlice) = part.In(slices);
        Count = Slicing.First(whole, slices, EndSlice) - First;
    }

    internal void Free() => _pixels.Dispose();
}

/// <summary>Some pictures of a batch.</summary>
/// <param name="pixels">[Count, H, W, C], normalised.</param>
/// <param name="labels">One a picture.</param>
/// <param name="mix">What was mixed in, where anything was.</param>
internal readonly ref struct BatchRows(ReadOnlySpan<float> pixels, ReadOnlySpan<int> labels, LabelMix mix)
{
    /// <summary>Pictures.</summary>
    public int Count => Labels.Length;

    /// <summary>[Count, H, W, C], normalised.</summary>
    public ReadOnlySpan<float> Pixels { get; } = pixels;

    /// <summary>One a picture.</summary>
    public ReadOnlySpan<int> Labels { get; } = labels;

    /// <summary>What was mixed in, where anything was.</summary>
    public LabelMix Mix { get; } = mix;
}
