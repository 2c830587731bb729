using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>The random changes of one picture in one epoch.</summary>
internal readonly struct SampleDraw
{
    public bool Flip { get; private init; }

    public int ShiftX { get; private init; }

    public int ShiftY { get; private init; }

    /// <summary>Radians.</summary>
    public double Angle { get; private init; }

    public int CutoutX { get; private init; }

    public int CutoutY { get; private init; }

    /// <summary>Added, on the scale 0 … 1.</summary>
    public float Brightness { get; private init; }

    /// <summary>Factor about middle grey.</summary>
    public float Contrast { get; private init; }

    /// <summary>Factor of the distance from grey.</summary>
    public float Saturation { get; private init; }

    /// <summary>Radians.</summary>
    public float Hue { get; private init; }

    /// <summary>What is erased; of no width for nothing.</summary>
    public PixelBox Erased { get; private init; }

    /// <summary>Draws all changes, also those switched off, so that each has its fixed place in the stream.</summary>
    public static SampleDraw Create(Augmentation augmentation, ulong seed, int epoch, int sample, int height, int width)
    {
        var random = new SplitRandom(seed, RandomPurpose.Augment, (ulong)epoch, (ulong)sample);
        var flip = random.NextSingle() < 0.5f;
        return new SampleDraw
        {
            Flip = augmentation.Flip switch
            {
                FlipMode.Random => flip,
                FlipMode.Alternate => Side(seed, sample) != (epoch % 2 != 0),
                _ => false,
            },
            ShiftX = random.Next((2 * augmentation.Shift) + 1) - augmentation.Shift,
            ShiftY = random.Next((2 * augmentation.Shift) + 1) - augmentation.Shift,
            Angle = Symmetric(ref random) * augmentation.Rotation * (Math.PI / 180),
            CutoutX = random.Next(width),
            CutoutY = random.Next(height),
            Brightness = Symmetric(ref random) * augmentation.Brightness,
            Contrast = 1 + (Symmetric(ref random) * augmentation.Contrast),
            Saturation = 1 + (Symmetric(ref random) * augmentation.Saturation),
            Hue = Symmetric(ref random) * augmentation.Hue * (MathF.PI / 180),
            Erased = RandomErasing.Draw(augmentation.Erasing, new SplitRandom(seed, RandomPurpose.Erase, (ulong)epoch, (ulong)sample), width, height),
        };
    }

    static bool Side(ulong seed, int sample) => new SplitRandom(seed, RandomPurpose.Augment, ulong.MaxValue, (ulong)sample).NextSingle() < 0.5f;

    static float Symmetric(ref SplitRandom random) => (2 * random.NextSingle()) - 1;
}
