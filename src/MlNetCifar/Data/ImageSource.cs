namespace MlNetCifar.Data;

/// <summary>
/// Preprocessed, labelled pictures of one size that can be read in any order: in memory, or behind shards on disk.
/// Implementations allow concurrent readers.
/// </summary>
public abstract class ImageSource
{
    /// <summary>Number of pictures.</summary>
    public abstract int Count { get; }

    /// <summary>Rows of a picture.</summary>
    public abstract int Height { get; }

    /// <summary>Columns of a picture.</summary>
    public abstract int Width { get; }

    /// <summary>Bytes a pixel: 3 or 1.</summary>
    public abstract int Channels { get; }

    /// <summary>Class names; a label is an index into it. Fixed by the training split.</summary>
    public abstract IReadOnlyList<string> Classes { get; }

    /// <summary>Bytes of a picture: Height · Width · Channels.</summary>
    public int ImageLength => Height * Width * Channels;

    /// <summary>The label of a picture, 0 … Classes.Count − 1.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public abstract int Label(int index);

    /// <summary>Copies a picture's bytes, [H, W, C].</summary>
    /// <param name="index">0 … Count − 1.</param>
    /// <param name="destination"><see cref="ImageLength"/> bytes; overwritten.</param>
    public abstract void CopyPixels(int index, Span<byte> destination);

    /// <summary>Where a picture came from (path, archive entry or row), for reports.</summary>
    /// <param name="index">0 … Count − 1.</param>
    public abstract string Name(int index);
}
