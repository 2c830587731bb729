using System.Security.Cryptography;
using MlNetCifar.Imaging;

namespace MlNetCifar;

/// <summary>How a picture of another shape is brought to the network's.</summary>
public enum ResizeMode
{
    /// <summary>Both sides are scaled on their own; proportions change.</summary>
    Stretch,

    /// <summary>The whole picture is scaled to fit and centred; the rest is filled with <see cref="PreprocessSpec.PadColor"/>.</summary>
    FitPad,

    /// <summary>The largest centred part of the wanted proportions is scaled.</summary>
    CenterCrop,

    /// <summary>The picture is scaled until its shorter side has the wanted length, then the centre is cut out.</summary>
    ShorterSideCrop,
}

/// <summary>Kernel of a resize; all but <see cref="Nearest"/> average over the area when shrinking. Definitions and rounding are Pillow's.</summary>
public enum ResizeFilter
{
    /// <summary>The nearest pixel.</summary>
    Nearest,

    /// <summary>Mean over the area.</summary>
    Box,

    /// <summary>Triangle, one pixel to each side.</summary>
    Bilinear,

    /// <summary>Cubic (a = −0.5), two pixels to each side.</summary>
    Bicubic,

    /// <summary>Windowed sinc, three pixels to each side.</summary>
    Lanczos,
}

/// <summary>
/// How a picture of any size becomes the network's input: one immutable record, the same in training and in use.
/// The order is: orientation, resize and crop, grey, median, blur. Its canonical JSON (<see cref="ToJson"/>) and the hash of that are stored with
/// everything made by it.
/// </summary>
public sealed record PreprocessSpec
{
    /// <summary>Width of the result in pixels. The default is 32.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Height of the result in pixels. The default is 32.</summary>
    public int Height { get; init; } = 32;

    /// <summary>Channels of the result: 3 for RGB (the default) or 1 for grey (ITU-R 601).</summary>
    public int Channels { get; init; } = 3;

    /// <summary>What happens to other proportions. The default is <see cref="ResizeMode.Stretch"/>.</summary>
    public ResizeMode Resize { get; init; } = ResizeMode.Stretch;

    /// <summary>Kernel of the resize. The default is <see cref="ResizeFilter.Bilinear"/>.</summary>
    public ResizeFilter Filter { get; init; } = ResizeFilter.Bilinear;

    /// <summary>Length of the shorter side before the crop of <see cref="ResizeMode.ShorterSideCrop"/>; 0, the default, is just enough to cover the result.</summary>
    public int ShorterSide { get; init; }

    /// <summary>Colour around the picture in <see cref="ResizeMode.FitPad"/>, 0xRRGGBB. The default is black.</summary>
    public int PadColor { get; init; }

    /// <summary>Side of the median filter's square: 0 (none, the default), 3, 5 or 7 pixels.</summary>
    public int Median { get; init; }

    /// <summary>Standard deviation of the Gaussian blur in pixels; 0, the default, is none.</summary>
    public double Blur { get; init; }

    /// <summary>Whether the EXIF orientation is applied. The default is true.</summary>
    public bool ApplyOrientation { get; init; } = true;

    /// <summary>
    /// Whether JPEGs at least twice as large as needed are decoded at 1/2, 1/4 or 1/8 of their size, the smallest that still covers the result, as libjpeg's and
    /// Pillow's draft mode do: half as fast again, but the pixels differ, by 2 of 255 in the mean where photos of 450 pixels become 64×64. The default is false.
    /// </summary>
    public bool ScaledDecoding { get; init; }

    /// <summary>
    /// Which algorithm <see cref="ScaledDecoding"/> uses; of no effect without it. 2, the default, takes the smallest size that covers the result; 1, as models and
    /// shards without this number do, the smallest that covers twice the result. The pixels differ, so each keeps the one it was made with.
    /// </summary>
    public int ScaledDecodingVersion { get; init; } = 2;

    /// <summary>Bytes of a result: Height · Width · Channels.</summary>
    public int Length => Height * Width * Channels;

    /// <summary>The canonical JSON form: one line, every property, fixed order, so that equal specifications have equal text.</summary>
    public string ToJson() => PreprocessSpecJson.Write(this);

    /// <summary>Reads a specification; properties left out have their defaults, but scaled decoding without its version is of version 1.</summary>
    /// <param name="json">A JSON object.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">It is no JSON, or a property is out of range (MNC1208) or unknown (MNC1101).</exception>
    public static PreprocessSpec FromJson(string json, string? path = null) => PreprocessSpecJson.Read(json, path);

    /// <summary>SHA-256 of the canonical JSON in UTF-8, as 64 lower-case hexadecimal digits.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(ToJson())));

    /// <summary>Names what differs.</summary>
    /// <param name="other">The specification to compare with.</param>
    /// <returns>For example <c>width is 64 instead of 32, filter is box instead of bilinear</c>, where the first value is this one's; empty if equal.</returns>
    public string DifferencesTo(PreprocessSpec other) => PreprocessSpecJson.Differences(this, other);

    /// <summary>Refuses data that were prepared in another way.</summary>
    /// <param name="expected">What the model was trained with.</param>
    /// <param name="path">The data, named in the error.</param>
    /// <exception cref="MlNetCifarException">The specifications differ; the message names how (MNC1209).</exception>
    internal void RequireEqual(PreprocessSpec expected, string? path = null)
    {
        var differences = DifferencesTo(expected);
        if (differences.Length > 0) throw ImageErrors.SpecificationMismatch(differences, path);
    }

    /// <summary>Decoding options that go with this specification.</summary>
    /// <param name="options">Limits to start from; null for the defaults.</param>
    public DecodeOptions ForDecoding(DecodeOptions? options = null) => (options ?? DecodeOptions.Default) with
    {
        ApplyOrientation = ApplyOrientation,
        MinWidth = ScaledDecodingFactor * Math.Max(Width, ShorterSide),
        MinHeight = ScaledDecodingFactor * Math.Max(Height, ShorterSide),
        HugeMinWidth = HugeFactor * Math.Max(Width, ShorterSide),
        HugeMinHeight = HugeFactor * Math.Max(Height, ShorterSide),
    };

    // Twice the size needed, so that the resize hardly shows what was decoded.
    const int HugeFactor = 2;

    int ScaledDecodingFactor => !ScaledDecoding ? 0 : ScaledDecodingVersion == 1 ? 2 : 1;

    /// <summary>Checks every property's range.</summary>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">One is out of range (MNC1208).</exception>
    public void Validate(string? path = null)
    {
        if (Width is < 1 or > 16384 || Height is < 1 or > 16384) throw ImageErrors.BadSpecification($"size {Width}×{Height}, expected 1 to 16384 a side", path);
        if (Channels is not (1 or 3)) throw ImageErrors.BadSpecification($"{Channels} channels, expected 1 or 3", path);
        if (!Enum.IsDefined(Resize)) throw ImageErrors.BadSpecification($"resize mode {(int)Resize}", path);
        if (!Enum.IsDefined(Filter)) throw ImageErrors.BadSpecification($"filter {(int)Filter}", path);
        if (ShorterSide != 0 && (ShorterSide < Math.Max(Width, Height) || ShorterSide > 16384))
        {
            throw ImageErrors.BadSpecification($"shorter side {ShorterSide}, expected 0 or {Math.Max(Width, Height)} to 16384", path);
        }
        if (PadColor is < 0 or > 0xFFFFFF) throw ImageErrors.BadSpecification($"pad colour {PadColor}, expected 0 to 16777215", path);
        if (Median is not (0 or 3 or 5 or 7)) throw ImageErrors.BadSpecification($"median {Median}, expected 0, 3, 5 or 7", path);
        if (ScaledDecodingVersion is not (1 or 2)) throw ImageErrors.BadSpecification($"scaled decoding version {ScaledDecodingVersion}, expected 1 or 2", path);
        if (!(Blur is >= 0 and <= 100)) throw ImageErrors.BadSpecification($"blur {Blur}, expected 0 to 100", path);
    }
}
