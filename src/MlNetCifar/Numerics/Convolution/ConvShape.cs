namespace MlNetCifar.Numerics;

/// <summary>The geometry of a 2-D convolution: x [N, H, W, C] * f [R, S, C, K] → y [N, P, Q, K].</summary>
/// <param name="N">Images; kernels may be called with fewer.</param>
/// <param name="H">Input rows.</param>
/// <param name="W">Input columns.</param>
/// <param name="C">Channels in.</param>
/// <param name="K">Channels out.</param>
/// <param name="R">Filter rows.</param>
/// <param name="S">Filter columns.</param>
/// <param name="Stride">Step in both directions, ≥ 1.</param>
/// <param name="PadTop">Rows of zeros above.</param>
/// <param name="PadLeft">Columns of zeros to the left.</param>
/// <param name="PadBottom">Rows of zeros below.</param>
/// <param name="PadRight">Columns of zeros to the right.</param>
internal readonly record struct ConvShape(
    int N, int H, int W, int C, int K, int R, int S, int Stride = 1, int PadTop = 0, int PadLeft = 0, int PadBottom = 0, int PadRight = 0)
{
    /// <summary>Output rows.</summary>
    public int P => ((H + PadTop + PadBottom - R) / Stride) + 1;

    /// <summary>Output columns.</summary>
    public int Q => ((W + PadLeft + PadRight - S) / Stride) + 1;

    /// <summary>Floats of x.</summary>
    public int InputLength => checked(N * H * W * C);

    /// <summary>Floats of f.</summary>
    public int FilterLength => checked(R * S * C * K);

    /// <summary>Floats of y.</summary>
    public int OutputLength => checked(N * P * Q * K);

    /// <summary>Floating-point operations of one pass by the direct method: two per multiply-add.</summary>
    public double Flops => 2.0 * N * P * Q * K * R * S * C;

    public override string ToString() => $"[{N}, {H}, {W}, {C}] * [{R}, {S}, {C}, {K}], stride {Stride}, padding {PadTop}, {PadLeft}, {PadBottom}, {PadRight}";

    /// <summary>A dense layer as a convolution: [N, 1, 1, C] * [1, 1, C, K].</summary>
    public static ConvShape Dense(int n, int c, int k) => new(n, 1, 1, c, k, 1, 1);
}
