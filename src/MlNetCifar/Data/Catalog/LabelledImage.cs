namespace MlNetCifar.Data;

/// <summary>An image given by the program rather than found on disk.</summary>
/// <param name="Name">Named in reports and errors; unique.</param>
/// <param name="Label">The class name.</param>
/// <param name="Open">
/// Opens the file's bytes; called once, or whenever the picture is asked for where <see cref="ImageDatasetOptions.DecodeOnDemand"/> is set; from any thread. The stream is disposed.
/// </param>
/// <param name="Split">The part of the data set.</param>
public sealed record LabelledImage(string Name, string Label, Func<Stream> Open, DatasetSplit Split = DatasetSplit.Train)
{
    /// <summary>An image file in memory.</summary>
    /// <param name="name">Named in reports and errors; unique.</param>
    /// <param name="label">The class name.</param>
    /// <param name="file">The whole file; not copied.</param>
    /// <param name="split">The part of the data set.</param>
    public static LabelledImage FromBytes(string name, string label, byte[] file, DatasetSplit split = DatasetSplit.Train) =>
        new(name, label, () => new MemoryStream(file, writable: false), split);
}
