namespace MlNetCifar.Numerics;

/// <summary>Cholesky's factorisation of matrices, row by row, in place.</summary>
internal static class Cholesky
{
    /// <summary>Replaces the lower triangle of A by L with A = L·Lᵀ; the upper one is not read.</summary>
    /// <param name="matrix">[n, n].</param>
    /// <param name="n">Rows.</param>
    /// <returns>Whether A is positive definite.</returns>
    public static bool TryFactor(Span<double> matrix, int n)
    {
        for (var i = 0; i < n; i++)
        {
            var row = matrix.Slice(i * n, n);
            for (var j = 0; j <= i; j++)
            {
                var other = matrix.Slice(j * n, n);
                var sum = row[j] - Dot(row[..j], other[..j]);
                if (i == j && !(sum > 0))
                    return false;
                row[j] = i == j ? Math.Sqrt(sum) : sum / other[j];
            }
        }

        return true;
    }

    /// <summary>Replaces b by the x of L·Lᵀ·x = b.</summary>
    /// <param name="factor">L, [n, n].</param>
    /// <param name="n">Rows.</param>
    /// <param name="b">n values.</param>
    public static void Solve(ReadOnlySpan<double> factor, int n, Span<double> b)
    {
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < i; j++)
                b[i] -= factor[(i * n) + j] * b[j];
            b[i] /= factor[(i * n) + i];
        }

        for (var i = n - 1; i >= 0; i--)
        {
            for (var j = i + 1; j < n; j++)
                b[i] -= factor[(j * n) + i] * b[j];
            b[i] /= factor[(i * n) + i];
        }
    }

    /// <summary>In four sums, so that additions need not wait for one another.</summary>
    static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0);
        var i = 0;
        for (; i + 4 <= a.Length; i += 4)
        {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }

        for (; i < a.Length; i++)
            s0 += a[i] * b[i];
        return (s0 + s1) + (s2 + s3);
    }
}
