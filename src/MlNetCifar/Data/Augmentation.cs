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

    /// <summary>No change.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>Whether nothing is ever changed.</summary>
    public bool IsNone => this == None with { Padding = Padding };

    /// <summary>Random flips and shifts of an eighth of the picture, mirrored at the edges: a good default for photographs.</summary>
    /// <param name="side">The picture's smaller side in pixels.</param>
    public static Augmentation Standard(int side = 32) =>
        new() { Flip = FlipMode.Random, Shift = Math.Max(1, side / 8), Padding = EdgePadding.Reflect };

    /// <summary>A preset by name: <c>none</c> or <c>standard</c>.</summary>
    /// <param name="name">Case does not matter.</param>
    /// <param name="side">The picture's smaller side in pixels.</param>
    /// <exception cref="MlNetCifarException">There is no such preset (MNC1016).</exception>
    public static Augmentation Preset(string name, int side = 32) => name?.ToLowerInvariant() switch
    {
        "none" => None,
        "standard" => Standard(side),
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
        foreach (var fault in Ranges.Faults(this))
            yield return fault;
    }
}
