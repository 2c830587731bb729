using System.Diagnostics.CodeAnalysis;

namespace MlNetCifar.Numerics;

/// <summary>Argument checks of the kernels' façades.</summary>
internal static class Throw
{
    public static void IfLengthsDiffer(int expected, int found)
    {
        if (expected != found)
            LengthsDiffer(expected, found);
    }

    public static void IfShorter(int found, int needed)
    {
        if (found < needed)
            TooShort(found, needed);
    }

    [DoesNotReturn]
    static void LengthsDiffer(int expected, int found) => throw new ArgumentException($"A span has {found} elements; expected {expected}.");

    [DoesNotReturn]
    static void TooShort(int found, int needed) => throw new ArgumentException($"A span has {found} elements; at least {needed} are needed.");
}
