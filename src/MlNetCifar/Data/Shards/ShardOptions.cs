using MlNetCifar.Files;
using MlNetCifar.Imaging;
using static System.FormattableString;

namespace MlNetCifar.Data;

/// <summary>How shards are made. What they hold is a function of the input and of these values, except <see cref="Threads"/>, <see cref="Store"/> and <see cref="ExistOk"/>.</summary>
public sealed record ShardOptions
{
    /// <summary>Size and treatment of the pictures.</summary>
    public PreprocessSpec Spec { get; init; } = new();

    /// <summary>Limits of decoding.</summary>
    public DecodeOptions Decode { get; init; } = new();

    /// <summary>Parts of each split; null (the default) to follow <see cref="TargetBytes"/>.</summary>
    public int? Parts { get; init; }

    /// <summary>Size aimed at for a part's pictures, in bytes. The default is 64 MiB.</summary>
    public long TargetBytes { get; init; } = 64L << 20;

    /// <summary>Whether pixels are stored as float32 on the scale 0 … 1 instead of bytes: four times the size, for programs that expect it. The default is false.</summary>
    public bool Float32 { get; init; }

    /// <summary>
    /// Whether float32 pixels are normalised by the mean and deviation of the training split, y = (x / 255 − mean) / std with one of each a channel, instead of lying
    /// on the scale 0 … 1. Needs <see cref="Float32"/>; only <see cref="ShardWriter"/> heeds it. The default is false.
    /// </summary>
    public bool Normalize { get; init; }

    /// <summary>
    /// What float32 pixels are normalised by; null (the default) for the scale 0 … 1, or, with <see cref="Normalize"/>, for what the training split gives. One mean a channel;
    /// needs <see cref="Float32"/>.
    /// </summary>
    public Normalization? NormalizedBy { get; init; }

    /// <summary>Seed of the order in which pictures are dealt to the parts, and of splits. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Share of the training pictures that becomes a validation split where the input has none; 0 (the default) for none.</summary>
    public double ValidationFraction { get; init; }

    /// <summary>Share of the training pictures that becomes a test split where the input has none; 0 (the default) for none.</summary>
    public double TestFraction { get; init; }

    /// <summary>Whether finished shards of other settings or classes may be replaced. The default is false: the run is refused (MNC1039) and they stay.</summary>
    public bool ExistOk { get; init; }

    /// <summary>Threads that decode. The default is the number of processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>What to do about an image that cannot be read. The default is to leave it out and list it.</summary>
    public OnBadImage OnBadImage { get; init; } = OnBadImage.Skip;

    /// <summary>Where shards are written. The default is the local disk.</summary>
    public IFileStore Store { get; init; } = LocalFileStore.Instance;

    /// <summary>Checks all values.</summary>
    /// <exception cref="ArgumentException">Names every value out of range.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        if (Parts is < 1)
            faults.Add($"Parts is {Parts}, expected at least 1");
        if (TargetBytes < 1)
            faults.Add($"TargetBytes is {TargetBytes}, expected at least 1");
        if (Normalize && !Float32)
            faults.Add("Normalize is set, expected Float32 with it");
        if (NormalizedBy is { } by && (!Float32 || by.Channels != Spec.Channels || by.MeanImage is not null))
            faults.Add($"NormalizedBy is set, expected Float32 with it, and one mean for each of {Spec.Channels} channels");
        if (Threads < 1)
            faults.Add($"Threads is {Threads}, expected at least 1");
        if (ValidationFraction is not (>= 0 and < 1))
            faults.Add($"ValidationFraction is {ValidationFraction}, expected 0 … 1");
        if (TestFraction is not (>= 0 and < 1) || ValidationFraction + TestFraction >= 1)
            faults.Add($"TestFraction is {TestFraction}, expected that it and ValidationFraction leave something to train on");
        if (faults.Count > 0)
            throw new ArgumentException($"ShardOptions: {string.Join("; ", faults)}.");
    }

    /// <summary>How stored float32 values follow from bytes; null where bytes are stored.</summary>
    internal Normalization? Scaling => Float32 ? NormalizedBy ?? Normalization.None(Spec.Channels) : null;

    /// <summary>Bytes of one stored picture.</summary>
    internal long RowBytes => (long)Spec.Width * Spec.Height * Spec.Channels * (Float32 ? 4 : 1);
}

/// <summary>What was asked of shards and neither their pictures nor their labels tell, as words in the manifest: so that other settings are told from other images.</summary>
internal static class ShardSettings
{
    public static string[] Of(ShardOptions options) =>
    [
        options.Parts is { } parts ? Invariant($"parts {parts}") : Invariant($"parts of {options.TargetBytes} bytes"),
        Invariant($"seed {options.Seed}"), Invariant($"validation share {options.ValidationFraction}"), Invariant($"test share {options.TestFraction}"),
        Invariant($"pictures of at most {options.Decode.MaxPixels} pixels, {options.Decode.MaxDimension} a side, {options.Decode.MaxFileBytes} bytes"),
        options.Decode.AllowTruncated ? "with files that end early" : "without files that end early",
    ];

    /// <summary>In what shards differ from those that are asked for, other than in their images; of those of earlier versions, which did not keep the settings, as far as it shows.</summary>
    public static List<string> Differences(ShardManifest found, ShardOptions options, IReadOnlyList<string> classes)
    {
        var differences = new List<string>();
        if (ClassNames.Difference(found.Classes, classes) is { } other)
            differences.Add(other);
        if (found.Spec.DifferencesTo(options.Spec) is { Length: > 0 } picture)
            differences.Add(picture);
        var isNormalized = options.Normalize || options.NormalizedBy is not null;
        if (found.Float32 != options.Float32 || (found.NormalizedBy is not null) != isNormalized || (options.NormalizedBy is { } by && !by.Equals(found.NormalizedBy)))
            differences.Add($"{Pixels(found.Float32, found.NormalizedBy is not null)} instead of {Pixels(options.Float32, isNormalized)}");
        var wanted = Of(options);
        for (var i = 0; i < Math.Min(found.Settings.Length, wanted.Length); i++)
        {
            if (found.Settings[i] != wanted[i])
                differences.Add($"{found.Settings[i]} instead of {wanted[i]}");
        }

        return differences;
    }

    static string Pixels(bool isFloat, bool isNormalized) => isNormalized ? "normalized float32" : isFloat ? "float32" : "bytes";
}
