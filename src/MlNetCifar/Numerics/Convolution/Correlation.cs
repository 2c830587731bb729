namespace MlNetCifar.Numerics;

/// <summary>
/// y[n, p, q, k] = Σ x[n, p·stride + r − top, q·stride + s − left, c] · f[r, s, c, k] with zeros outside x, and where y goes.
/// Forward is one of these; backward-data is stride² of them over ∂loss/∂y, one for each remainder of the input coordinates.
/// Result strides count floats, so that the phases of a strided backward pass interleave.
/// </summary>
internal struct Correlation
{
    public int N, H, W, C, K, R, S, Stride, Top, Left, P, Q, ResultImage, ResultRow, ResultPixel, ResultOffset;

    /// <summary>Floats of a row of the filter matrix that belong together in x: one filter row.</summary>
    public readonly int Segment => S * C;

    /// <summary>Terms of each result.</summary>
    public readonly int Depth => R * S * C;

    /// <summary>Rows of x, padding included, under <paramref name="rows"/> rows of y.</summary>
    public readonly int PaddedRows(int rows) => ((rows - 1) * Stride) + R;

    /// <summary>Columns of x, padding included.</summary>
    public readonly int PaddedColumns => ((Q - 1) * Stride) + S;

    /// <summary>Whether every image of x can be read in place: no zeros around it.</summary>
    public readonly bool Unpadded => Top == 0 && Left == 0 && PaddedRows(P) <= H && PaddedColumns <= W;

    /// <summary>Whether the product is one matrix product: rows of x are rows of the left factor, one by one.</summary>
    public readonly bool IsMatrixProduct => R == 1 && S == 1 && Stride == 1 && Unpadded && P == H && Q == W && ResultRow == Q * ResultPixel && ResultImage == P * ResultRow;

    /// <summary>The forward pass.</summary>
    public static Correlation Forward(in ConvShape s) => new()
    {
        N = s.N, H = s.H, W = s.W, C = s.C, K = s.K, R = s.R, S = s.S, Stride = s.Stride, Top = s.PadTop, Left = s.PadLeft, P = s.P, Q = s.Q,
        ResultImage = s.P * s.Q * s.K, ResultRow = s.Q * s.K, ResultPixel = s.K,
    };

    /// <summary>The part of backward-data that yields rows ≡ <paramref name="row"/> and columns ≡ <paramref name="column"/> modulo the stride.</summary>
    public static Correlation BackwardData(in ConvShape s, int row, int column)
    {
        var (firstR, taps) = Taps(s.R, s.Stride, s.PadTop, row);
        var (firstS, columnTaps) = Taps(s.S, s.Stride, s.PadLeft, column);
        return new()
        {
            N = s.N, H = s.P, W = s.Q, C = s.K, K = s.C, R = taps, S = columnTaps, Stride = 1,
            Top = taps - 1 - ((row + s.PadTop - firstR) / s.Stride), Left = columnTaps - 1 - ((column + s.PadLeft - firstS) / s.Stride),
            P = (s.H - row + s.Stride - 1) / s.Stride, Q = (s.W - column + s.Stride - 1) / s.Stride,
            ResultImage = s.H * s.W * s.C, ResultRow = s.Stride * s.W * s.C, ResultPixel = s.Stride * s.C, ResultOffset = ((row * s.W) + column) * s.C,
        };
    }

    /// <summary>The filter taps that reach the inputs with a remainder: the first one and how many, a stride apart.</summary>
    public static (int First, int Count) Taps(int size, int stride, int pad, int remainder)
    {
        var first = (remainder + pad) % stride;
        return (first, Math.Max(0, (size - first + stride - 1) / stride));
    }
}
