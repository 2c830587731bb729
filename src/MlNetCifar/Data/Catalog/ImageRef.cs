namespace MlNetCifar.Data;

/// <summary>A labelled image file that has not been read yet.</summary>
/// <param name="Path">Relative to the data set's root, parts separated by '/'.</param>
/// <param name="Label">Index into the classes.</param>
/// <param name="Split">The part of the data set.</param>
public sealed record ImageRef(string Path, int Label, DatasetSplit Split)
{
    /// <summary>Position in the tree's files; −1 where the file is missing.</summary>
    internal int File { get; init; } = -1;
}
