namespace MlNetCifar;

/// <summary>
/// The shape of a tensor: batch × height × width × channels. Layout is NHWC everywhere (channels fastest);
/// filters are [R, S, C, K] (height, width, channels in, channels out). A vector of features is (N, 1, 1, C).
/// </summary>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Rows.</param>
/// <param name="W">Columns.</param>
/// <param name="C">Channels.</param>
public readonly record struct Shape(int N, int H, int W, int C)
{
    /// <summary>Number of elements.</summary>
    public int Length => checked(N * H * W * C);

    /// <summary>Number of elements of one image.</summary>
    public int ImageLength => checked(H * W * C);

    /// <summary>The same shape for another batch size.</summary>
    /// <param name="n">Images in the batch.</param>
    public Shape WithBatch(int n) => this with { N = n };

    /// <summary>For example <c>[64, 32, 32, 3]</c>.</summary>
    public override string ToString() => $"[{N}, {H}, {W}, {C}]";
}
