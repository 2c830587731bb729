using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Numerics;

/// <summary>8 floats at a time.</summary>
internal readonly unsafe struct Lanes256 : ILanes<Vector256<float>>
{
    public static bool IsSupported => Vector256.IsHardwareAccelerated;

    public static int Count => 8;

    public static Vector256<float> Broadcast(float x) => Vector256.Create(x);

    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    public static void Store(Vector256<float> value, float* destination) => value.Store(destination);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Vector256.FusedMultiplyAdd(a, b, c) : (a * b) + c;

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported ? Avx.Max(b, a) : Vector256.ConditionalSelect(Vector256.GreaterThan(b, a), b, a);

    public static Vector256<float> OrNaN(Vector256<float> value, Vector256<float> a, Vector256<float> b) =>
        Vector256.ConditionalSelect(Avx.IsSupported ? Avx.CompareUnordered(a, b) : Vector256.IsNaN(a) | Vector256.IsNaN(b), Vector256.Create(float.NaN), value);

    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.ConditionalSelect(Vector256.LessThan(b, a), b, a);

    public static Vector256<float> Sqrt(Vector256<float> a) => Vector256.Sqrt(a);

    public static Vector256<float> SelectGreater(Vector256<float> a, Vector256<float> b, Vector256<float> yes, Vector256<float> no) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), yes, no);

    public static Vector256<float> PowerOfTwo(Vector256<float> n) => ((Vector256.ConvertToInt32(n) + Vector256.Create(127)) << 23).AsSingle();

    public static Vector256<float> Round(Vector256<float> a) => Vector256.Round(a);

    public static float Sum(Vector256<float> v) => Lanes128.Sum(v.GetLower() + v.GetUpper());
}
