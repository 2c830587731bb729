using System.Collections.Immutable;
using MlNetCifar.Data;

namespace MlNetCifar;

/// <summary>When pictures are mirrored left to right.</summary>
public enum FlipMode
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Each picture with probability one half, drawn anew every epoch.</summary>
    Random,

    /// <summary>A random half in the first epoch, the other half in the next, and so on.</summary>
    Alternate,
}

/// <summary>What lies outside a shifted or rotated picture.</summary>
public enum EdgePadding
{
    /// <summary>Black.</summary>
    Zero,

    /// <summary>The picture mirrored at its edge, the edge itself not repeated.</summary>
    Reflect,
}

/// <summary>
/// Random changes to training pictures. Every draw is a function of (seed, epoch, sample) alone, and each kind of change has draws of its own,
/// so switching one on does not alter the others.
/// </summary>
public sealed record Augmentation
{
    /// <summary>The range of every number among the changes.</summary>
    internal static ImmutableArray<OptionRange<Augmentation>> Ranges { get; } =
    [
        new(nameof(Shift), a => a.Shift, 0),
        new(nameof(Rotation), a => a.Rotation, 0, 180),
        new(nameof(Cutout), a => a.Cutout, 0),
        new(nameof(Brightness), a => a.Brightness, 0, 1),
        new(nameof(Contrast), a => a.Contrast, 0, 1),
        new(nameof(Saturation), a => a.Saturation, 0, 1),
        new(nameof(Hue), a => a.Hue, 0, 180),
        new(nameof(CropArea), a => a.CropArea, 0, 1),
        new(nameof(CropAreaMax), a => a.CropAreaMax, 0, 1) { Above = true },
        new(nameof(CropAspect), a => a.CropAspect, 1, 100),
        new(nameof(Erasing), a => a.Erasing, 0, 1),
        new(nameof(Mixup), a => a.Mixup, 0, 100),
        new(nameof(CutMix), a => a.CutMix, 0, 100),
    ];

    /// <summary>Mirroring. The default is <see cref="FlipMode.None"/>.</summary>
    public FlipMode Flip { get; init; }

    /// <summary>Largest shift in each direction in pixels: a crop of the padded picture. The default is 0.</summary>
    public int Shift { get; init; }

    /// <summary>What fills the gap of a shift or rotation. The default is <see cref="EdgePadding.Zero"/>.</summary>
    public EdgePadding Padding { get; init; }

    /// <summary>Largest rotation to either side in degrees, 0 … 180. The default is 0.</summary>
    public float Rotation { get; init; }

    /// <summary>Side of a square set to the mean (0 after normalisation), its centre anywhere in the picture; in pixels. The default is 0, none.</summary>
    public int Cutout { get; init; }

    /// <summary>Largest change of brightness as a share of the full range, 0 … 1. The default is 0.</summary>
    public float Brightness { get; init; }

    /// <summary>Largest relative change of contrast about middle grey, 0 … 1. The default is 0.</summary>
    public float Contrast { get; init; }

    /// <summary>Largest relative change of the distance of colours from grey, 0 … 1; nothing for grey pictures. The default is 0.</summary>
    public float Saturation { get; init; }

    /// <summary>Largest turn of all colours about grey, in degrees, 0 … 180; nothing for grey pictures. The default is 0.</summary>
    public float Hue { get; init; }

    /// <summary>
    /// Least share of the picture's area that a random crop keeps, 0 … 1; it is resized to the network's input. Of image files that are decoded on demand it is cut from the
    /// picture as it was decoded, before it is resized; of others from their pixels. The default is 0: no crop.
    /// </summary>
    public float CropArea { get; init; }

    /// <summary>Largest share of the area that <see cref="CropArea"/> keeps, in (0, 1]. The default is 1.</summary>
    public float CropAreaMax { get; init; } = 1;

    /// <summary>Largest ratio of the longer to the shorter side of that crop, ≥ 1. The default is 4/3.</summary>
    public float CropAspect { get; init; } = 4f / 3;

    /// <summary>
    /// Probability that a rectangle of 2 % to a third of the picture, its sides 1:3.3 to 3.3:1, is set to the mean (Zhong et al. 2020), 0 … 1. The default is 0.
    /// </summary>
    public float Erasing { get; init; }

    /// <summary>
    /// Whether one of 14 changes of shape, colour or sharpness, at a random strength, is made to each picture (TrivialAugment, Müller and Hutter 2021); those of shape leave
    /// black where nothing is. The default is false.
    /// </summary>
    public bool TrivialAugment { get; init; }

    /// <summary>
    /// α of mixup (Zhang et al. 2018), ≥ 0: each picture is averaged with the next of its batch, and so are their labels, the larger share, of Beta(α, α), being its own.
    /// The default is 0: none.
    /// </summary>
    public float Mixup { get; init; }

    /// <summary>
    /// α of CutMix (Yun et al. 2019), ≥ 0: a rectangle of the next picture of the batch takes the place of at most half of each, and labels are shared by area. Where both are
    /// asked for, each picture gets one of the two. The default is 0: none.
    /// </summary>
    public float CutMix { get; init; }

    /// <summary>No change.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>Whether nothing is ever changed.</summary>
    public bool IsNone => this == None with { Padding = Padding, CropAreaMax = CropAreaMax, CropAspect = CropAspect };

    /// <summary>Whether pictures of a batch are mixed.</summary>
    internal bool Mixes => Mixup > 0 || CutMix > 0;

    /// <summary>Random flips and shifts of an eighth of the picture, mirrored at the edges: a good default for photographs.</summary>
    /// <param name="side">The picture's smaller side in pixels.</param>
    public static Augmentation Standard(int side = 32) =>
        new() { Flip = FlipMode.Random, Shift = Math.Max(1, side / 8), Padding = EdgePadding.Reflect };

    /// <summary>Random crops of at least a third of the area, flips and slight changes of colour: what suits photographs that show one thing each.</summary>
    public static Augmentation Photographs { get; } =
        new() { Flip = FlipMode.Random, CropArea = 0.35f, Brightness = 0.1f, Contrast = 0.2f, Saturation = 0.2f, Hue = 5 };

    /// <summary>A preset by name: <c>none</c>, <c>standard</c> or <c>photographs</c>.</summary>
    /// <param name="name">Case does not matter.</param>
    /// <param name="side">The picture's smaller side in pixels.</param>
    /// <exception cref="MlNetCifarException">There is no such preset (MNC1016).</exception>
    public static Augmentation Preset(string name, int side = 32) => name?.ToLowerInvariant() switch
    {
        "none" => None,
        "standard" => Standard(side),
        "photographs" => Photographs,
        _ => throw DataErrors.UnknownPreset(name),
    };

    /// <summary>Checks all values.</summary>
    /// <exception cref="ArgumentException">Names every value out of range.</exception>
    public void Validate()
    {
        if (Faults().ToArray() is { Length: > 0 } faults)
            throw new ArgumentException($"Augmentation: {string.Join("; ", faults)}.");
    }

    /// <summary>What is out of range, each in words.</summary>
    internal IEnumerable<string> Faults()
    {
        if (!Enum.IsDefined(Flip))
            yield return $"{nameof(Flip)} is {Flip}, expected one of {string.Join(", ", Enum.GetNames<FlipMode>())}";
        if (!Enum.IsDefined(Padding))
            yield return $"{nameof(Padding)} is {Padding}, expected one of {string.Join(", ", Enum.GetNames<EdgePadding>())}";
        if (CropArea > CropAreaMax)
            yield return FormattableString.Invariant($"{nameof(CropArea)} is {CropArea}, expected at most {nameof(CropAreaMax)}, which is {CropAreaMax}");
        foreach (var fault in Ranges.Faults(this))
            yield return fault;
    }
}
