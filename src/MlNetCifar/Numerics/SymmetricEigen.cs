namespace MlNetCifar.Numerics;

/// <summary>Eigenvalues and eigenvectors of small symmetric matrices, by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5).</summary>
internal static class SymmetricEigen
{
    const int MaxSweeps = 64;

    /// <summary>Decomposes A = V · diag(λ) · Vᵀ.</summary>
    /// <param name="matrix">[n, n], symmetric; only its upper triangle is read.</param>
    /// <returns>Eigenvalues rising, and the unit eigenvectors as columns [n, n], each with its largest component positive.</returns>
    public static (double[] Values, double[,] Vectors) Decompose(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        var a = new double[n, n];
        var v = new double[n, n];
        for (var i = 0; i < n; i++)
        {
            v[i, i] = 1;
            for (var j = 0; j < n; j++)
                a[i, j] = matrix[Math.Min(i, j), Math.Max(i, j)];
        }

        for (var sweep = 0; sweep < MaxSweeps && OffDiagonal(a) > 0; sweep++)
            for (var p = 0; p < n - 1; p++)
                for (var q = p + 1; q < n; q++)
                    Rotate(a, v, p, q);
        return Sort(a, v);
    }

    static double OffDiagonal(double[,] a)
    {
        double off = 0, all = 0;
        var n = a.GetLength(0);
        for (var i = 0; i < n; i++)
            for (var j = 0; j < n; j++)
            {
                all += a[i, j] * a[i, j];
                off += i == j ? 0 : a[i, j] * a[i, j];
            }

        return off <= all * 1e-30 ? 0 : off;
    }

    static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        if (a[p, q] == 0)
            return;
        var theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        var t = (theta < 0 ? -1 : 1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        var c = 1 / Math.Sqrt((t * t) + 1);
        var s = t * c;
        var n = a.GetLength(0);
        for (var k = 0; k < n; k++)
            (a[k, p], a[k, q]) = ((c * a[k, p]) - (s * a[k, q]), (s * a[k, p]) + (c * a[k, q]));
        for (var k = 0; k < n; k++)
            (a[p, k], a[q, k]) = ((c * a[p, k]) - (s * a[q, k]), (s * a[p, k]) + (c * a[q, k]));
        for (var k = 0; k < n; k++)
            (v[k, p], v[k, q]) = ((c * v[k, p]) - (s * v[k, q]), (s * v[k, p]) + (c * v[k, q]));
    }

    static (double[] Values, double[,] Vectors) Sort(double[,] a, double[,] v)
    {
        var n = a.GetLength(0);
        var order = Enumerable.Range(0, n).OrderBy(i => a[i, i]).ToArray();
        var vectors = new double[n, n];
        for (var column = 0; column < n; column++)
        {
            var source = order[column];
            var largest = Enumerable.Range(0, n).MaxBy(i => Math.Abs(v[i, source]));
            for (var i = 0; i < n; i++)
                vectors[i, column] = v[largest, source] < 0 ? -v[i, source] : v[i, source];
        }

        return ([.. order.Select(i => a[i, i])], vectors);
    }
}
