using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>How a data set's files are found.</summary>
public sealed record ImageCatalogOptions
{
    /// <summary>Known classes, for example those of a model; null (the default) to take them from the training split.</summary>
    /// <exception cref="ArgumentException">One has no name, or two have the same.</exception>
    public IReadOnlyList<string>? Classes { get; init => field = value is null ? null : ClassNames.Checked(value, nameof(value)); }

    /// <summary>What tells the class of an image file. The default is the folder it lies in; manifests and arrays have labels of their own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of the enumeration.</exception>
    public LabelSource LabelsFrom
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "No such choice.");
    }

    /// <summary>Where the files lie. The default is the local disk.</summary>
    public IFileStore Store { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = LocalFileStore.Instance;

    /// <summary>A larger file is a bad file and is not read, in bytes. The default is 256 MiB.</summary>
    public long MaxFileBytes { get; init; } = 256L << 20;

    /// <summary>Whether inconsistent classes are listed as problems instead of thrown, for examining a data set.</summary>
    internal bool Tolerant { get; init; }
}
