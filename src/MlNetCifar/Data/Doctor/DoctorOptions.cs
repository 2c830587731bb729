using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>How a data set is examined.</summary>
public sealed record DoctorOptions
{
    /// <summary>How files are found.</summary>
    public ImageCatalogOptions Files { get; init; } = new();

    /// <summary>Limits of decoding.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>Threads. The default is the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Bits in which the perceptual hashes of near duplicates may differ, 0 … 12. The default is 8.</summary>
    public int NearDuplicateBits { get; init; } = 8;

    /// <summary>Mean difference of the small versions of near duplicates at most, in grey levels of 255. The default is 12.</summary>
    public double NearDuplicateDifference { get; init; } = 12;

    /// <summary>Largest over smallest class of the training split from which on the classes count as imbalanced. The default is 3.</summary>
    public double ImbalanceRatio { get; init; } = 3;

    /// <summary>Findings of a kind that are shown with pictures in the HTML page. The default is 40.</summary>
    public int PicturesPerKind { get; init; } = 40;

    /// <summary>Cosine of two pictures' features, measured from their mean, from which on they are near duplicates, 0 … 1; for an examination by features. The default is 0.95.</summary>
    public double NearDuplicateSimilarity { get; init; } = 0.95;

    /// <summary>Where features are kept, as at <see cref="TransferOptions.CacheFolder"/>; for an examination by features. The default is null, nowhere.</summary>
    public string? FeatureFolder { get; init; }
}
