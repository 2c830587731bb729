using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class GemmTests
{
    static readonly (int M, int N, int K)[] s_sizes = [(1, 1, 1), (13, 33, 7), (12, 32, 64), (100, 17, 40), (7, 130, 1), (49, 50, 51), (400, 20, 9)];

    public static IEnumerable<object[]> Cases => from size in Enumerable.Range(0, s_sizes.Length) from width in SimdLevel.Available select new object[] { size, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Multiply_EqualsDoubleReference(int index, int width)
    {
        var (m, n, k) = s_sizes[index];
        var random = new Random(index);
        float[] Draw(int length) => Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() * 2) - 1)).ToArray();
        float[] a = Draw(m * k), b = Draw(k * n), old = Draw(m * n);
        foreach (var (transposeA, transposeB) in new[] { (false, false), (true, false), (false, true), (true, true) })
            foreach (var (alpha, beta) in new[] { (1f, 0f), (1f, 1f), (-1.5f, 0.25f) })
            {
                var first = Run(1);
                CollectionAssert.AreEqual(first, Run(2));
                CollectionAssert.AreEqual(first, Run(3));
                CollectionAssert.AreEqual(first, Run(8));
                for (var i = 0; i < first.Length; i++)
                {
                    double value = beta == 0 ? 0 : (double)beta * old[i], magnitude = Math.Abs(value);
                    for (var t = 0; t < k; t++)
                    {
                        var term = (double)alpha * a[transposeA ? (t * m) + (i / n) : (i / n * k) + t] * b[transposeB ? (i % n * k) + t : (t * n) + (i % n)];
                        value += term;
                        magnitude += Math.Abs(term);
                    }

                    // As for the convolutions, with one more rounding for alpha and two for beta.
                    Assert.AreEqual(value, first[i], (k + 4) * Math.Pow(2, -24) * magnitude * 1.001, $"{m}×{n}×{k} {transposeA} {transposeB} {alpha} {beta} [{i}]");
                }

                float[] Run(int threads)
                {
                    using var pool = new WorkerPool(threads);
                    GuardedFloats ga = new(a), gb = new(b), gc = new(m * n), workspace = new(Gemm.WorkspaceLength(m, n, k));
                    if (beta != 0)
                        old.CopyTo(gc.Span);
                    Gemm.Multiply(transposeA, transposeB, m, n, k, alpha, ga.Span, gb.Span, beta, gc.Span, workspace.Span, pool, (SimdWidth)width);
                    gc.Check("c");
                    workspace.Check("workspace");
                    return gc.Span.ToArray();
                }
            }
    }

    [TestMethod]
    public void Multiply_RefusesShortSpans()
    {
        using var pool = new WorkerPool(1);
        var workspace = new float[Gemm.WorkspaceLength(2, 3, 4)];
        Assert.ThrowsExactly<ArgumentException>(() => Gemm.Multiply(false, false, 2, 3, 4, 1, new float[7], new float[12], 0, new float[6], workspace, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Gemm.Multiply(false, false, 2, 3, 4, 1, new float[8], new float[12], 0, new float[5], workspace, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Gemm.Multiply(false, false, 2, 3, 4, 1, new float[8], new float[12], 0, new float[6], workspace.AsSpan(1), pool));
    }
}
