namespace MlNetCifar.Data;

/// <summary>What a data set was read from.</summary>
internal enum DataKind
{
    /// <summary>Sources or pictures that the caller gave.</summary>
    Memory,

    /// <summary>Image files in folders or an archive.</summary>
    Files,

    /// <summary>Image files that a manifest lists.</summary>
    Manifest,

    /// <summary>CIFAR's binary files.</summary>
    Cifar,

    /// <summary>NumPy's arrays.</summary>
    Arrays,

    /// <summary>Shards.</summary>
    Shards,
}
