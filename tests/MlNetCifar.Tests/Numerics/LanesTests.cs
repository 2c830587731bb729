using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

/// <summary>What kernels rely on where values are not plain numbers; on some processors one instruction does it, on others three.</summary>
[TestClass]
public sealed class LanesTests
{
    static readonly float[] s_values =
        [0f, -0f, 1f, -1f, float.Epsilon, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, BitConverter.UInt32BitsToSingle(0x7FC0_0000)];

    [TestMethod]
    public void Max_TakesTheFirstOfEqualsAndWhereEitherIsNaN() => ForAll(static (a, b) => b > a ? b : a, MaxOf<Lanes1, float>, MaxOf<Lanes128, Vector128<float>>, MaxOf<Lanes256, Vector256<float>>, MaxOf<Lanes512, Vector512<float>>);

    [TestMethod]
    public void OrNaN_IsTheValueUnlessEitherIsNaN() => ForAll(static (a, b) => float.IsNaN(a) || float.IsNaN(b) ? float.NaN : 7, OrNaNOf<Lanes1, float>, OrNaNOf<Lanes128, Vector128<float>>, OrNaNOf<Lanes256, Vector256<float>>, OrNaNOf<Lanes512, Vector512<float>>);

    static void ForAll(Func<float, float, float> expected, params Func<float, float, float>[] lanes)
    {
        foreach (var actual in lanes)
            foreach (var a in s_values)
                foreach (var b in s_values)
                    Assert.AreEqual(BitConverter.SingleToUInt32Bits(expected(a, b)), BitConverter.SingleToUInt32Bits(actual(a, b)), $"{actual.Method}: {a}, {b}");
    }

    static float MaxOf<TLanes, V>(float a, float b)
        where TLanes : struct, ILanes<V>
        where V : struct =>
        First(TLanes.Max(TLanes.Broadcast(a), TLanes.Broadcast(b)));

    static float OrNaNOf<TLanes, V>(float a, float b)
        where TLanes : struct, ILanes<V>
        where V : struct =>
        First(TLanes.OrNaN(TLanes.Broadcast(7), TLanes.Broadcast(a), TLanes.Broadcast(b)));

    static float First<V>(V lanes) => Unsafe.As<V, float>(ref lanes);
}
