namespace MlNetCifar.Numerics;

/// <summary>Float arithmetic at one vector width. Implemented by empty structs; calls vanish in the JIT.</summary>
/// <typeparam name="V">The vector: <c>Vector512&lt;float&gt;</c>, <c>Vector256&lt;float&gt;</c>, <c>Vector128&lt;float&gt;</c> or <c>float</c>.</typeparam>
internal unsafe interface ILanes<V>
    where V : struct
{
    /// <summary>Whether this machine runs the width in hardware.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Floats in a <typeparamref name="V"/>: 16, 8, 4 or 1.</summary>
    static abstract int Count { get; }

    static abstract V Broadcast(float x);

    static abstract V Load(float* source);

    static abstract void Store(V value, float* destination);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    static abstract V Divide(V a, V b);

    /// <summary>a·b + c; with one rounding where <see cref="SimdLevel.IsFused"/>, with two elsewhere.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The larger, lane by lane; <paramref name="a"/> where either is NaN.</summary>
    static abstract V Max(V a, V b);

    /// <summary><paramref name="value"/>, but NaN in the lanes where <paramref name="a"/> or <paramref name="b"/> is NaN.</summary>
    static abstract V OrNaN(V value, V a, V b);

    /// <summary>The smaller, lane by lane; <paramref name="a"/> where either is NaN.</summary>
    static abstract V Min(V a, V b);

    static abstract V Sqrt(V a);

    /// <summary>Lane by lane: <paramref name="a"/> &gt; <paramref name="b"/> ? <paramref name="yes"/> : <paramref name="no"/>.</summary>
    static abstract V SelectGreater(V a, V b, V yes, V no);

    /// <summary>2ⁿ for integral n in −126 … 127, lane by lane.</summary>
    static abstract V PowerOfTwo(V n);

    /// <summary>Nearest integer, ties to even.</summary>
    static abstract V Round(V a);

    /// <summary>Sum of the lanes as a fixed pairwise tree.</summary>
    static abstract float Sum(V v);
}
