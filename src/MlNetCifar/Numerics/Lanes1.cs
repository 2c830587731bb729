using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Numerics;

/// <summary>One float at a time: the tail loop of every kernel and the portable path.</summary>
internal readonly unsafe struct Lanes1 : ILanes<float>
{
    public static bool IsSupported => true;

    public static int Count => 1;

    public static float Broadcast(float x) => x;

    public static float Load(float* source) => *source;

    public static void Store(float value, float* destination) => *destination = value;

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float Multiply(float a, float b) => a * b;

    public static float Divide(float a, float b) => a / b;

    public static float MultiplyAdd(float a, float b, float c) => Fma.IsSupported || AdvSimd.IsSupported ? MathF.FusedMultiplyAdd(a, b, c) : (a * b) + c;

    public static float Max(float a, float b) => b > a ? b : a;

    public static float OrNaN(float value, float a, float b) => float.IsNaN(a) || float.IsNaN(b) ? float.NaN : value;

    public static float Min(float a, float b) => b < a ? b : a;

    public static float Sqrt(float a) => MathF.Sqrt(a);

    public static float SelectGreater(float a, float b, float yes, float no) => a > b ? yes : no;

    public static float PowerOfTwo(float n) => BitConverter.Int32BitsToSingle(((int)n + 127) << 23);

    public static float Round(float a) => MathF.Round(a);

    public static float Sum(float v) => v;
}
