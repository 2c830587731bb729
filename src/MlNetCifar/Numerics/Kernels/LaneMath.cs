using System.Runtime.CompilerServices;

namespace MlNetCifar.Numerics;

/// <summary>Functions of a vector, written once for every lane width.</summary>
internal static class LaneMath
{
    /// <summary>
    /// eˣ for x clamped to −87 … 88: x = n·ln 2 + r, a polynomial of degree 7 in r (the Taylor coefficients of 1/k! suffice, since |r| ≤ ln 2 / 2
    /// leaves a remainder below 2⁻²⁴), then a power of two. Relative error below 2 ulp.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<TLanes, V>(V x)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        x = TLanes.Min(TLanes.Max(x, TLanes.Broadcast(-87f)), TLanes.Broadcast(88f));
        var n = TLanes.Round(TLanes.Multiply(x, TLanes.Broadcast(1.44269504f)));

        // ln 2 in two parts, the first with few bits, so that n times it is exact.
        var r = TLanes.MultiplyAdd(n, TLanes.Broadcast(-0.693359375f), x);
        r = TLanes.MultiplyAdd(n, TLanes.Broadcast(2.12194440e-4f), r);
        var p = TLanes.Broadcast(1f / 5040);
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f / 720));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f / 120));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f / 24));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f / 6));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(0.5f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Broadcast(1f));
        return TLanes.Multiply(p, TLanes.PowerOfTwo(n));
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<TLanes, V>(V x)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var one = TLanes.Broadcast(1f);
        return TLanes.Divide(one, TLanes.Add(one, Exp<TLanes, V>(TLanes.Subtract(TLanes.Broadcast(0f), x))));
    }

    /// <summary>
    /// The distribution function Φ(x) of the normal distribution, by the rational approximation of erf in Abramowitz and Stegun, 7.1.26 (absolute error 1.5·10⁻⁷),
    /// and its density φ(x), which the approximation computes on the way.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalCdf<TLanes, V>(V x, out V density)
        where TLanes : struct, ILanes<V>
        where V : struct
    {
        var zero = TLanes.Broadcast(0f);
        var one = TLanes.Broadcast(1f);
        var magnitude = TLanes.Max(x, TLanes.Subtract(zero, x));
        var t = TLanes.Divide(one, TLanes.MultiplyAdd(magnitude, TLanes.Broadcast(0.3275911f * 0.70710678f), one));
        var p = TLanes.Broadcast(1.061405429f);
        p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(-1.453152027f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(1.421413741f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(-0.284496736f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Broadcast(0.254829592f));
        var gauss = Exp<TLanes, V>(TLanes.Multiply(TLanes.Multiply(x, x), TLanes.Broadcast(-0.5f)));
        density = TLanes.Multiply(gauss, TLanes.Broadcast(0.39894228f));
        var tail = TLanes.Multiply(TLanes.Multiply(TLanes.Multiply(p, t), gauss), TLanes.Broadcast(0.5f));
        return TLanes.SelectGreater(x, zero, TLanes.Subtract(one, tail), tail);
    }
}
