using MlNetCifar.Data;

namespace MlNetCifar;

/// <summary>Pictures in memory: one array of bytes, [N, H, W, C]. Immutable once built; safe for concurrent readers.</summary>
public sealed class ImageSet : ImageSource
{
    readonly ReadOnlyMemory<byte> _pixels;
    readonly int _stride;
    readonly int[] _labels;
    readonly IReadOnlyList<string>? _names;

    /// <summary>Wraps arrays without copying; the caller must not change them afterwards.</summary>
    /// <param name="pixels">[N, H, W, C].</param>
    /// <param name="labels">N labels, each an index into <paramref name="classes"/>.</param>
    /// <param name="width">Columns of a picture.</param>
    /// <param name="height">Rows of a picture.</param>
    /// <param name="channels">Bytes a pixel, 1 or 3.</param>
    /// <param name="classes">Class names.</param>
    /// <param name="names">N names for reports; null for row numbers.</param>
    /// <exception cref="ArgumentException">The lengths do not agree, a label has no class, or a class has no name of its own.</exception>
    public ImageSet(byte[] pixels, int[] labels, int width, int height, int channels, IReadOnlyList<string> classes, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classes);
        ClassNames.Checked(classes, nameof(classes));
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "A pixel has 1 or 3 bytes.");
        if ((long)labels.Length * height * width * channels != pixels.Length)
            throw new ArgumentException($"{pixels.Length:N0} bytes are no {labels.Length:N0} pictures of {height}×{width}×{channels}.", nameof(pixels));
        if (names is not null && names.Count != labels.Length)
            throw new ArgumentException($"{names.Count:N0} names for {labels.Length:N0} pictures.", nameof(names));
        foreach (var label in labels)
        {
            if ((uint)label >= (uint)classes.Count)
                throw new ArgumentException($"The label {label} has no class; there are {classes.Count}.", nameof(labels));
        }

        _pixels = pixels;
        _stride = height * width * channels;
        _labels = labels;
        _names = names;
        (Height, Width, Channels, Classes) = (height, width, channels, classes);
    }

    /// <summary>Takes part of a buffer, so that a file's header or the room of left-out pictures costs no second copy.</summary>
    internal ImageSet(ReadOnlyMemory<byte> pixels, int[] labels, (int Height, int Width, int Channels) shape, IReadOnlyList<string> classes, IReadOnlyList<string>? names)
    {
        (Height, Width, Channels) = shape;
        _stride = Height * Width * Channels;
        _pixels = pixels[..(_stride * labels.Length)];
        _labels = labels;
        _names = names;
        Classes = classes;
    }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override int Height { get; }

    /// <inheritdoc/>
    public override int Width { get; }

    /// <inheritdoc/>
    public override int Channels { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes { get; }

    /// <summary>All bytes, [N, H, W, C].</summary>
    public ReadOnlyMemory<byte> Pixels => _pixels;

    /// <summary>All labels.</summary>
    public ReadOnlyMemory<int> Labels => _labels;

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override void CopyPixels(int index, Span<byte> destination) => Picture(index).CopyTo(destination);

    /// <inheritdoc/>
    public override string Name(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return _names?[index] ?? $"row {index}";
    }

    internal override bool TryGetPixels(int index, out ReadOnlySpan<byte> pixels)
    {
        pixels = Picture(index);
        return true;
    }

    ReadOnlySpan<byte> Picture(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)_labels.Length, nameof(index));
        return _pixels.Span.Slice(index * _stride, _stride);
    }
}
