using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>The changes of TrivialAugment, in its wide ranges.</summary>
internal enum PictureChange
{
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Colour,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

/// <summary>One change at one strength.</summary>
/// <param name="Change">Which.</param>
/// <param name="Strength">0 … 1, one of 31 steps.</param>
/// <param name="Backwards">Whether those that have two directions go the other way.</param>
internal readonly record struct ChangeDraw(PictureChange Change, double Strength, bool Backwards)
{
    const int Steps = 31;

    /// <summary>Draws one: every change, strength and direction is as likely as the others.</summary>
    public static ChangeDraw Create(SplitRandom random) =>
        new((PictureChange)random.Next((int)PictureChange.Equalize + 1), random.Next(Steps) / (Steps - 1.0), random.Next(2) == 1);
}
