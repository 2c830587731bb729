using MlNetCifar.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar;

/// <summary>What to do about an image that cannot be read.</summary>
public enum OnBadImage
{
    /// <summary>Leave it out and list it.</summary>
    Skip,

    /// <summary>End with its error.</summary>
    Fail,
}

/// <summary>What to do about a picture whose file ends early.</summary>
public enum OnTruncated
{
    /// <summary>Treat it as one that cannot be read: half grey pictures spoil a training set unseen.</summary>
    Refuse,

    /// <summary>Use what is there.</summary>
    Use,
}

/// <summary>How far loading has come.</summary>
/// <param name="Done">Images read, bad ones included.</param>
/// <param name="Total">Images to read.</param>
/// <param name="Bad">Images left out so far.</param>
public readonly record struct LoadProgress(int Done, int Total, int Bad);

/// <summary>How a data set is opened.</summary>
public sealed record ImageDatasetOptions
{
    /// <summary>Size and treatment of the pictures. Null (the default): 32×32 RGB for image files; as they are for arrays, CIFAR and shards.</summary>
    public PreprocessSpec? Spec { get; init; }

    /// <summary>Limits of decoding.</summary>
    public DecodeOptions Decode { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = new();

    /// <summary>Where and how files are found, and known classes.</summary>
    public ImageCatalogOptions Files { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = new();

    /// <summary>Where parts of shards on a remote store are kept once read, by their SHA-256; null (the default) to keep the last three in memory only.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>
    /// Bytes that <see cref="CacheFolder"/> may take, &gt; 0; null for no limit. The default is 20 GiB. Parts that nobody has open go first, the longest unused before
    /// others; a part that finds no room is kept in memory.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public long? CacheLimit
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The limit must be positive, or null for none.");
    } = 20L << 30;

    /// <summary>
    /// Whether image files are decoded whenever they are asked for rather than once into memory, for pictures that are large or many: memory holds no pixels. Opening
    /// still decodes each once, to leave out those that cannot be read. Arrays and shards lie in files anyway. The default is false.
    /// </summary>
    public bool DecodeOnDemand { get; init; }

    /// <summary>Threads that decode, ≥ 1. The default is the number of processors.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int Threads
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There must be at least one thread.");
    } = Environment.ProcessorCount;

    /// <summary>What to do about an image that cannot be read. The default is to leave it out and list it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of the enumeration.</exception>
    public OnBadImage OnBadImage
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "No such choice.");
    } = OnBadImage.Skip;

    /// <summary>Bytes of pixels of one split that are kept although its pictures are decoded on demand, if it has no more: opening has decoded them all anyway. The default is none.</summary>
    internal long KeptPixels { get; init; }

    /// <summary>Looks at image files that were found, and says how they are to be opened; null (the default) for as said here.</summary>
    internal Func<ImageCatalog, ImageDatasetOptions, ImageDatasetOptions>? Decide { get; init; }
}
