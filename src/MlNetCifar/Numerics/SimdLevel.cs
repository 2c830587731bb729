using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Numerics;

/// <summary>Which vector width the kernels use; the one point of dispatch.</summary>
internal enum SimdWidth
{
    /// <summary>One float at a time.</summary>
    Scalar = 1,

    /// <summary>128 bits (SSE, NEON).</summary>
    Bits128 = 128,

    /// <summary>256 bits (AVX2 + FMA).</summary>
    Bits256 = 256,

    /// <summary>512 bits (AVX-512).</summary>
    Bits512 = 512,
}

/// <summary>The active width: the widest the machine has, unless <c>MLNETCIFAR_SIMD</c> (512, 256, 128 or 1) asks for less.</summary>
internal static class SimdLevel
{
    /// <summary>The width kernels use by default.</summary>
    public static readonly SimdWidth Active = Choose(Environment.GetEnvironmentVariable("MLNETCIFAR_SIMD"));

    /// <summary>
    /// Whether the machine multiplies and adds in one instruction. Elsewhere one rounding takes a call of a library for each number, a hundred times the time of two roundings:
    /// such machines have results of their own. The lanes ask the processor themselves: one call more in each multiplication, though it vanishes, took kernels over the
    /// compiler's limit of calls to inline, and a fifth of their speed.
    /// </summary>
    public static bool IsFused => Fma.IsSupported || AdvSimd.IsSupported;

    /// <summary>All widths this machine runs, widest first.</summary>
    public static IEnumerable<SimdWidth> Available
    {
        get
        {
            if (Lanes512.IsSupported)
                yield return SimdWidth.Bits512;
            if (Lanes256.IsSupported)
                yield return SimdWidth.Bits256;
            if (Lanes128.IsSupported)
                yield return SimdWidth.Bits128;
            yield return SimdWidth.Scalar;
        }
    }

    static SimdWidth Choose(string? asked)
    {
        foreach (var width in Available)
        {
            if (asked is null || !int.TryParse(asked, out var bits) || (int)width <= bits)
                return width;
        }

        return SimdWidth.Scalar;
    }
}
