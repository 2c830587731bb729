using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>How a data set's files are found.</summary>
public sealed record ImageCatalogOptions
{
    /// <summary>Known classes, for example those of a model; null (the default) to take them from the training split.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>What tells the class of an image file. The default is the folder it lies in; manifests and arrays have labels of their own.</summary>
    public LabelSource LabelsFrom { get; init; }

    /// <summary>Where the files lie. The default is the local disk.</summary>
    public IFileStore Store { get; init; } = LocalFileStore.Instance;

    /// <summary>A larger file is a bad file and is not read, in bytes. The default is 256 MiB.</summary>
    public long MaxFileBytes { get; init; } = 256L << 20;

    /// <summary>Whether inconsistent classes are listed as problems instead of thrown, for examining a data set.</summary>
    internal bool Tolerant { get; init; }
}
